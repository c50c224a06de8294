"""The kernel of resemblance of an economy's issuers, whole, from the config's words."""

from typing import Any

import jax.numpy as jnp

from engine.contagion import similarity


def kernel_of(economy: Any) -> Any:
    """`similarity` of neoclouds, SPVs and hybrid cloud, in this order."""
    labs, scalers = economy.members("labs"), economy.members("hyperscalers")
    (hybrid,) = economy.members("hybrid")
    payers = [*labs, *scalers, hybrid]
    types, tenants = [], []
    for m in economy.members("neoclouds"):
        types.append([1.0, 0.0, 0.0, 0.0])
        sold = [economy[f"neoclouds.{m}.customers.{x}"] for x in payers[:-1]]
        tenants.append([*map(float, sold), 0.0])
    for m in economy.members("spvs"):
        chips = economy.blueprint.choice(f"spvs.{m}.asset") == "chips"
        types.append([0.0, float(not chips), float(chips), 0.0])
        tenant = economy.blueprint.choice(f"spvs.{m}.tenant")
        tenants.append([float(tenant == x) for x in payers])
    types.append([0.0, 0.0, 0.0, 1.0])
    served = [float(economy[f"hybrid.{hybrid}.customers.{x}"]) for x in labs]
    tenants.append([*served, *[0.0] * len(scalers), 1.0 - sum(served)])
    weight = economy["resemblance.type"]
    return similarity(jnp.asarray(types), jnp.asarray(tenants), weight)


def weights_of(economy: Any) -> Any:
    """Contagion weights in the same order: the hybrid cloud has none."""
    names = ("neoclouds", "spvs")
    parts = [economy.stack(family, "contagion_weight") for family in names]
    return jnp.concatenate([*parts, jnp.zeros(1)])
