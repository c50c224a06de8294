"""The market for money as a borrower meets it at the start of a quarter."""

import equinox as eqx
from jaxtyping import Array, Float


class Window(eqx.Module):
    """How open money is this quarter: access × openness, and the system's spread."""

    open: Float[Array, "..."]
    spread: Float[Array, "..."]
