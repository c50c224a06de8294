"""Chips in short supply: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import retold
from tests.oracle.comparing import check


@pytest.mark.slow
def test_engine_equals_oracle_when_chips_are_short(tmp_path):
    story = str(retold(tmp_path, "chip_shortage").with_suffix(""))
    case = check(story, n_random=4, most_excluded=0)
    share = np.asarray(case.results.record.prices.chips)
    # Supply bound in some quarters and not in others, or nothing was compared.
    assert (share < 0.9).any()
    assert (share == 1.0).any()
    served = np.asarray(case.results.record.chips.share.clouds)
    assert (served[..., 0] == 1.0).all()
    assert (served[..., 1:] < 0.9).any()


@pytest.mark.slow
def test_engine_equals_oracle_when_chips_and_power_are_short(tmp_path):
    """What is delivered joins the queue for power; buyers are of every rank."""
    path = retold(tmp_path, "chip_shortage")
    told = 'source = "choice: a test", date = "2026", confidence = "choice", '

    def figure(key, value):
        return f"{key} = {{ value = {value}, {told}bounds = [0.0, 1000.0] }}\n"

    text = path.read_text(encoding="utf-8")
    text += "\n[market.queue]\n" + figure("connections_gw_per_year", 11.0)
    text += figure("growth_pct", 8.0) + figure("opening_gw", 1.0)
    text += "\n[neoclouds.rest_of_neoclouds]\n" + figure("chip_priority_rank", 3.0)
    text += "\n[hyperscalers.meta]\n" + figure("chip_priority_rank", 1.0)
    text += "\n[hybrid.oracle]\n" + figure("chip_priority_rank", 3.0)
    path.write_text(text, encoding="utf-8")
    case = check(str(path.with_suffix("")), n_random=2, most_excluded=0)
    record = case.results.record
    assert (np.asarray(record.prices.waiting) > 0.1).any()
    assert (np.asarray(record.prices.on_order) > 0.1).any()
    assert (np.asarray(record.chips.share.hybrid) == 0.0).any()


@pytest.mark.slow
def test_engine_equals_oracle_on_the_shipped_shortage():
    case = check("scenarios/chip_shortage", n_random=2, most_excluded=0)
    assert (np.asarray(case.results.record.prices.chips) < 0.9).any()
