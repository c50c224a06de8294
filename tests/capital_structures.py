"""Small capital structures, built and run in one compiled program."""

import jax
import jax.numpy as jnp
import numpy as np

from engine.credit.structure import (
    KINDS,
    Contract,
    Paths,
    Periods,
    Sweep,
    Terms,
    assemble,
    divide,
    pad,
)

YEARS = Periods(8, 1)
NO_SWEEP = Sweep(leverage=[1.0, 2.0], shares=[0.0, 0.0])
solve = jax.jit(divide, static_argnums=3)


def build(kind, **clauses):
    own = {k: v for k, v in clauses.items() if k in KINDS[kind].__dataclass_fields__}
    common = {k: v for k, v in clauses.items() if k not in own}
    return KINDS[kind](
        contract=Contract(**{"rank": 0.0, "amount": 100.0} | common), **own
    )


EQUITY = {"dates": [], "amounts": [], "share": 1.0}


def run(instruments, cfads=30.0, terms=None, periods=YEARS, index=0.0, **paths):
    flows = jnp.full(periods.n, cfads) if np.ndim(cfads) == 0 else jnp.array(cfads)
    rate = jnp.full(periods.n, index) if np.ndim(index) == 0 else jnp.array(index)
    given = Paths.of(flows, rate, **{k: jnp.array(v) for k, v in paths.items()})
    # One number of rows and bands, so that the whole file compiles once.
    rows = pad(assemble(instruments, given, periods), 3)
    table = solve(
        rows, Terms(sweep=NO_SWEEP) if terms is None else terms, given, periods
    )
    np.testing.assert_allclose(table.residual, 0, atol=1e-11)
    return table
