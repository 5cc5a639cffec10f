"""vn.py's TickMonitor under ticks published as its gateways publish them: two events each."""

import datetime as dt
import sys

from vnpy.event import Event, EventEngine
from vnpy.trader.constant import Exchange
from vnpy.trader.engine import MainEngine
from vnpy.trader.event import EVENT_TICK
from vnpy.trader.object import TickData
from vnpy.trader.ui.widget import TickMonitor

from tests.speed import ticking
from tests.speed.measure import now, qt


def main(rate, seconds):
    qt()
    events = EventEngine()
    engine = MainEngine(events)

    class Monitor(TickMonitor):
        def process_event(self, event):
            super().process_event(event)
            meter.handled += 1
            meter.shown.append(event.data.localtime)

    monitor = Monitor(engine, events)
    monitor.resize(*ticking.SIZE)
    monitor.show()
    meter = ticking.Meter(monitor.viewport())
    at, exchange = dt.datetime.now(dt.UTC), Exchange.SMART

    def emit(number):
        row, price = number % ticking.SYMBOLS, 1000.0 + number % 97
        tick = TickData(
            gateway_name="SIM", symbol=f"SYM{row}", exchange=exchange, datetime=at,
            name=f"Name {row}", volume=number, last_price=price, open_price=1000, high_price=1100,
            low_price=900, bid_price_1=price - 0.05, ask_price_1=price + 0.05,
            bid_volume_1=number % 991, ask_volume_1=number % 787, localtime=now(),
        )  # fmt: skip
        events.put(Event(EVENT_TICK, tick))
        events.put(Event(EVENT_TICK + tick.vt_symbol, tick))

    ticking.run(meter, emit, rate, seconds)


main(int(sys.argv[1]), float(sys.argv[2]))
