"""What clearing costs: one network of liabilities, many scenarios of shocks.

`python -m scripts.bench_clearing [--firms 1000] [--scenarios 1000] [--chunk 1]` prints
one JSON object: time, peak memory, waves and linear solves, defaults, cash residual.
"""

import argparse
import time
from typing import Any

from scripts._memory import peak_gb
from scripts._output import dumps, note
from scripts._run import cores, start

MEMORY_LIMIT_GB = 2.0


def main() -> None:
    command = argparse.ArgumentParser(prog="bench_clearing", description=__doc__)
    command.add_argument("--firms", type=int, default=1000)
    command.add_argument("--scenarios", type=int, default=1000)
    command.add_argument("--chunk", type=int)
    command.add_argument("--alpha", type=float, default=0.9)
    command.add_argument("--beta", type=float, default=0.9)
    command.add_argument("--seed", type=int, default=0)
    print(dumps(measure(**vars(command.parse_args())), indent=2))


def random_network(firms: int, scenarios: int, seed: int) -> tuple[Any, Any, Any]:
    """Liabilities, assets by scenario and outside debts, in USD bn.

    Ten creditors a firm, sizes lognormal, equity 3 to 8 % of assets before the shock;
    a common shock and one of its own take external assets down by a few per cent.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    size = rng.lognormal(1.0, 1.0, firms)
    links = rng.random((firms, firms)) < min(1.0, 10.0 / firms)
    np.fill_diagonal(links, False)
    liabilities = links * rng.lognormal(0.0, 0.5, (firms, firms)) * size[:, None] * 0.05
    outside = size
    owed, owned = liabilities.sum(1), liabilities.sum(0)
    equity = rng.uniform(0.03, 0.08, firms) * (owed + outside)
    external = np.maximum(owed + outside + equity - owned, 0.0)
    common = np.abs(rng.normal(0.0, 0.02, (scenarios, 1)))
    own = np.abs(rng.normal(0.0, 0.02, (scenarios, firms)))
    return liabilities, external * np.maximum(1.0 - common - own, 0.0), outside


def measure(
    firms: int,
    scenarios: int,
    chunk: int | None,
    alpha: float,
    beta: float,
    seed: int,
) -> dict[str, Any]:
    """Clears the batch twice (the first call compiles) and checks what is conserved."""
    jax = start(devices=1)
    import jax.numpy as jnp
    import numpy as np

    from engine.contagion import clear_batch

    liabilities, assets, outside = random_network(firms, scenarios, seed)
    note(f"{firms} firms, {scenarios} scenarios …")
    seconds, processor = [], 0.0
    figures = tuple(map(jnp.asarray, (liabilities, assets, outside)))
    for _ in range(2):
        began, worked = time.perf_counter(), time.process_time()
        found = clear_batch(*figures, alpha, beta, chunk=chunk)
        jax.block_until_ready(found)
        seconds.append(time.perf_counter() - began)
        processor = time.process_time() - worked
    peak = peak_gb()
    payments, equity = np.asarray(found.payments), np.asarray(found.equity)
    share = liabilities / np.maximum(liabilities.sum(1) + outside, 1e-300)[:, None]
    inside = payments @ share
    costs = np.where(found.defaults, (1 - alpha) * assets + (1 - beta) * inside, 0.0)
    missing = assets + inside - payments - equity - costs
    solves = np.asarray(found.solves)
    defaults = np.asarray(found.defaults).sum(1)
    return {
        "firms": firms,
        "scenarios": scenarios,
        "chunk": chunk,
        "cores": cores(),
        "seconds_with_compilation": seconds[0],
        "seconds": seconds[1],
        "processor_seconds": processor,
        "milliseconds_per_scenario": 1000 * seconds[1] / scenarios,
        "peak_memory_gb": peak,
        "memory_limit_gb": MEMORY_LIMIT_GB,
        "is_within_memory": peak < MEMORY_LIMIT_GB,
        "linear_solves": {"mean": solves.mean(), "most": int(solves.max())},
        "defaults": {
            "least": int(defaults.min()),
            "median": float(np.median(defaults)),
            "most": int(defaults.max()),
        },
        "cash_residual": float(np.abs(missing).max() / assets.sum(1).max()),
    }


if __name__ == "__main__":
    main()
