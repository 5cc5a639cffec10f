"""A window that trades until somebody kills it: `python -m tests.rig.trading_window FOLDER SEED`.

It runs the program as it is, on the exchange that `TEZI_PORTS_FILE` names, and presses on without
waiting for what it asked before.
"""

import asyncio
import random
import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication

from brokers.model.order import Kind, OrderChange, Side
from desktop import log, loop
from desktop.trading.drafts import CancelDraft, ChangeDraft
from tests.rig.journey import SBIN, Journey, running_app

_AT_ONCE = 4


async def _trade(journey: Journey, chance: random.Random) -> None:
    """Do one thing a trader does."""
    desk, account = journey.desk.orders, journey.desk.account.name
    ltp_e4 = journey.ltp_e4(SBIN)
    assert ltp_e4 is not None
    price_e4 = ltp_e4 // 500 * 500 + chance.randint(-60, 4) * 500
    working = [row for row in desk.rows() if row.is_ours and row.can_change]
    what = chance.random()
    if working and what < 0.2:
        await desk.cancel(CancelDraft(account=account, key=chance.choice(working).key))
    elif working and what < 0.4:
        row = chance.choice(working)
        quantity = row.filled_qty + chance.randint(1, 20)
        to = OrderChange(quantity=quantity, kind=Kind.LIMIT, price_e4=price_e4, trigger_e4=0)
        await desk.change(ChangeDraft(account=account, key=row.key, to=to, revision=row.revision))
    else:
        await journey.confirmed(journey.draft(Side.BUY, chance.randint(1, 20), price_e4))


async def _main(folder: Path, chance: random.Random) -> int:
    async with running_app(folder) as journey:
        journey.app.settings.set("orders.per_minute", 400)
        await journey.tradable()
        running: set[asyncio.Task[None]] = set()
        while True:
            running.add(asyncio.ensure_future(_trade(journey, chance)))
            if len(running) >= _AT_ONCE:
                done, running = await asyncio.wait(running, return_when="FIRST_COMPLETED")
                for each in done:
                    each.result()


if __name__ == "__main__":
    log.set_up(Path(sys.argv[1]), to_terminal=True)
    app = QApplication(["tezi"])
    sys.exit(loop.run(app, lambda: _main(Path(sys.argv[1]), random.Random(int(sys.argv[2])))))
