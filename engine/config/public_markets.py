"""Section 8: markets that forced sales move, and who holds what of them."""

from typing import Literal

from pydantic import model_validator

from engine.config.base import Customers, Figure, Section, refusal


class PublicMarket(Section):
    """One class of public assets: how far sales move its price, and for how long."""

    impact: Literal["linear", "exponential"]
    size_usd_bn: Figure
    depth_usd_bn: Figure
    floor_share: Figure
    recovery_per_year: Figure
    spread_pass_x: Figure

    @model_validator(mode="after")
    def _is_a_market(self) -> "PublicMarket":
        for key in ("size_usd_bn", "depth_usd_bn"):
            amount = getattr(self, key).value
            if amount <= 0:
                raise refusal(f"{key} {amount}", "more than 0")
        if self.floor_share.value >= 1:
            floor = f"floor_share {self.floor_share.value}"
            raise refusal(floor, "less than 1, the price before any sale")
        return self


class Holdings(Customers):
    """Shares by class of public assets; the rest is nothing that is traded."""


class Institution(Section):
    """What an institution has invested, and what of a fall uses its buffer."""

    kind: Literal["institution"]
    invested_usd_bn: Figure
    marked_share: Figure
    assets: Holdings


class FundAssets(Section):
    """What funds' other assets are: their sum is in the funds."""

    kind: Literal["funds"]
    assets: Holdings
