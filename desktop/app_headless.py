"""Without a display: log in to practice, watch, trade once, take a picture, tell, and end."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brokers.model.instrument import InstrumentId
from brokers.model.order import Kind, OrderState, Product, Side, Validity
from desktop.docks.base import LINKS
from desktop.trading.desk import Desk
from desktop.trading.drafts import OrderDraft
from desktop.ui import rupees

if TYPE_CHECKING:
    from desktop.app import App

INSTRUMENT: Final = InstrumentId("NSE:CM:3045")
PATIENCE_S: Final = 40.0
_QUANTITY: Final = 10
_LOOK_S: Final = 0.05


async def session(app: "App", picture: Path) -> int:
    """Run the bounded session; the exit status is 0 when the order filled."""
    _say("No display was found: a short practice session without a window.")
    app.window.resize(1920, 1080)
    app.show()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await app.start()
            desk = app.accounts.current
            if desk is None:
                _say("The practice exchange did not start; see the log.")
                return 1
            return await _trade(app, desk, picture)
    except TimeoutError:
        _say(f"Not done within {PATIENCE_S:.0f} s.")
        return 1
    finally:
        await app.close()


async def _trade(app: "App", desk: Desk, picture: Path) -> int:
    app.links.select(LINKS[1], INSTRUMENT)
    await _until(lambda: desk.account.is_tradable and desk.hub.quote(INSTRUMENT) is not None)
    instrument = desk.instruments.instrument(INSTRUMENT)
    assert instrument is not None
    _say(f"Logged in to {desk.account.title}; watching {instrument.symbol}.")
    price_e4 = desk.orders.protected_price(INSTRUMENT, Side.BUY)
    assert price_e4 is not None
    draft = OrderDraft(
        account=desk.account.name,
        instrument=INSTRUMENT,
        side=Side.BUY,
        quantity=_QUANTITY,
        kind=Kind.LIMIT,
        price_e4=price_e4,
        trigger_e4=0,
        product=Product.INTRADAY,
        validity=Validity.DAY,
    )
    op = await desk.orders.place(draft)
    if not op.key:
        _say(f"The order was stopped: {'; '.join(each.text for each in op.findings)}")
        return 1
    await _until(lambda: _state(desk, op.key) is OrderState.FILLED)
    row = desk.orders.row(op.key)
    assert row is not None
    _say(f"Bought {row.filled_qty} at {rupees.price(row.average_e4, instrument.decimals)}.")
    await _until(lambda: any(each.is_open for each in desk.portfolio.positions()))
    await asyncio.sleep(1)  # a second of the market, for the picture
    app.window.grab().save(str(picture))
    profit = desk.portfolio.totals().day_paise
    _say(f"Day's profit {rupees.signed_paise(profit, symbol=True)}. Picture: {picture}")
    return 0


def _state(desk: Desk, key: str) -> OrderState | None:
    row = desk.orders.row(key)
    return None if row is None else row.state


async def _until(is_so: Callable[[], bool]) -> None:
    # What is waited for has no one event of its own; this program runs once and briefly.
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
