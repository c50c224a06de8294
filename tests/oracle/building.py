"""Overruns and damages for delay: docs/model.md, section 4, "Construction risk"."""

from tests.oracle.dates import DT, Calendar, clip
from tests.oracle.vehicles import construction


def prepare_building(
    f: dict, c: dict, kinds: dict, lease: dict, calendar: Calendar, clouds: list
) -> list[dict]:
    """By quarter: overrun, who pays of it, damages both ways, interest due in cash."""
    by_tenant = kinds["completion_guarantor"] == "tenant"
    cap = c.get("completion_guarantee", 0.0)
    if by_tenant and kinds["tenant"] not in clouds:
        cap = 0.0
    days = c.get("tenant_damages", 0.0)
    if kinds["tenant"] not in [*clouds, "outside"]:
        days = 0.0
    share = c.get("overrun", 0.0)
    if kinds["asset"] == "shell":
        share += f.get("physics.overrun", 0.0)
    delay, planned = f["physics.delay"], c["rent_start"]
    yearly = 365.0 * c.get("contractor_damages", 0.0)
    paid = owed = 0.0
    if yearly > 0.0:
        paid = min(delay, c.get("contractor_damages_cap", 0.0) / yearly)
    if days > 0.0:
        owed = min(delay, c.get("tenant_damages_cap", 0.0) / days)
    late = calendar.overlap(c["completion"], c["completion"] + paid)
    waiting = calendar.overlap(planned, planned + owed)
    delayed = calendar.overlap(planned, planned + delay)
    built = construction(f, c, calendar.as_of)
    found = []
    for t, (begin, end) in enumerate(zip(calendar.starts, calendar.ends, strict=True)):
        before = share * max(0.0, construction(f, c, begin) - built)
        after = share * max(0.0, construction(f, c, end) - built)
        found.append(
            {
                "overrun": after - before,
                "guaranteed": clip(after, 0.0, cap) - clip(before, 0.0, cap),
                "received": c["construction_cost"] * yearly * DT * late[t],
                "credited": c["ownership"] * lease["annual"] * days * DT * waiting[t],
                "due": c.get("delay_interest", 0.0) * delayed[t],
                "by_tenant": by_tenant,
            }
        )
    return found
