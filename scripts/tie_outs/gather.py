"""Both deals of a run, and leases, as plain numbers."""

from typing import Any

from scripts.tie_outs.coreweave import coreweave
from scripts.tie_outs.hyperion import hyperion
from scripts.tie_outs.leases import leases


def gather(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any]:
    """Tables by deal; None where a run has no such deal or opens at another date."""
    return {
        "coreweave": coreweave(built, result),
        "hyperion": hyperion(built, result),
        "leases": leases(built, result),
    }
