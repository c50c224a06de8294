"""What creditors made of failed neoclouds: which way, at what value, at what loss.

Read from the record of one run; nothing in the step reads it (docs/model.md, section
5, "Workout").
"""

from typing import Any, NamedTuple

import numpy as np

WAYS = ("liquidation", "sale", "exchange")
"""What creditors choose from."""

_FAILED = 1e-9
"""A smaller share of a neocloud is rounding, not a failure."""


class Outcome(NamedTuple):
    """How a neocloud's failures ended; of a cohort the average over what failed.

    Amounts are of one member [USD bn], `paid_bn` of all that failed; of `failed_share`
    the part that went each way is in `shares`, the most of it is `way`.
    """

    way: str
    failed_share: float
    shares: dict[str, float]
    going_concern_bn: float
    values_bn: dict[str, float]
    paid_bn: float
    """What buyers paid."""
    claims_bn: float
    recovered_bn: float
    loss_given_default_share: float
    loss_given_default_secured_share: float
    loss_given_liquidation_secured_share: float
    """What it would have been had the chips been liquidated."""


def outcomes(clouds: Any, members: tuple[str, ...]) -> dict[str, Outcome]:
    """Every neocloud that failed, by name; nothing without a workout."""
    if clouds.workout is None:
        return {}
    failing = np.asarray(clouds.failing)
    return {
        member: _outcome(clouds, failing[:, i], i)
        for i, member in enumerate(members)
        if failing[:, i].sum() > _FAILED
    }


def _outcome(clouds: Any, failing: Any, i: int) -> Outcome:
    ways = clouds.workout
    share = failing / failing.sum()

    def average(series: Any) -> float:
        return float(np.sum(share * np.asarray(series)[:, i]))

    liquidated, sold = np.asarray(ways.liquidated), np.asarray(ways.sold)
    parts = (liquidated, sold, 1.0 - liquidated - sold)
    shares = {way: average(part) for way, part in zip(WAYS, parts, strict=True)}
    secured, unsecured = np.asarray(clouds.claim_secured), clouds.claim_unsecured
    senior = np.asarray(clouds.recovery_secured) * secured
    junior = np.asarray(clouds.recovery_unsecured) * np.asarray(unsecured)
    claims = average(secured) + average(unsecured)
    recovered = average(senior) + average(junior)
    forced = average(np.minimum(np.asarray(ways.liquidation), secured))
    owed = average(secured)
    return Outcome(
        way=max(shares, key=lambda way: shares[way]),
        failed_share=float(failing.sum()),
        shares=shares,
        going_concern_bn=average(ways.going_concern),
        values_bn={way: average(getattr(ways, way)) for way in WAYS},
        paid_bn=float(np.sum(np.asarray(ways.paid)[:, i])),
        claims_bn=claims,
        recovered_bn=recovered,
        loss_given_default_share=_loss(recovered, claims),
        loss_given_default_secured_share=_loss(average(senior), owed),
        loss_given_liquidation_secured_share=_loss(forced, owed),
    )


def _loss(recovered: float, claims: float) -> float:
    """Part of the claims that is lost; 0 where nothing is claimed."""
    return 1.0 - recovered / claims if claims > _FAILED else 0.0
