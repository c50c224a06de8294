"""What only some funds have: calls, incentive fees, NAV loans (section 6)."""

from tests.oracle.dates import DT, clip

INSTITUTIONS = ("pension", "insurer")
CLOSED = ("drawdown", "managed_account")


def open_terms(c: dict, net: float) -> dict:
    """Commitments, lines and accounts at `as_of`; `net` is assets less the line."""
    state = {}
    if "undrawn" in c:
        part = {who: c[f"investors.{who}"] for who in INSTITUTIONS}
        part["others"] = 1.0 - sum(part.values())
        state["undrawn"] = {who: x * c["undrawn"] for who, x in part.items()}
        state["subscription"] = c.get("subscription_line", 0.0)
        net -= state["subscription"]
    if "nav_loan" in c:
        state["nav_loan"] = c["nav_loan"]
        net -= c["nav_loan"]
    if "incentive" in c:
        state.update(hurdle=net, invested=net, taken=0.0)
    return state


def call(
    c: dict,
    need: float,
    other: float,
    used: dict,
    short: float,
    loss: float,
    s: dict,
) -> dict:
    """Calls on commitments; `used` is each institution's loss over its buffer."""
    pays = {"others": 1.0}
    for who in INSTITUTIONS:
        over = max(0.0, used[who] - 1.0) / c["lp_default_range"]
        pays[who] = 1.0 - c["lp_default"] * min(over, 1.0)
    part = {who: c[f"investors.{who}"] for who in INSTITUTIONS}
    part["others"] = 1.0 - sum(part.values())
    undrawn, line = s["undrawn"], s["subscription"]
    good = sum(pays[who] * x for who, x in undrawn.items())
    wanted = back = swept = 0.0
    if need > 0.0:
        wanted = need
    else:
        swept = min(-need, line)
        back = -need - swept
    line -= swept
    limit = c.get("subscription_advance", 0.0) * good
    share = min(1.0, DT / c.get("subscription_delay", 1.0))
    due = max(line * share, line - limit)
    drawn = min(wanted, max(0.0, limit - line))
    direct = min(wanted - drawn, max(0.0, good - line - drawn))
    owed = {who: min((due + direct) * part[who], undrawn[who]) for who in part}
    first = {who: pays[who] * owed[who] for who in part}
    met = sum(first.values())
    paid = {}
    for who in part:
        again = (due + direct - met) * first[who] / met if met > 0.0 else 0.0
        most = min(c["overcall"] * first[who], undrawn[who] - first[who])
        paid[who] = first[who] + min(again, most)
    cash = sum(paid.values())
    to_line = min(cash, due)
    lack_line = due - to_line
    lack_loans = max(0.0, wanted - drawn - (cash - to_line))
    price = 1.0 - c["sale_discount"]
    raised = min(lack_line + lack_loans, other * price)
    cured = min(raised, lack_line)
    left = {who: undrawn[who] - paid[who] for who in part}
    line += drawn - to_line - cured
    good = sum(pays[who] * left[who] for who in part)
    written = min(max(0.0, line - good), loss)
    line -= written
    reach = min(1.0, sum(part[w] * pays[w] for w in part) * (1.0 + c["overcall"]))
    full = c["reserve"] * c["undrawn"]
    if full > 1e-9:
        reach *= clip(max(0.0, good - line) / full, 0.0, 1.0)
    return {
        "paid": cash,
        "returned": back,
        "defaulted": sum(owed.values()) - met,
        "missing": lack_line + lack_loans,
        "sold": raised / price,
        "overdrawn": lack_loans - (raised - cured),
        "interest": s["subscription"]
        * (short + c.get("subscription_spread", 0.0))
        * DT,
        "loss": written,
        "undrawn": left,
        "line": line,
        "reach": reach,
    }


def incentive(
    c: dict,
    income: float,
    called: float,
    nav_before: float,
    worth: float,
    s: dict,
) -> tuple[float, dict]:
    """The manager's fee, and the accounts if all income were paid out."""
    rate, carry, catch_up = c["incentive_hurdle"], c["incentive"], c["catch_up"]
    hurdle = s["hurdle"] + max(0.0, s["hurdle"]) * rate * DT + called - income
    invested = s["invested"] + called - income
    if c["kind"] in CLOSED:
        profit, preferred = worth - invested + s["taken"], hurdle - invested
    else:
        profit, preferred = income, rate * DT * nav_before
    above = max(0.0, profit - preferred)
    room = carry * preferred / (catch_up - carry) if catch_up > carry else 0.0
    caught = min(above, room)
    fee = catch_up * caught + carry * (above - caught)
    if c["kind"] in CLOSED:
        fee = max(0.0, fee - s["taken"])
    return fee, {
        "hurdle": hurdle + fee,
        "invested": invested + fee,
        "taken": s["taken"] + fee,
    }


def service_nav_loan(
    c: dict, short: float, income: float, worth: float, loss: float, balance: float
) -> dict:
    """What the loan's lender takes and loses; `worth` is net assets before it."""
    owed = balance * (1.0 + (short + c["nav_loan_spread"]) * DT)
    cash = max(0.0, income)
    wanted = max(c["nav_loan_sweep"] * cash, owed - c["nav_loan_ltv"] * worth)
    repaid = clip(wanted, 0.0, min(owed, cash))
    written = min(max(0.0, owed - repaid - worth), loss)
    return {
        "interest": owed - balance,
        "repaid": repaid,
        "loss": written,
        "balance": owed - repaid - written,
    }
