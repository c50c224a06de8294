r"""Fear by resemblance: what a failure re-prices is what is like the one that failed.

The kernel of `engine.contagion.similarity` factorises: by type into groups, by tenant
into features. So what every borrower meets costs a sum over issuers and one over
features, never a table of issuer by issuer.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contagion.similarity import directions
from engine.economy import Economy
from engine.numerics import ratio_above


class Spreads(eqx.Module):
    """Contagion spread that each borrower meets [1/year].

    By neocloud and by SPV, or one for all where nothing tells them apart.
    """

    clouds: Float[Array, "..."]
    spvs: Float[Array, "..."]
    hybrid: Float[Array, "..."]


class FearState(eqx.Module):
    """What failures of each issuer left, decaying, and what each borrower now meets."""

    clouds: Float[Array, "neocloud ..."]
    spvs: Float[Array, "spv ..."]
    met: Spreads


class Resemblance(eqx.Module):
    """Features of the issuers, and how much of fear goes by them."""

    part: Float[Array, "..."]
    by_type: Float[Array, "..."]
    """Weight of type in the kernel; the rest is tenants'."""
    scale: Float[Array, "..."]
    """One over the mean of the kernel: see `Resemblance.build`."""
    clouds: Float[Array, "neocloud tenant ..."]
    """Revenue by tenant, of length one, or nothing where no tenant is named."""
    spvs: Float[Array, "spv tenant ..."]
    hybrid: Float[Array, "tenant ..."]
    own_clouds: Float[Array, "neocloud ..."]
    """What an issuer without a named tenant lacks to resemble itself wholly."""
    own_spvs: Float[Array, "spv ..."]
    chips: Float[Array, "spv ..."]
    """1 where the vehicle owns chips, 0 where it owns a shell."""

    @staticmethod
    def build(economy: Economy) -> "Resemblance | None":
        r"""Assembles the features; None where the config has no table for it.

        The kernel is scaled so that its mean over all pairs is one,

        $$ \nu \sum_i \sum_j m_i\,k_{ij}\,w_j = \sum_i m_i \sum_j w_j, $$

        with $m$ debt at `as_of` or as signed and $w$ `contagion_weight`: resemblance
        says who meets the fear, not how much of it there is. Own pairs are part of the
        mean, without the ones on the diagonal, since a deal that is written as two
        halves must change nothing.
        """
        if "resemblance.part" not in economy.figures:
            return None
        clouds, spvs, hybrid = _tenants(economy)
        by_type = economy["resemblance.type"]
        debt = _debts(economy)
        weight = (
            economy.stack("neoclouds", "contagion_weight"),
            economy.stack("spvs", "contagion_weight"),
        )
        chips = jnp.asarray(economy.where("spvs", "asset", "chips"), by_type.dtype)
        kinds = ((1.0, 0.0), (0.0, chips), (0.0, 1.0 - chips))
        alike = jnp.zeros_like(by_type)
        for cloud, spv in kinds:
            owed = jnp.sum(cloud * debt[0]) + jnp.sum(spv * debt[1])
            heard = jnp.sum(cloud * weight[0]) + jnp.sum(spv * weight[1])
            alike = alike + by_type * owed * heard
        owed = jnp.sum(clouds * debt[0][:, None], axis=0)
        owed = owed + jnp.sum(spvs * debt[1][:, None], axis=0) + hybrid * debt[2]
        heard = jnp.sum(clouds * weight[0][:, None], axis=0)
        heard = heard + jnp.sum(spvs * weight[1][:, None], axis=0)
        alike = alike + (1.0 - by_type) * jnp.sum(owed * heard)
        pairs = jnp.sum(debt[0]) + jnp.sum(debt[1]) + debt[2]
        pairs = pairs * (jnp.sum(weight[0]) + jnp.sum(weight[1]))
        return Resemblance(
            part=economy["resemblance.part"],
            by_type=by_type,
            scale=ratio_above(pairs, alike, 1.0),
            clouds=clouds,
            spvs=spvs,
            hybrid=hybrid,
            own_clouds=(1.0 - by_type) * (1.0 - jnp.sum(clouds * clouds, axis=1)),
            own_spvs=(1.0 - by_type) * (1.0 - jnp.sum(spvs * spvs, axis=1)),
            chips=chips,
        )

    def opening(self) -> FearState:
        """Nobody has failed."""
        clouds = jnp.zeros_like(self.own_clouds)
        spvs = jnp.zeros_like(self.own_spvs)
        calm = Spreads(clouds=clouds, spvs=spvs, hybrid=jnp.zeros_like(self.part))
        return FearState(clouds=clouds, spvs=spvs, met=calm)

    def __call__(
        self,
        failed: tuple[Float[Array, "neocloud ..."], Float[Array, "spv ..."]],
        seen: Float[Array, "neocloud ..."],
        left: Float[Array, "..."],
        spread: Float[Array, "..."],
        state: FearState,
    ) -> FearState:
        r"""Moves what each borrower meets away from the system's spread.

        $$ \varsigma_i = \varsigma + \rho\,\Big(\nu \sum_j K_{ij} z_j -
           \sum_j z_j\Big), \qquad
           F_j = F_j' e^{-\text{decay}\,\Delta} + \text{failed}_j, \qquad
           z_j = F_j + \text{seen}_j $$

        **Arguments:** `failed` [1/year], impulse × weight × share failing of each
        issuer; `seen` [1/year], what falling shares of a neocloud tell; `left`, the
        share of fear that a quarter leaves; `spread` ς [1/year], the system's.

        **References:** Ahnert and Georg (2018), Journal of Financial Stability 35
        (re-pricing by common exposures).
        """
        clouds = state.clouds * left + failed[0]
        spvs = state.spvs * left + failed[1]
        fear = clouds + seen
        # Sums by type: neoclouds, vehicles that own chips, vehicles that own shells.
        by_clouds, by_spvs = jnp.sum(fear, axis=0), jnp.sum(spvs, axis=0)
        by_chips = jnp.sum(self.chips * spvs, axis=0)
        like = self.chips * by_chips + (1.0 - self.chips) * (by_spvs - by_chips)
        by_tenant = jnp.sum(self.clouds * fear[:, None], axis=0)
        by_tenant = by_tenant + jnp.sum(self.spvs * spvs[:, None], axis=0)
        own = self.part * self.scale
        type_scale = own * self.by_type
        by_tenant = by_tenant * (own - type_scale)
        common = spread - self.part * (by_clouds + by_spvs)
        met = Spreads(
            clouds=common
            + type_scale * by_clouds
            + jnp.sum(self.clouds * by_tenant[None], axis=1)
            + own * self.own_clouds * fear,
            spvs=common
            + type_scale * like
            + jnp.sum(self.spvs * by_tenant[None], axis=1)
            + own * self.own_spvs * spvs,
            hybrid=common + jnp.sum(self.hybrid * by_tenant, axis=0),
        )
        return FearState(clouds=clouds, spvs=spvs, met=met)


def _tenants(
    economy: Economy,
) -> tuple[
    Float[Array, "neocloud tenant"], Float[Array, "spv tenant"], Float[Array, " tenant"]
]:
    """Revenue by tenant, of length one: labs, hyperscalers, and the hybrid cloud.

    What labs don't pay of the hybrid cloud's revenue is business of its own, on which
    the vehicles that it rents from depend.
    """
    labs, scalers = economy.members("labs"), economy.members("hyperscalers")
    names = (*labs, *scalers, *economy.members("hybrid"))
    like = economy["resemblance.part"]
    sold = [economy.stack("neoclouds", f"customers.{x}") for x in (*labs, *scalers)]
    sold.append(jnp.zeros_like(sold[0]))
    let = [economy.where("spvs", "tenant", name) for name in names]
    served = [economy.only("hybrid", f"customers.{x}") for x in labs]
    kept = 1.0 - jnp.sum(jnp.stack(served))
    hybrid = [*served, *[jnp.zeros_like(kept) for _ in scalers], kept]
    return (
        directions(jnp.stack(sold, axis=1)),
        jnp.asarray(let, like.dtype).T,
        directions(jnp.stack(hybrid)[None])[0],
    )


def _debts(
    economy: Economy,
) -> tuple[Float[Array, " neocloud"], Float[Array, " spv"], Float[Array, ""]]:
    """Debt at `as_of` of neoclouds and hybrid cloud, as signed of SPVs [USD bn]."""
    kinds = ("ddtl", "oem", "notes", "convertibles")
    clouds = jnp.sum(jnp.stack([economy.stack("neoclouds", k) for k in kinds]), axis=0)
    drawn = jnp.asarray(economy.where("spvs", "funding", "drawn"))
    loan = economy.stack("spvs", "ltc") * economy.stack("spvs", "construction_cost")
    spvs = jnp.where(drawn, loan, economy.stack("spvs", "notes"))
    return clouds, spvs, economy.only("hybrid", "legacy_debt")
