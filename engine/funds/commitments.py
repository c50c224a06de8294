r"""Capital calls inside the step: who pays, the line that bridges them, who lends else.

Investors owe a fund what they have committed, the fund owes its subscription line and
the borrowers it has promised to lend to: a tree. Paid down it in order, a quarter is
what `engine.contagion.clear` gives for the same dues (Eisenberg and Noe, 2001).
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.holders import INSTITUTIONS
from engine.funds.members import Members
from engine.grid import DT
from engine.numerics import ratio_above
from engine.once import computed_once

NO_LINE = {
    "subscription_line": 0.0,
    "subscription_spread": 0.0,
    "subscription_advance": 0.0,
    "subscription_delay": 1.0,
}
"""Terms of commitments without a line: investors pay what is lent, at once."""


class CommitmentState(eqx.Module):
    """What investors may still be called for, and the line secured on it [USD bn]."""

    undrawn: Float[Array, "investor member ..."]
    """In order pension, insurer, all others."""
    line: Float[Array, "member ..."]


class CallFlows(eqx.Module):
    """One quarter of calls and of the subscription line [USD bn]."""

    paid: Float[Array, "investor member ..."]
    called: Float[Array, "member ..."]
    """Paid by all, less principal returned."""
    owed: Float[Array, "member ..."]
    """By investors, of what is called: their part, or what is left of it."""
    defaulted: Float[Array, "member ..."]
    """Of that, not paid."""
    due: Float[Array, "member ..."]
    """To the line: what it calls down, and what exceeds its limit."""
    direct: Float[Array, "member ..."]
    """Called for loans that the line does not bridge."""
    drawn: Float[Array, "member ..."]
    swept: Float[Array, "member ..."]
    """Principal that came back and went to the line."""
    repaid: Float[Array, "member ..."]
    """To the line, with what was swept."""
    short: Float[Array, "member ..."]
    """Due to the line and not paid."""
    lent: Float[Array, "member ..."]
    """What investors and sales pay of loans, after the line."""
    missing: Float[Array, "member ..."]
    """Due or promised, and not paid by investors."""
    raised: Float[Array, "member ..."]
    """From other assets sold for it."""
    sold: Float[Array, "member ..."]
    """These assets, at marks."""
    overdrawn: Float[Array, "member ..."]
    """Loans already promised that the bank line pays."""
    returned: Float[Array, "member ..."]
    interest: Float[Array, "member ..."]
    loss: Float[Array, "member ..."]
    """Of the line, borne by banks."""
    line: Float[Array, "member ..."]
    undrawn: Float[Array, "member ..."]
    reach: Float[Array, "member ..."]
    """Share of its lending that commitments still allow."""


class Book(NamedTuple):
    """What the fund has when it calls [USD bn]."""

    need: Float[Array, "member ..."]
    """Net lending that its bank line does not finance; returned where negative."""
    other: Float[Array, "member ..."]
    price: Float[Array, "member ..."]
    """At which other assets are sold."""


class Called(NamedTuple):
    """What calls change, of every cohort [USD bn]: nothing where there are none."""

    overdrawn: Float[Array, "cohort ..."]
    sold: Float[Array, "cohort ..."]
    loss: Float[Array, "cohort ..."]
    line: Float[Array, "cohort ..."]
    interest: Float[Array, "cohort ..."]
    undrawn: Float[Array, "cohort ..."]


class Commitments(eqx.Module):
    """Terms of calls and of the subscription line, of the cohorts that have them."""

    members: Members
    shares: Float[Array, "investor member ..."]
    buffer: Float[Array, "institution ..."]
    start: Float[Array, "member ..."]
    line_start: Float[Array, "member ..."]
    overcall: Float[Array, "member ..."]
    default: Float[Array, "member ..."]
    default_range: Float[Array, "member ..."]
    reserve: Float[Array, "member ..."]
    spread: Float[Array, "member ..."]
    advance: Float[Array, "member ..."]
    called_down: Float[Array, "member ..."]
    """Share of the line that a quarter calls."""

    @staticmethod
    def build(economy: Economy) -> "Commitments | None":
        """Assembles the terms; None if no cohort has commitments."""
        members = Members.of(economy, "undrawn")
        if members is None:
            return None

        def stack(key: str) -> Float[Array, "member ..."]:
            missing = NO_LINE.get(key, 0.0)
            return members.pick(economy.cohort_figures(key, missing))

        start = stack("undrawn")
        named = jnp.stack(
            [
                members.pick(economy.cohort_figures(f"investors.{who}"))
                for who in INSTITUTIONS
            ]
        )
        others = 1.0 - jnp.sum(named, axis=0)
        return Commitments(
            members=members,
            shares=jnp.concatenate([named, others[None]]),
            buffer=jnp.stack([economy[f"investors.{n}.buffer"] for n in INSTITUTIONS]),
            start=start,
            line_start=stack("subscription_line"),
            overcall=stack("overcall"),
            default=stack("lp_default"),
            default_range=stack("lp_default_range"),
            reserve=stack("reserve"),
            spread=stack("subscription_spread"),
            advance=stack("subscription_advance"),
            called_down=jnp.minimum(DT / stack("subscription_delay"), 1.0),
        )

    def opening(self) -> CommitmentState:
        """Commitments by investors' shares, and the line, at `as_of`."""
        return CommitmentState(
            undrawn=self.shares * self.start[None], line=self.line_start
        )

    def of_all(self, calls: CallFlows) -> Called:
        """The members' flows among all cohorts."""
        return Called(
            *(self.members.spread(getattr(calls, name)) for name in Called._fields)
        )

    def paying(
        self, charged: Float[Array, "institution ..."]
    ) -> Float[Array, "investor member ..."]:
        """Share of a call that each investor pays, by how far its buffer is used up."""
        over = jnp.maximum(charged / self.buffer - 1.0, 0.0)[:, None]
        gone = jnp.minimum(over / self.default_range[None], 1.0)
        paying = 1.0 - self.default[None] * gone
        return jnp.concatenate([paying, jnp.ones_like(paying[:1])])

    @computed_once
    def __call__(
        self,
        book: Book,
        charged: Float[Array, "institution ..."],
        short: Float[Array, "..."],
        credit_loss: Float[Array, "member ..."],
        state: CommitmentState,
    ) -> tuple[CallFlows, CommitmentState]:
        """Calls what falls due to the line and what it cannot bridge, and pays both.

        **Arguments:** `charged`, use of each institution's buffer at the start;
        `short`, the short rate; `credit_loss`, at most what banks may book.
        """
        pays = self.paying(charged)
        wanted, back = jnp.maximum(book.need, 0.0), jnp.maximum(-book.need, 0.0)
        # What comes back repays the line before it goes to investors.
        swept = jnp.minimum(back, state.line)
        line, returned = state.line - swept, back - swept
        good = jnp.sum(pays * state.undrawn, axis=0)
        limit = self.advance * good
        due = jnp.maximum(line * self.called_down, line - limit)
        drawn = jnp.minimum(wanted, jnp.maximum(limit - line, 0.0))
        # The line's security is not called for loans.
        free = jnp.maximum(good - line - drawn, 0.0)
        direct = jnp.minimum(wanted - drawn, free)

        call = due + direct
        owed = jnp.minimum(call[None] * self.shares, state.undrawn)
        first = pays * owed
        met = jnp.sum(first, axis=0)
        weight = ratio_above(first, met[None], 0.0, 0.0)
        room = jnp.minimum(self.overcall[None] * first, state.undrawn - first)
        again = jnp.minimum((call - met)[None] * weight, room)
        paid = first + again
        received = jnp.sum(paid, axis=0)

        # The line is senior; sales fill what investors leave open, in the same order.
        to_line = jnp.minimum(received, due)
        to_loans = received - to_line
        lacks_line = due - to_line
        lacks_loans = jnp.maximum(wanted - drawn - to_loans, 0.0)
        missing = lacks_line + lacks_loans
        raised = jnp.minimum(missing, book.other * book.price)
        cured = jnp.minimum(raised, lacks_line)
        overdrawn = lacks_loans - (raised - cured)
        repaid = swept + to_line + cured
        undrawn = state.undrawn - paid
        left, good = line + drawn - to_line - cured, jnp.sum(pays * undrawn, axis=0)
        # As on bank lines: what the quarter's loss does not cover is asked of later.
        loss = jnp.minimum(jnp.maximum(left - good, 0.0), credit_loss)
        left = left - loss

        honoured = jnp.sum(self.shares * pays, axis=0) * (1.0 + self.overcall)
        full = self.reserve * self.start
        stock = ratio_above(jnp.maximum(good - left, 0.0), full, 1.0)
        reach = jnp.minimum(honoured, 1.0) * jnp.clip(stock, 0.0, 1.0)
        flows = CallFlows(
            paid=paid,
            called=received - returned,
            owed=jnp.sum(owed, axis=0),
            defaulted=jnp.sum(owed - first, axis=0),
            due=due,
            direct=direct,
            drawn=drawn,
            swept=swept,
            repaid=repaid,
            short=lacks_line - cured,
            lent=to_loans + raised - cured,
            missing=missing,
            raised=raised,
            sold=raised / book.price,
            overdrawn=overdrawn,
            returned=returned,
            interest=state.line * (short + self.spread) * DT,
            loss=loss,
            line=left,
            undrawn=jnp.sum(undrawn, axis=0),
            reach=reach,
        )
        return flows, CommitmentState(undrawn=undrawn, line=left)
