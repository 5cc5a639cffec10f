"""vn.py's stock database of bars."""

import datetime as dt

from vnpy.trader.constant import Exchange, Interval
from vnpy.trader.object import BarData
from vnpy_sqlite.sqlite_database import SqliteDatabase

_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_SYMBOL = "B"


class Store:
    def __init__(self, o, h, low, c, volume):
        self.database = SqliteDatabase()
        columns = zip(
            o.tolist(), h.tolist(), low.tolist(), c.tolist(), volume.tolist(), strict=True
        )
        self.database.save_bar_data(
            [
                BarData(
                    gateway_name="DB",
                    symbol=_SYMBOL,
                    exchange=Exchange.SMART,
                    datetime=_START + dt.timedelta(minutes=minute),
                    interval=Interval.MINUTE,
                    open_price=each[0],
                    high_price=each[1],
                    low_price=each[2],
                    close_price=each[3],
                    volume=each[4],
                )
                for minute, each in enumerate(columns)
            ]
        )

    def load(self):
        first, last = _START - dt.timedelta(days=1), _START + dt.timedelta(days=4000)
        bars = self.database.load_bar_data(_SYMBOL, Exchange.SMART, Interval.MINUTE, first, last)
        return len(bars)
