"""Kinds of instruments: one file each, found by name (docs/kinds/).

A file of this folder holds one final class; its module's name is the kind.
"""

import importlib
import pkgutil

from engine.credit.structure.instrument import AbstractInstrument


def _find() -> dict[str, type[AbstractInstrument]]:
    found = {}
    for module in pkgutil.iter_modules(__path__):
        content = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        own = [
            item
            for item in content
            if isinstance(item, type)
            and issubclass(item, AbstractInstrument)
            and item.__module__ == f"{__name__}.{module.name}"
        ]
        if len(own) != 1:
            raise TypeError(f"{module.name}.py must define one instrument, has {own}")
        found[module.name] = own[0]
    return found


KINDS: dict[str, type[AbstractInstrument]] = _find()
"""Name of a kind to its class."""
