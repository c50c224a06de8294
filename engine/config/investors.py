"""Section 7: who bears the losses last."""

from typing import Literal

from engine.config.base import Figure, Section


class Pension(Section):
    """Pension funds."""

    kind: Literal["pension"]
    buffer_usd_bn: Figure
    sale_multiple_x: Figure


class Insurer(Section):
    """Life insurers."""

    kind: Literal["insurer"]
    buffer_usd_bn: Figure
    charge_slope_x: Figure
    sale_multiple_x: Figure


class Holder(Section):
    """Who bears losses without a buffer, and sells nothing for them."""

    kind: Literal["holder"]


class Banks(Section):
    """The stress-tested banks as one."""

    buffer_usd_bn: Figure
    cet1_usd_bn: Figure


class Government(Section):
    """The guarantor."""

    claim_threshold_usd_bn: Figure
