r"""Covenants on a ratio: how far it is from a threshold, and what lies between bands.

Shared by the quarterly step (`neocloud.py`, `spv.py`) and by stand-alone capital
structures (`structure.covenants`). A threshold of zero is none: nothing binds.
"""

import jax.numpy as jnp

from engine._types import ArrayLike, Values
from engine.numerics import floats
from engine.survival import HIGHEST


def at_least(ratio: ArrayLike, threshold: ArrayLike) -> Values:
    """ratio/threshold − 1 [1]; the highest headroom without a threshold."""
    ratio, threshold = floats(ratio, threshold)
    has = threshold > 0.0
    return jnp.where(has, ratio / jnp.where(has, threshold, 1.0) - 1.0, HIGHEST)


def passed(ratio: ArrayLike, threshold: ArrayLike, band: ArrayLike) -> Values:
    r"""Share of a test that is passed: 0 at the threshold, 1 a `band` above it.

    $$ \text{clip}((x - \text{threshold})/\text{band}, 0, 1) $$

    Documents test at a threshold; a band keeps what hangs on the test a quantity
    instead of a gate. Without a threshold everything passes.
    """
    ratio, threshold, band = floats(ratio, threshold, band)
    share = jnp.clip((ratio - threshold) / band, 0.0, 1.0)
    return jnp.where(threshold > 0.0, share, 1.0)


def failed(ratio: ArrayLike, threshold: ArrayLike, band: ArrayLike) -> Values:
    """Share of a test that is failed: 0 at the threshold, 1 a `band` below it."""
    ratio, threshold, band = floats(ratio, threshold, band)
    share = jnp.clip((threshold - ratio) / band, 0.0, 1.0)
    return jnp.where(threshold > 0.0, share, 0.0)


def cure_due(cash: ArrayLike, service: ArrayLike, threshold: ArrayLike) -> Values:
    """What owners must add for cash to cover `threshold` times service [USD bn]."""
    cash, service, threshold = floats(cash, service, threshold)
    lacking = jnp.maximum(threshold * service - cash, 0.0)
    return jnp.where(threshold > 0.0, lacking, 0.0)


def acceleration(reach: ArrayLike, before: ArrayLike, threshold: ArrayLike) -> Values:
    r"""Headroom of the default tier, tested in two successive quarters.

    $$ h = \text{clip}(\max(x_t, x_{t-1})/\text{threshold} - 1, -1, 10) $$

    `reach` is the cover with all that owners could add, so that the headroom says how
    far a breach is and not that a cure keeps the test at its threshold. Negative when
    both quarters were below: one bad quarter does not accelerate a loan.
    """
    reach, before = floats(reach, before)
    return jnp.clip(at_least(jnp.maximum(reach, before), threshold), -1.0, HIGHEST)
