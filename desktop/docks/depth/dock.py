"""The depth window: the book of the linked instrument, and a click on a price fills the ticket."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedLayout, QVBoxLayout, QWidget
from typing_extensions import override

from brokers.model.instrument import Instrument, InstrumentId, InstrumentKind
from brokers.model.market import Detail
from brokers.model.order import Side
from desktop.docks.base import Dock, DockContext, TicketRequest
from desktop.docks.depth import model
from desktop.docks.depth.facts import FactsView, PriceLine
from desktop.docks.depth.ladder import Ladder
from desktop.trading.clock import ist_date_text
from desktop.trading.desk import Desk
from desktop.trading.hub import Frame, Freshness, Watch
from desktop.ui.elided import ElidedLabel
from desktop.ui.labels import clean, label
from desktop.ui.parts import EmptyState, Pill
from desktop.ui.theme import Theme

_CHOOSE: Final = ("No instrument", "Choose one in a watchlist, or press Ctrl+K and type it.")
_NOT_LISTED: Final = ("Not listed", "It is not in today's list of instruments.")
_NO_ACCOUNT: Final = ("No account", "Log in to a broker, or open the practice account.")


class DepthDock(Dock):
    """Follows its link group. Holds one watch of full depth, for as long as it is open."""

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        super().__init__(context, name, parent)
        self._wanted: InstrumentId | None = None
        self._instrument: Instrument | None = None
        self._watch: Watch | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._pages = QStackedLayout(self)
        self._nothing = EmptyState("depth", *_NO_ACCOUNT, self)
        self._pages.addWidget(self._nothing)
        self.price = PriceLine()
        self.ladder = Ladder()
        self.facts = FactsView()
        self._symbol = ElidedLabel("title")
        self._place = Pill("")
        self._expiry = Pill("")
        self._state = Pill("", "warn")
        self._name = ElidedLabel("small")
        self._no_book = label("An index has no order book.", role="dim")
        self._dot = self.link_dot()
        self._pages.addWidget(self._page())
        self.ladder.picked.connect(self._on_picked)

    def _page(self) -> QWidget:
        theme = Theme.current()
        pad = theme.space("m")
        head = QHBoxLayout()
        head.setSpacing(theme.space("s"))
        for widget in (self._symbol, self._place, self._expiry, self._state):
            head.addWidget(widget)
        head.addStretch(1)
        head.addWidget(self._dot)
        top = QVBoxLayout()
        top.setContentsMargins(pad, theme.space("s"), theme.space("s"), theme.space("s"))
        top.setSpacing(0)
        top.addLayout(head)
        top.addWidget(self._name)
        top.addWidget(self.price)
        self._no_book.setContentsMargins(pad, pad, pad, pad)
        page = QFrame()
        page.setProperty("panel", True)  # noqa: FBT003 - Qt's own signature
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.ladder)
        column.addWidget(self._no_book)
        column.addWidget(self.facts)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        return scroll

    # What the shell calls.

    @override
    def bind(self, desk: Desk | None) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        super().bind(desk)
        self._unwatch()
        self._instrument = None
        if desk is not None:
            listeners = desk.instruments.on_change
            listeners.append(self._on_masters)
            self._stop_listening = lambda: listeners.remove(self._on_masters)
        self._open(self._wanted)

    @override
    def show_instrument(self, instrument: InstrumentId) -> None:
        if instrument != self._wanted or self._instrument is None:
            self._open(instrument)

    @override
    def apply(self, frame: Frame) -> None:
        shown = self._instrument
        if shown is None:
            return
        if shown.id in frame.quotes:
            self._show_quote()
            self._show_book()  # the totals below it come with the quote
        elif shown.id in frame.depths:
            self._show_book()

    @override
    def keyboard_home(self) -> QWidget:
        return self.ladder

    @override
    def catch_up(self) -> None:
        self._show_book()
        self._show_quote()

    @override
    def save_state(self) -> dict[str, object]:
        return {} if self._wanted is None else {"instrument": self._wanted}

    @override
    def restore_state(self, state: Mapping[str, object]) -> None:
        saved = state.get("instrument")
        # A linked dock shows what its group shows; only a free one remembers for itself.
        if isinstance(saved, str) and self.context.links.current(self.link) is None:
            self._open(InstrumentId(saved))

    # The instrument.

    def _open(self, instrument: InstrumentId | None) -> None:
        self._wanted = instrument
        desk = self.desk
        found = None
        if desk is not None and instrument is not None:
            found = desk.instruments.instrument(instrument)
        before, self._watch = self._watch, None
        self._instrument = found
        if desk is not None and found is not None:
            has_book = found.kind is not InstrumentKind.INDEX
            detail = Detail.DEPTH if has_book else Detail.QUOTE
            self._watch = desk.hub.watch(found.id, detail, self.name)
        if before is not None:
            before.close()
        if found is None:
            is_unknown = desk is not None and instrument is not None and len(desk.instruments) > 0
            words = _NOT_LISTED if is_unknown else _CHOOSE
            self._nothing.show_words(*(_NO_ACCOUNT if desk is None else words))
            self.title_changed.emit("Depth")
            self._pages.setCurrentIndex(0)
            return
        self._show_name(found)
        self.catch_up()
        self._pages.setCurrentIndex(1)

    def _show_name(self, shown: Instrument) -> None:
        self._symbol.setText(clean(shown.label, 40))
        self._name.setText(clean(shown.name, 60))
        self._name.setVisible(shown.name not in (shown.label, shown.symbol, ""))
        self._place.show_text(f"{shown.exchange} {shown.segment}")
        self._expiry.setVisible(shown.expiry is not None)
        # Not both: the long name of a contract needs the room more than its segment does.
        self._place.setVisible(shown.expiry is None)
        if shown.expiry is not None:
            self._expiry.show_text(ist_date_text(shown.expiry), "info")
        has_book = shown.kind is not InstrumentKind.INDEX
        self.ladder.setVisible(has_book)
        self._no_book.setVisible(not has_book)
        self.title_changed.emit(f"Depth {shown.label}")

    def _on_masters(self) -> None:
        """A new master came: the instrument may be known at last, or be another."""
        self._open(self._wanted)

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    # Prices.

    def _show_book(self) -> None:
        desk, shown = self.desk, self._instrument
        if desk is None or shown is None or shown.kind is InstrumentKind.INDEX:
            return
        levels = desk.capabilities.depth_levels
        book = model.book(shown, desk.hub.depth(shown.id), desk.hub.quote(shown.id), levels)
        self.ladder.show_book(book, is_dim=self._freshness() is Freshness.STALE)

    def _show_quote(self) -> None:
        desk, shown = self.desk, self._instrument
        if desk is None or shown is None:
            return
        quote = desk.hub.quote(shown.id)
        freshness = self._freshness()
        is_dim = freshness is Freshness.STALE
        self.price.show_head(model.head(shown, quote), is_dim=is_dim)
        day = model.day_range(shown, quote)
        self.facts.show_facts(model.facts(shown, quote), day, is_dim=is_dim)
        said = {Freshness.STALE: "OLD PRICES", Freshness.CLOSED: "CLOSED"}.get(freshness, "")
        self._state.setVisible(bool(said))
        if said:
            self._state.show_text(said, "warn" if is_dim else "dim")

    def _freshness(self) -> Freshness:
        desk, shown = self.desk, self._instrument
        if desk is None or shown is None:
            return Freshness.NONE
        return desk.hub.freshness(shown.id, desk.clock.now_ns())

    def _on_picked(self, side: Side, price_e4: int) -> None:
        if self._instrument is not None:
            self.context.requests.ticket.emit(
                TicketRequest(instrument=self._instrument.id, side=side, price_e4=price_e4)
            )
