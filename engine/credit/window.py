"""The market for money as a borrower meets it at the start of a quarter."""

import equinox as eqx
from jaxtyping import Array, Float


class Window(eqx.Module):
    """How open money is this quarter, access × openness, and the spread it costs."""

    open: Float[Array, "..."]
    spread: Float[Array, "..."]
    """The system's, or by borrower where resemblance tells them apart."""
    resold: Float[Array, "..."] | None = None
    """How open it is for loans of which an agency buys a part; None without one."""

    buyers: Float[Array, "..."] | None = None
    """What buyers of failed companies can pay [USD bn]; None where nobody buys."""

    @property
    def loans(self) -> Float[Array, "..."]:
        """How open it is for secured loans and take-outs."""
        return self.open if self.resold is None else self.resold
