"""Profit in whole paise, exact: integers all the way, rounded once at the end."""

import msgspec


class Profit(msgspec.Struct, frozen=True, kw_only=True):
    """Realised and unrealised add up to the total exactly."""

    realised_paise: int
    unrealised_paise: int

    @property
    def total_paise(self) -> int:
        return self.realised_paise + self.unrealised_paise


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """What was bought and sold; values are Σ price × quantity in rupee × 10,000."""

    buy_qty: int = 0
    buy_value_e4: int = 0
    sell_qty: int = 0
    sell_value_e4: int = 0

    @property
    def net_qty(self) -> int:
        return self.buy_qty - self.sell_qty


def profit_of(traded: Traded, *, ltp_e4: int, multiplier: int) -> Profit:
    """Value a position at the last price; a closed one needs none, so 0 will do."""
    total_e4 = traded.sell_value_e4 - traded.buy_value_e4 + traded.net_qty * ltp_e4
    total = _rounded(total_e4 * multiplier, 100)
    realised = _realised(traded, multiplier)
    return Profit(realised_paise=realised, unrealised_paise=total - realised)


def _realised(traded: Traded, multiplier: int) -> int:
    closed = min(traded.buy_qty, traded.sell_qty)
    if not closed:
        return 0
    # closed × (average sold − average bought), over the common denominator.
    sold = traded.sell_value_e4 * traded.buy_qty
    bought = traded.buy_value_e4 * traded.sell_qty
    return _rounded(closed * (sold - bought) * multiplier, traded.sell_qty * traded.buy_qty * 100)


def average_e4(value_e4: int, quantity: int) -> int:
    """Give the average price, rounded to the nearest unit; 0 of nothing."""
    return _rounded(value_e4, quantity) if quantity else 0


def _rounded(numerator: int, denominator: int) -> int:
    """Divide, halves away from zero."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole
