"""Facts from everywhere → the one line at the foot of the window; fills and refusals → toasts."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer

from brokers.model.market import MarketPhase
from brokers.model.order import OpState, OrderState
from brokers.port import Link, LinkState
from desktop.shell.status_bar import Health, Status
from desktop.trading.clock import ist_time_text
from desktop.trading.desk import Desk
from desktop.trading.rows import OrderRow
from desktop.ui import rupees

if TYPE_CHECKING:
    from desktop.app import App
    from desktop.trading.opening import OpenAccount

_EVERY_MS: Final = 500
_HEALTH: Final = {
    LinkState.LIVE: Health.GOOD,
    LinkState.CONNECTING: Health.BUSY,
    LinkState.DOWN: Health.BAD,
    LinkState.STOPPED: Health.BAD,
}
_FEED_WORDS: Final = {
    LinkState.LIVE: "Market data",
    LinkState.CONNECTING: "Market data: connecting",
    LinkState.DOWN: "Market data: down",
    LinkState.STOPPED: "Market data: stopped",
}
_ORDER_WORDS: Final = {
    LinkState.LIVE: "Orders",
    LinkState.CONNECTING: "Orders: connecting",
    LinkState.DOWN: "Orders: down",
    LinkState.STOPPED: "Orders: stopped",
}


class StatusLine:
    """Twice a second, and whenever something tells."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._timer = QTimer(app.window)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._timer.start()
        self.show()

    def stop(self) -> None:
        self._timer.stop()

    def follow(self, account: "OpenAccount") -> None:
        """Tell of this account's fills and refusals, and show its changes at once."""
        account.account.changed.add(self.show)
        account.portfolio.changed.add(self._app.frames.request)

        def on_order(_key: str, old: OrderRow | None, new: OrderRow | None) -> None:
            self._app.frames.request()
            if new is not None:
                self._toast(account, old, new)

        account.orders.on_change(on_order)

    def show(self) -> None:
        """Show the newest facts."""
        desk = self._app.accounts.current
        if desk is None:
            step = self._app.accounts.step or "No account"
            self._app.status_bar.show_status(Status(feed_text=step, feed=Health.BUSY))
            return
        self._app.status_bar.show_status(status_of(desk))

    def _tick(self) -> None:
        desk = self._app.accounts.current
        if desk is not None:
            desk.hub.sweep(desk.clock.now_ns())
        self.show()

    def _toast(self, account: "OpenAccount", old: OrderRow | None, new: OrderRow) -> None:
        instrument = account.instruments.instrument(new.instrument)
        name = instrument.label if instrument is not None else new.instrument
        what = f"{new.side.value.capitalize()} {rupees.group(new.quantity)} {name}"
        was = None if old is None else old.state
        if new.state is OrderState.FILLED and was is not OrderState.FILLED and new.is_ours:
            decimals = 2 if instrument is None else instrument.decimals
            self._app.toasts.fill("Filled", f"{what} at {rupees.price(new.average_e4, decimals)}")
        elif _is_refused(new) and not (old is not None and _is_refused(old)):
            self._app.toasts.reject("Refused", f"{what}: {new.words}")
        elif new.is_uncertain and not (old is not None and old.is_uncertain):
            self._app.toasts.warn("Fate unknown", f"{what}: asking the broker; nothing is resent")


def _is_refused(row: OrderRow) -> bool:
    if row.state is OrderState.REJECTED:
        return row.is_ours
    return row.op is not None and row.op.state is OpState.REJECTED and row.state is None


def status_of(desk: Desk) -> Status:
    """Give what the bar shows of an account."""
    now_ns = desk.clock.now_ns()
    account, portfolio = desk.account, desk.portfolio
    feed, orders = account.link(Link.FEED), account.link(Link.ORDERS)
    is_known = portfolio.is_known
    funds = portfolio.funds
    return Status(
        account=account.title,
        kind=account.kind.value,
        feed=Health.NONE if feed is None else _HEALTH[feed.state],
        feed_text="Market data: waiting" if feed is None else _FEED_WORDS[feed.state],
        orders=Health.NONE if orders is None else _HEALTH[orders.state],
        orders_text="Orders: waiting" if orders is None else _ORDER_WORDS[orders.state],
        age_ms=desk.hub.feed_age_ms(now_ns),
        lag_ms=desk.hub.lag_ms,
        day_paise=portfolio.totals().day_paise if is_known else None,
        available_paise=None if funds is None else funds.equity.available_paise,
        phase=_phase_words(desk),
        clock=ist_time_text(now_ns),
        problem=account.problem,
    )


def _phase_words(desk: Desk) -> str:
    phase = desk.phase()
    return "" if phase is MarketPhase.UNKNOWN else f"NSE {phase.value}"
