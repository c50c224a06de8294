"""Which array layout for the scan over quarters? Evidence for decision 0001.

A toy chain (3 vehicles, 3 tranches each: revenue, opex, tax, reserve, sequential
waterfall, refinancing, equity cure, default, recovery; 97 quarters), one formula a
line, written for one scenario. The layouts differ only in where the scenarios are.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import time

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import jax
import jax.numpy as jnp
import numpy as np

VEHICLES, TRANCHES, QUARTERS, BATCH = 3, 3, 97, 4096
PER_VEHICLE = dict(
    share=(0.3, 0.5), opex=(0.25, 0.4), fixed=(0.2, 0.4), tax=(0.2, 0.25)
)
PER_VEHICLE |= dict(life=(0.04, 0.06), capex=(0.1, 0.2), minimum=(0.4, 0.6))
PER_VEHICLE |= dict(
    reserve=(0.2, 0.5), cure=(0.1, 0.2), lgd=(0.3, 0.6), floor=(0.3, 0.5)
)
PER_TRANCHE = dict(spread=(0.02, 0.08), amort=(0.01, 0.05), refi=(0.1, 0.5))


def waterfall(cash, dues, cumulate):
    """Pay `dues[rank, ...]` in order; whole rank axis at once, or rank by rank."""
    if cumulate == "loop":
        paid = []
        for due in dues:
            paid.append(jnp.minimum(jnp.maximum(cash, 0), due))
            cash = cash - paid[-1]
        return jnp.stack(paid) if isinstance(dues, jax.Array) else paid
    if cumulate == "cumsum":
        senior = jnp.cumsum(dues, 0) - dues
    else:  # "mask": a strictly lower triangle, summed over a broadcast axis: no dot
        below = jnp.tril(jnp.ones((TRANCHES, TRANCHES), dues.dtype), -1)
        below = below.reshape(below.shape + (1,) * (dues.ndim - 1))
        senior = jnp.sum(below * dues[None], 1)
    return jnp.clip(cash - senior, 0, dues)


def step(p, state, shock, cumulate, total=lambda x: jnp.sum(x, 0)):
    """One quarter. `total` sums the first axis, or a list where there is none."""
    demand, price, rate = shock
    cash, fleet, alive, debt = state
    lists = isinstance(debt, list)
    over = (lambda f, *x: [f(*y) for y in zip(*x, strict=True)]) if lists else None
    each = over or (lambda f, *x: f(*x))
    usage = jnp.clip(demand * p["share"] / jnp.maximum(fleet, 0.1), 0, 1)
    usage = jnp.maximum(usage, p["minimum"])
    revenue = fleet * usage * price * alive
    ebitda = revenue * (1 - p["opex"]) - p["fixed"] * 0.2 * alive
    interest = each(lambda d, s: d * (rate + s) / 4, debt, p["spread"])
    depreciation = fleet * p["life"]
    tax = p["tax"] * jnp.maximum(ebitda - depreciation - total(interest), 0)
    capex = jnp.minimum(p["capex"] * fleet, jnp.maximum(0.3 * ebitda, 0))
    available = cash + ebitda - tax - capex
    dues = each(lambda i, d, a: i + d * a, interest, debt, p["amort"])
    required = total(dues)
    cure = jnp.clip(required - available, 0, p["cure"] * alive)
    paid = waterfall(jnp.maximum(available + cure, 0), dues, cumulate)
    headroom = (available + cure) / jnp.maximum(required, 1e-3) - 1
    x = jnp.clip(headroom / 0.1 + 0.5, 0, 1)  # the C² ramp
    alive = alive * (x * x * x * (10 - x * (15 - 6 * x)))
    missed = each(lambda d, q: d - q, dues, paid)
    cash = jnp.maximum(available + cure - total(paid), 0)
    excess = jnp.maximum(cash - p["reserve"], 0) * 0.5
    recovery = jnp.clip(cash - excess + (1 - p["lgd"]) * fleet, 0, total(debt))
    fleet = jnp.maximum(fleet - depreciation + capex / price, p["floor"])
    debt = each(
        lambda d, i, m, q, r: jnp.maximum(d + i + m - q + 0.01 * r * d, 0) * alive,
        debt,
        interest,
        missed,
        paid,
        p["refi"],
    )
    record = total(missed), excess + recovery * (1 - alive), alive
    return (cash - excess, fleet, alive, debt), record


def scan(body, state, paths, remat):
    body = jax.checkpoint(body) if remat else body
    _, (missed, value, alive) = jax.lax.scan(body, state, paths)
    return jnp.sum(value - missed + alive, 0)


def arrays(p, paths, cumulate, remat):
    """`[vehicle]` for one scenario, or `[vehicle, scenario]`: the same formulas."""
    zero = paths[0][0] * 0  # brings the batch axis of the paths, if they have one
    one = zero + jnp.ones_like(p["share"])
    state = (0.5 * one, one, one, zero + jnp.ones_like(p["spread"]))
    return scan(lambda s, x: step(p, s, x, cumulate), state, paths, remat)


def inner(p, paths, cumulate, remat):
    """One scenario in the formulas; `vmap` inside the scan keeps the scenarios last."""
    one = jnp.ones((VEHICLES, paths[0].shape[-1]), paths[0].dtype)
    state = (0.5 * one, one, one, jnp.stack([one] * TRANCHES))
    body = jax.vmap(lambda s, x: step(p, s, x, cumulate), in_axes=-1, out_axes=-1)
    return scan(body, state, paths, remat)


def scalars(p, paths, cumulate, remat):
    """One scalar per field of each vehicle and tranche; the loops are unrolled."""
    del cumulate
    one = jnp.ones_like(paths[0][0])
    pick = [
        {k: p[k][v] for k in PER_VEHICLE}
        | {k: [p[k][t, v] for t in range(TRANCHES)] for k in PER_TRANCHE}
        for v in range(VEHICLES)
    ]

    def body(states, x):
        out = [step(q, s, x, "loop", sum) for q, s in zip(pick, states, strict=True)]
        columns = zip(*(record for _, record in out), strict=True)
        return [state for state, _ in out], tuple(sum(c) for c in columns)

    return scan(
        body, [(0.5 * one, one, one, [one] * TRANCHES)] * VEHICLES, paths, remat
    )


def build(layout, cumulate, chunk, devices, remat):
    """`f(params, paths[quarter, scenario]) -> mean outcome`, in chunks, on devices."""

    def one_chunk(p, paths):
        if layout == "last":
            wide = {k: v[..., None] for k, v in p.items()}
            return jnp.sum(arrays(wide, paths, cumulate, remat), 0)
        if layout == "inner":
            return jnp.sum(inner(p, paths, cumulate, remat), 0)
        one = scalars if layout == "scalars" else arrays
        each = jax.vmap(lambda x: jnp.sum(one(p, x, cumulate, remat)), in_axes=1)
        return each(paths)

    def local(p, paths):
        blocks = [x.reshape(QUARTERS, -1, chunk).swapaxes(0, 1) for x in paths]
        return jax.lax.map(lambda x: one_chunk(p, x), tuple(blocks)).reshape(-1)

    if devices > 1:
        P = jax.sharding.PartitionSpec
        mesh = jax.make_mesh((devices,), ("s",), (jax.sharding.AxisType.Auto,))
        specs = (P(), (P(None, "s"),) * 3)
        sharded = jax.shard_map(
            local, mesh=mesh, in_specs=specs, out_specs=P("s"), check_vma=False
        )
        return lambda p, paths: jnp.mean(sharded(p, paths))
    return lambda p, paths: jnp.mean(local(p, paths))


def inputs(dtype=np.float32):
    draw = np.random.default_rng(0)
    p = {k: draw.uniform(*v, VEHICLES) for k, v in PER_VEHICLE.items()}
    p |= {k: draw.uniform(*v, (TRANCHES, VEHICLES)) for k, v in PER_TRANCHE.items()}
    walk = draw.normal(0, 0.03, (3, QUARTERS, BATCH)).cumsum(1)
    base = np.array([2.5, 1.0, 0.04])[:, None, None]
    return jax.tree.map(
        lambda x: jnp.asarray(x, dtype), (p, tuple(base * np.exp(walk)))
    )


def timed(fn, *args):
    start = time.perf_counter()
    out = jax.block_until_ready(fn(*args))
    return time.perf_counter() - start, out


def measure(cases, repeats):
    args, ready = inputs(), []
    for layout, cumulate, chunk, devices, remat in cases:
        f = build(layout, cumulate, chunk, devices, remat)
        compiled = []
        for fn in (f, jax.value_and_grad(f)):
            seconds, call = timed(lambda fn=fn: jax.jit(fn).lower(*args).compile())
            compiled.append((seconds, call))
            timed(call, *args)
        ready.append((compiled, ([], [])))
    for _ in range(repeats):  # interleaved: a noisy minute falls on every case
        for compiled, times in ready:
            for (_, call), seconds in zip(compiled, times, strict=True):
                seconds.append(timed(call, *args)[0])
    names = ("layout", "waterfall", "chunk", "devices", "remat")
    for case, (compiled, (forward, gradient)) in zip(cases, ready, strict=True):
        low, middle, high = np.quantile(forward, (0.25, 0.5, 0.75))
        yield dict(zip(names, case, strict=True)) | {
            "scenarios_per_s": BATCH / middle,
            "quartiles": [BATCH / high, BATCH / low],
            "gradient_over_forward": statistics.median(gradient) / middle,
            "compile_forward_s": compiled[0][0],
            "compile_gradient_s": compiled[1][0],
            "value": float(compiled[0][1](*args)),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default="reports/bench_layout.json")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    kinds = [("first", "mask"), ("first", "cumsum"), ("last", "mask")]
    kinds += [("last", "cumsum"), ("inner", "cumsum"), ("scalars", "loop")]
    cases = [(*k, c, d, True) for k in kinds for c in (512, 1024, 2048) for d in (1, 2)]
    cases += [(*k, 4096, 1, True) for k in kinds]  # one chunk: one device
    cases += [(*k, 1024, 2, False) for k in kinds]
    cases += [(k, "loop", 1024, 2, True) for k in ("first", "last")]
    rows = list(measure(cases, options.repeats))
    where = {
        "jax": jax.__version__,
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"where": where, "rows": rows}, indent=1))
    for r in rows:
        low, high = (f"{x / 1e3:.0f}" for x in r["quartiles"])
        print(
            f"| {r['layout']} | {r['waterfall']} | {r['chunk']} | {r['devices']} "
            f"| {'yes' if r['remat'] else 'no'} | {r['scenarios_per_s'] / 1e3:.0f} "
            f"| {low}-{high} | {r['gradient_over_forward']:.1f} "
            f"| {r['compile_forward_s']:.1f} | {r['compile_gradient_s']:.1f} "
            f"| {r['value']:.4f} |"
        )


if __name__ == "__main__":
    main()
