"""What bound when a vehicle failed: docs/model.md, section 9, "Cause of a default"."""


def cause(liquidity: float, covenant: float, sources: float, dues: list) -> str:
    """The covenant where its headroom is smaller, else the first due not met by rank.

    `sources` without what only refinances; `dues` are (name, amount), by rank.
    """
    if covenant < 10.0 and covenant <= liquidity:
        return "covenant"
    size = sum(amount for _, amount in dues)
    for name, amount in dues:
        sources -= amount
        if amount > 0.0 and sources < -1e-9 * size:
            return name
    return dues[-1][0]
