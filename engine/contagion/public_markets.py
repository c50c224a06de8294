"""Fire sales inside the quarter: who must sell moves prices that others' buffers feel.

Pensions and insurers own public assets, so do banks and, beside their loans, funds.
A sale lowers prices for a while; everybody is marked to market, and what is then above
a buffer is sold too, to the fixed point of the quarter. *Sellers* are the institutions
and, last, banks, where the config says to what leverage these return.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contagion.rounds import all_rounds
from engine.economy import Economy
from engine.grid import DT
from engine.investors import INSTITUTIONS, InvestorFlows, Investors, InvestorState
from engine.once import computed_once

STEPS = 3
"""Sums of all later rounds; the first is exact where impact is linear."""

LEAST = 1e-6
"""Least that a portfolio or a depth to the floor divides by [USD bn]."""


class PublicState(eqx.Module):
    """Prices and portfolios at the end of a quarter; 1 is the undisturbed price."""

    fallen: Float[Array, "asset ..."]
    """What prices stand below 1: single precision would round it away in a price."""
    kept: Float[Array, "seller ..."]
    """Share of its opening portfolio that a seller still holds: sales are pro rata."""
    realised: Float[Array, "seller ..."]
    """Cumulated loss of having sold below the undisturbed price [USD bn]."""
    other: Float[Array, "..."]
    """Fall of a unit of funds' other assets when they were last valued."""
    bank_charged: Float[Array, "..."] | None = None
    """Largest use of banks' buffer so far; None where they sell nothing."""


class Quotes(eqx.Module):
    """Prices as the quarter begins: what is left of earlier falls."""

    fallen: Float[Array, "asset ..."]
    lost: Float[Array, "..."]
    """Fall of a unit of funds' other assets."""
    other: Float[Array, "..."]
    """Price of it."""
    moved: Float[Array, "..."]
    """Its change since funds were last valued."""


class PublicFlows(eqx.Module):
    """Prices, sales and marks of the quarter [USD bn]; marks are no credit losses."""

    price: Float[Array, "asset ..."]
    sold: Float[Array, "asset ..."]
    """Forced sales of institutions, banks and funds, at prices as the quarter began."""
    first: Float[Array, "..."]
    """Of all of them, those of the first round."""
    worth: Float[Array, "seller ..."]
    mark_loss: Float[Array, "seller ..."]
    """What the kept assets of sellers stand below their undisturbed value."""
    proceeds: Float[Array, "seller ..."]
    paid: Float[Array, "asset ..."]
    """By the buyers of what sellers but funds sell."""
    discount: Float[Array, "seller ..."]
    """Realised: what sellers got below undisturbed value, and buyers gain later."""
    bank_mark: Float[Array, "..."]
    """Of what banks still hold at fair value."""
    bank_used: Float[Array, "..."]
    """Of banks' buffer: their mark and what they gave up by selling."""
    fund_mark: Float[Array, "..."]
    used: Float[Array, "seller ..."]
    """Use of the buffer at the quarter's end, marks and realised losses included."""
    charged: Float[Array, "seller ..."]
    forced_sales: Float[Array, "seller ..."]
    impact: Float[Array, "..."]
    """Rise of lenders' spread per `sale_impulse`, from the quarter's fall of prices."""
    remainder: Float[Array, "..."]
    """Sales that one more round would change, per unit of all."""


class Sales(eqx.Module):
    """Where the rounds end."""

    fall: Float[Array, "asset ..."]
    sold: Float[Array, "seller ..."]
    by_asset: Float[Array, "asset ..."]
    first: Float[Array, "..."]
    used: Float[Array, "seller ..."]
    remainder: Float[Array, "..."]


class PublicMarkets(eqx.Module):
    """Depth, floor and recovery of every market, and who holds what."""

    depth: Float[Array, "asset ..."]
    floor: Float[Array, "asset ..."]
    remains: Float[Array, "asset ..."]
    """Share of a fall that is left a quarter later."""
    spread_pass: Float[Array, "asset ..."]
    concave: Float[Array, "asset ..."]
    """1 where impact is exponential, 0 where linear."""
    portfolio: Float[Array, "seller asset ..."]
    """At undisturbed prices, as the economy opens [USD bn]."""
    marked: Float[Array, "seller ..."]
    """Share of a mark loss that uses the buffer."""
    buffer: Float[Array, "seller ..."]
    multiple: Float[Array, "seller ..."]
    """Sold per loss beyond the buffer."""
    bank: Float[Array, "asset ..."]
    """Banks' holdings at fair value [USD bn]."""
    mix: Float[Array, "asset ..."]
    """Share of funds' other assets."""
    impacts: tuple[bool, ...] = eqx.field(static=True)
    """Whether each market's impact is exponential."""

    @staticmethod
    def build(economy: Economy) -> "PublicMarkets | None":
        """Assembles the markets; None where the config has none.

        Banks sell of what they hold at fair value, all of it marked; a sale of what is
        held to maturity would put the rest at market.
        """
        assets = economy.public_markets()
        if not assets:
            return None

        def holdings(holder: str) -> Float[Array, " asset"]:
            of = f"portfolios.{holder}.assets"
            return jnp.stack([economy[f"{of}.{asset}"] for asset in assets])

        def invested(holder: str) -> Float[Array, " asset"]:
            return economy[f"portfolios.{holder}.invested"] * holdings(holder)

        depth = economy.stack("public_markets", "depth")
        impacts = economy.where("public_markets", "impact", "exponential")
        portfolio = [invested(n) for n in INSTITUTIONS]
        marked = [economy[f"portfolios.{n}.marked"] for n in INSTITUTIONS]
        buffer = [economy[f"investors.{n}.buffer"] for n in INSTITUTIONS]
        multiple = [economy[f"investors.{n}.sale_multiple"] for n in INSTITUTIONS]
        bank = economy["portfolios.bank.marked"] * invested("bank")
        if economy.banks_sell():
            # A loss X of equity at leverage l asks for sales of (l - 1) X.
            portfolio.append(bank)
            marked.append(jnp.ones_like(marked[0]))
            buffer.append(economy["banks.buffer"])
            multiple.append(economy["banks.target_leverage"] - 1.0)
        return PublicMarkets(
            depth=depth,
            floor=economy.stack("public_markets", "floor"),
            remains=jnp.exp(-economy.stack("public_markets", "recovery") * DT),
            spread_pass=economy.stack("public_markets", "spread_pass"),
            concave=jnp.asarray(impacts, depth.dtype),
            portfolio=jnp.stack(portfolio),
            marked=jnp.stack(marked),
            buffer=jnp.stack(buffer),
            multiple=jnp.stack(multiple),
            bank=bank,
            mix=holdings("funds"),
            impacts=impacts,
        )

    def opening(self) -> PublicState:
        """Undisturbed prices, whole portfolios."""
        return PublicState(
            fallen=jnp.zeros_like(self.depth),
            kept=jnp.ones_like(self.marked),
            realised=jnp.zeros_like(self.marked),
            other=jnp.zeros_like(self.depth[0]),
            bank_charged=jnp.zeros_like(self.depth[0]) if self.banks_sell else None,
        )

    @property
    def banks_sell(self) -> bool:
        """Whether banks are the last of the sellers."""
        return self.portfolio.shape[0] > len(INSTITUTIONS)

    @computed_once
    def quotes(self, state: PublicState) -> Quotes:
        """Prices as the quarter begins: falls fade at the markets' speed."""
        fallen = state.fallen * self.remains
        lost = jnp.sum(self.mix * fallen, axis=0)
        return Quotes(
            fallen=fallen, lost=lost, other=1.0 - lost, moved=state.other - lost
        )

    def fall(
        self,
        sales: Float[Array, "asset ..."],
        room: Float[Array, "asset ..."],
        steep: Float[Array, "asset ..."],
    ) -> tuple[Float[Array, "asset ..."], Float[Array, "asset ..."]]:
        r"""Relative fall as `price_fall`, and its slope; `steep` is 1/κD."""
        moved = jnp.expm1(-sales * steep)
        concave, its_slope = -room * moved, (1.0 + moved) / self.depth
        if all(self.impacts):
            return concave, its_slope
        linear = jnp.minimum(sales / self.depth, room)
        slope = jnp.where(linear < room, 1.0 / self.depth, 0.0)
        is_concave = self.concave > 0.5
        return (
            jnp.where(is_concave, concave, linear),
            jnp.where(is_concave, its_slope, slope),
        )

    def settle(
        self,
        price: Float[Array, "asset ..."],
        kept: Float[Array, "seller ..."],
        used: Float[Array, "seller ..."],
        threshold: Float[Array, "seller ..."],
        multiple: Float[Array, "seller ..."],
        from_funds: Float[Array, "asset ..."],
        steps: int = STEPS,
    ) -> Sales:
        r"""Rounds of sales and marks, to their fixed point.

        Seller $i$ has used $u_i$ of its buffer; it sells $m_i$ times what is above
        $b_i$, at most all it has, pro rata to what it holds ($W_{ia}$, $W_i$ in sum):

        $$ q_i = \mathrm{clip}\big(m_i(u_i + \nu_i \textstyle\sum_a W_{ia} y_a - b_i),
           0, W_i\big), \qquad
           y_a = \Psi_a\big(\textstyle\sum_i q_i W_{ia}/W_i + f_a\big). $$

        The first round sells for what was used before. With the gain $G_{ij}$ of $i$'s
        sales to $j$'s all later rounds sum to $(1 - G)^{-1}$ of the next one: exactly,
        where impact is linear and the sellers stay the same. Elsewhere that is a step
        of Newton's method, and `steps` of them follow; with 0 only the first round
        sells.

        **Arguments:** `price[asset]` as the quarter begins, `kept[seller]` of the
        portfolio, `used`, `threshold` [USD bn], `multiple` [x], `from_funds[asset]`
        $f$ [USD bn]; `steps`, static.

        **Returns:** `Sales`; `remainder` is the change that one more round would make,
        per unit of all sales (at least 1 bn): with $\lVert G\rVert_1 = g < 1$ the fixed
        point is within $1/(1 - g)$ times that.

        **References:** Greenwood, Landier and Thesmar (2015), JFE 115(3), eq. 4 (one
        linear round); Cont and Schaanning (2017), Norges Bank WP 02/2017, §3 (rounds,
        concave impact with a floor).
        """
        room = jnp.maximum(1.0 - self.floor / price, 0.0)
        steep = 1.0 / jnp.maximum(room * self.depth, LEAST)
        worth = self.portfolio * price[None]
        whole = jnp.maximum(jnp.sum(worth, axis=1), LEAST)
        split = worth / whole[:, None]
        total = kept * whole
        marked = total * self.marked
        gain = multiple * marked

        def sell(used: Float[Array, "seller ..."]) -> Float[Array, "seller ..."]:
            return jnp.clip(multiple * (used - threshold), 0.0, total)

        def prices(sold: Float[Array, "seller ..."]):
            by_asset = jnp.sum(split * sold[:, None], axis=0) + from_funds
            fall, slope = self.fall(by_asset, room, steep)
            felt = used + marked * jnp.sum(split * fall[None], axis=1)
            return by_asset, fall, felt, slope

        sold = sell(used)
        by_asset, fall, felt, slope = prices(sold)
        first = jnp.sum(by_asset, axis=0)
        for _ in range(steps):
            wanted = sell(felt)
            sells = jnp.where((wanted > 0.0) & (wanted < total), gain, 0.0)
            falls = split * slope[None]
            sold = jnp.clip(
                sold + all_rounds(wanted - sold, sells, falls, split), 0.0, total
            )
            by_asset, fall, felt, slope = prices(sold)
        again = jnp.sum(jnp.abs(sell(felt) - sold), axis=0)
        return Sales(
            fall=fall,
            sold=sold,
            by_asset=by_asset,
            first=first,
            used=felt,
            remainder=again / jnp.maximum(jnp.sum(by_asset, axis=0), 1.0),
        )

    @computed_once
    def __call__(
        self,
        quotes: Quotes,
        used: Float[Array, "investor ..."],
        charged: Float[Array, "investor ..."],
        bank_lost: Float[Array, "..."],
        sold: Float[Array, "cohort ..."],
        other: Float[Array, "cohort ..."],
        state: PublicState,
    ) -> tuple[PublicFlows, PublicState]:
        """Sells, marks everybody to market, and sells what that uses up.

        `used` is what losses use of the institutions' buffers, `charged` the most that
        anything used so far, `bank_lost` what banks lost on loans and lines; `sold` and
        `other` are cohorts' sales and what they keep.
        """
        if state.bank_charged is not None:
            used = jnp.concatenate([used, bank_lost[None]])
            charged = jnp.concatenate([charged, state.bank_charged[None]])
        whole, price = jnp.sum(self.portfolio, axis=1), 1.0 - quotes.fallen
        below = jnp.sum(self.portfolio * quotes.fallen[None], axis=1)
        held = (whole - below) * state.kept
        base = used + state.realised + self.marked * below * state.kept
        from_funds = self.mix * jnp.sum(sold, axis=0)
        sales = self.settle(
            price,
            state.kept,
            base,
            jnp.maximum(self.buffer, charged),
            self.multiple,
            from_funds,
        )
        fell = price * sales.fall
        fallen = quotes.fallen + fell
        below = jnp.sum(self.portfolio * fallen[None], axis=1)
        now, gap = (whole - below) * state.kept, below * state.kept
        # Sold at the quarter's price, by those who had to, to those who need not sell.
        share = sales.sold / jnp.maximum(held, LEAST)
        discount, mark_loss = share * gap, (1.0 - share) * gap
        realised = state.realised + discount
        reached = jnp.maximum(charged, sales.used)
        if self.banks_sell:
            bank_mark = mark_loss[-1]
            bank_used = bank_mark + realised[-1]
        else:
            bank_mark = bank_used = jnp.sum(self.bank * fallen, axis=0)
        flows = PublicFlows(
            price=1.0 - fallen,
            sold=sales.by_asset,
            first=sales.first,
            worth=(1.0 - share) * now,
            mark_loss=mark_loss,
            proceeds=share * now,
            paid=(sales.by_asset - from_funds) * (1.0 - sales.fall),
            discount=discount,
            bank_mark=bank_mark,
            bank_used=bank_used,
            fund_mark=jnp.sum(other, axis=0) * jnp.sum(self.mix * fallen, axis=0),
            used=used + realised + self.marked * mark_loss,
            charged=reached,
            forced_sales=sales.sold,
            impact=jnp.sum(self.spread_pass * fell, axis=0),
            remainder=sales.remainder,
        )
        return flows, PublicState(
            fallen=fallen,
            kept=state.kept * (1.0 - share),
            realised=realised,
            other=quotes.lost,
            bank_charged=reached[-1] if self.banks_sell else None,
        )


def quoted(markets: PublicMarkets | None, state: PublicState | None) -> Quotes | None:
    """Prices as the quarter begins; None where the config has no public markets."""
    if markets is None or state is None:
        return None
    return markets.quotes(state)


def traded(
    markets: PublicMarkets | None,
    quotes: Quotes | None,
    investors: Investors,
    booked: tuple[InvestorFlows, InvestorState],
    charged: Float[Array, "investor ..."],
    sold: Float[Array, "cohort ..."],
    other: Float[Array, "cohort ..."],
    state: PublicState | None,
) -> tuple[PublicFlows | None, PublicState | None, InvestorFlows, InvestorState]:
    """The markets' quarter, and investors marked to them; without markets as booked."""
    flows, after = booked
    if markets is None or quotes is None or state is None:
        return None, None, flows, after
    bank_lost = after.bank_direct + after.bank_lines
    public, next_public = markets(
        quotes, flows.used, charged, bank_lost, sold, other, state
    )
    n = len(INSTITUTIONS)
    flows, after = investors.marked_to_market(
        flows,
        after,
        public.used[:n],
        public.charged[:n],
        public.forced_sales[:n],
        public.bank_used,
    )
    return public, next_public, flows, after
