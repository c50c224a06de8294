r"""Covenants on a cover, as the quarterly step and stand-alone structures test them.

What depends on documents alone is settled when terms are assembled (`threshold`,
`Acceleration.build`), so that a test costs the step a few operations.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from engine._types import ArrayLike, Values
from engine.numerics import floats
from engine.survival import HIGHEST

NONE = -1e6
"""A cover that nothing falls below: the threshold of a test that does not exist."""


def threshold(level: ArrayLike) -> Values:
    """The level of a test; 0 in the figures means that there is none."""
    (level,) = floats(level)
    return jnp.where(level > 0.0, level, NONE)


def passed(cover: Values, least: Values, band: Values) -> Values:
    r"""Share of a test that is passed: 0 at the threshold, 1 a `band` above it.

    $$ \text{clip}((x - \text{least})/\text{band}, 0, 1) $$

    Documents test at a threshold; a band keeps what hangs on the test a quantity
    instead of a gate.
    """
    return jnp.clip((cover - least) / band, 0.0, 1.0)


def failed(cover: Values, least: Values, band: Values) -> Values:
    """Share of a test that is failed: 0 at the threshold, 1 a `band` below it."""
    return jnp.clip((least - cover) / band, 0.0, 1.0)


class Cover(NamedTuple):
    """Cash over service, and a service that can be divided by."""

    ratio: Values
    service: Values


def cover(cash: Values, service: Values) -> Cover:
    """Cover of what is due [1]; one above the highest headroom where nothing is."""
    is_due = service > 1e-9
    safe = jnp.where(is_due, service, 1.0)
    return Cover(jnp.where(is_due, cash / safe, 1.0 + HIGHEST), safe)


def cure_due(cash: Values, service: Values, least: Values) -> Values:
    """What owners must add for cash to cover `least` times service [USD bn]."""
    return jnp.maximum(least * service - cash, 0.0)


class Acceleration(eqx.Module):
    r"""The default tier: lenders accelerate after two successive quarters below.

    $$ h = \text{clip}(\max(x_t, x_{t-1})/\text{least} - 1, -1, 10) $$

    with $x$ the cover including all that owners could add: the headroom says how far a
    breach is, not that a cure keeps the test at its threshold. Without a threshold it
    is the highest.
    """

    least: Values
    inverse: Values
    lift: Values
    owners: Values
    """Share of the owners' capacity that may go into a cure."""

    @staticmethod
    def build(level: Values, owners: Values) -> "Acceleration":
        """From the figures: `level` 0 is no test, and nothing to cure."""
        exists = level > 0.0
        return Acceleration(
            least=level,
            inverse=jnp.where(exists, 1.0 / jnp.where(exists, level, 1.0), 0.0),
            lift=jnp.where(exists, -jnp.ones_like(level), HIGHEST),
            owners=jnp.where(exists, owners, 0.0),
        )

    def headroom(self, reach: Values, before: Values) -> Values:
        """Negative when this quarter's reach and last quarter's were below."""
        best = jnp.maximum(reach, before)
        return jnp.clip(best * self.inverse + self.lift, -1.0, HIGHEST)
