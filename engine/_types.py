"""Shape vocabulary: the axis names that annotations use, stated once.

The last axis of a path is `quarter`; like entities stand first. A stock is the value
at the end of the quarter, a flow the sum during it. Formulas are those of one scenario;
what runs inside the quarterly step also takes a scenario axis, last: "spv ...".
"""

from collections.abc import Sequence
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int

# What a public function takes before it has checked shapes and values itself.
ArrayLike = jax.typing.ArrayLike | Sequence[Any]

Scalar = Float[Array, ""]
Flag = Bool[Array, ""]
Status = Int[Array, ""]
Values = Float[Array, "..."]

Path = Float[Array, " quarter"]
PerPeriod = Float[Array, " period"]
PerVehicle = Float[Array, " vehicle"]
PerTranche = Float[Array, " tranche"]
PerRank = Float[Array, "rank ..."]
PerFund = Float[Array, " fund"]
PerInvestor = Float[Array, " investor"]
PerBank = Float[Array, " bank"]
PerAsset = Float[Array, " asset"]
Holdings = Float[Array, "bank asset"]
