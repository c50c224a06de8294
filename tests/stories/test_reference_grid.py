"""Break-evens of economies of the reference grid, audited (all of it: `make grid`)."""

import jax.numpy as jnp
import pytest

from calibration.audit import audit
from calibration.located import locate
from calibration.reference_grid import reference_grid
from tests.properties.runs import as_shipped

pytestmark = pytest.mark.slow


def test_nothing_contradicts_the_statuses_of_some_economies_of_the_grid():
    stories = ("base", "slow", "disproved")
    economies = {name: as_shipped(name).economy for name in stories}
    cases = reference_grid(economies, 32)
    found = locate(economies["base"], as_shipped("base").grid)
    seen: set[str] = set()
    for case in cases[:: len(cases) // 12]:
        assert case.economy["adoption.ceiling"].dtype == jnp.float64
        for finding in audit(found.again(case.economy)):
            assert finding.faults == (), (case.story, case.name, finding.criterion)
            seen.add(finding.status)
    assert {"ok", "always_holds", "never_holds", "fails_at_base"} <= seen
