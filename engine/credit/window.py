"""The market for money as a borrower meets it at the start of a quarter."""

import equinox as eqx
from jaxtyping import Array, Float


class Window(eqx.Module):
    """How open money is this quarter, access × openness, and the spread it costs."""

    open: Float[Array, "..."]
    spread: Float[Array, "..."]
    """The system's, or by borrower where resemblance tells them apart."""
