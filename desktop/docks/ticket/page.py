"""The ticket's widgets: they show a form and say what was touched; they decide nothing."""

import functools
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from brokers.model.market import Quote
from brokers.model.order import Kind, Product, Validity
from desktop.docks.ticket.form import Form
from desktop.trading.rows import Finding, Level
from desktop.ui import labels, rupees
from desktop.ui.elided import ElidedLabel
from desktop.ui.fields import PriceField, QuantityField
from desktop.ui.labels import label
from desktop.ui.parts import Pill, Segments, SideToggle, button, rule
from desktop.ui.theme import Theme

MOST_FINDINGS: Final = 4
CHIPS: Final = {"bid_e4": "Bid", "ltp_e4": "Last", "ask_e4": "Ask"}
_PRODUCTS: Final = {
    Product.INTRADAY: "Intraday",
    Product.CNC: "Delivery",
    Product.MARGIN: "Carry",
}
_KINDS: Final = {
    Kind.LIMIT: "Limit",
    Kind.MARKET: "Market",
    Kind.STOP_LIMIT: "SL",
    Kind.STOP: "SL-M",
}
_ROLES: Final = {Level.BLOCK: "danger", Level.ASK: "warn", Level.NOTE: "dim"}


class TicketPage(QWidget):
    """Everything of the ticket that can be seen."""

    submitted = Signal()
    edited = Signal(object)
    """A dict of the form's fields that were touched."""
    price_taken = Signal(str)
    """Which price of the quote the trader wants: the name of its field."""
    left = Signal()
    """The change of a working order was given up."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Order ticket")
        page = QWidget()
        theme = Theme.current()
        box = QVBoxLayout(page)
        box.setContentsMargins(*(theme.space("m"),) * 4)
        box.setSpacing(theme.px(6))
        box.addLayout(self._make_head())
        self.side = SideToggle(page)
        self.side.side_changed.connect(lambda side: self.edited.emit({"side": side}))
        self.product = self._choice(page, _PRODUCTS, "Product", "product", Product)
        self.kind = self._choice(page, _KINDS, "Order type", "kind", Kind)
        for each in (self.side, self.product, self.kind):
            box.addWidget(each)
        box.addLayout(self._make_fields(page))
        box.addLayout(self._make_terms(page))
        box.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(_scrolling(page), 1)
        whole.addWidget(rule(self))
        whole.addLayout(self._make_foot())

    def _make_foot(self) -> QVBoxLayout:
        """Make what must always be in sight: the money, what the guard says, and the button."""
        theme = Theme.current()
        foot = QVBoxLayout()
        foot.setContentsMargins(*(theme.space("m"),) * 4)
        foot.setSpacing(theme.space("s"))
        foot.addLayout(self._make_worth(self))
        self._findings = [label(parent=self, wraps=True) for _ in range(MOST_FINDINGS)]
        for slot in self._findings:
            slot.setVisible(False)
            foot.addWidget(slot)
        foot.addLayout(self._make_buttons(self))
        return foot

    def _choice(
        self,
        page: QWidget,
        titles: dict[Product, str] | dict[Kind, str] | dict[Validity, str],
        name: str,
        field: str,
        kind: type[Product | Kind | Validity],
    ) -> Segments:
        made = Segments([(key.value, title) for key, title in titles.items()], name, page)
        made.changed.connect(lambda value: self.edited.emit({field: kind(value)}))
        return made

    def _make_head(self) -> QVBoxLayout:
        head = QVBoxLayout()
        head.setSpacing(0)
        first = QHBoxLayout()
        self._title = ElidedLabel("title")
        self._ltp = label(role="title", align=Qt.AlignmentFlag.AlignRight)
        self._ltp.setAccessibleName("Last price")
        first.addWidget(self._title, 1)
        first.addWidget(self._ltp)
        second = QHBoxLayout()
        self.account = Pill("", "dim")
        self._change = label(align=Qt.AlignmentFlag.AlignRight)
        self._change.setAccessibleName("Change since yesterday")
        second.addWidget(self.account)
        second.addStretch(1)
        second.addWidget(self._change)
        self._second = second
        head.addLayout(first)
        head.addLayout(second)
        return head

    def _make_fields(self, page: QWidget) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(Theme.current().px(6))
        self.quantity = QuantityField("Quantity", page)
        self.price = PriceField("Price", page)
        self.trigger = PriceField("Trigger", page)
        self._trigger_title = label("Trigger", role="dim", parent=page)
        titles = [label(each, role="dim", parent=page) for each in ("Quantity", "Price")]
        rows = ((0, titles[0], self.quantity), (1, titles[1], self.price))
        for row, title, field in (*rows, (3, self._trigger_title, self.trigger)):
            title.setBuddy(field)
            grid.addWidget(title, row, 0)
            grid.addWidget(field, row, 1)
            field.changed.connect(self._tell_numbers)
            field.returnPressed.connect(self.submitted)
        grid.addLayout(self._make_chips(page), 2, 0, 1, 2)
        return grid

    def _make_chips(self, page: QWidget) -> QHBoxLayout:
        """Make the prices that can be taken over at one press."""
        chips = QHBoxLayout()
        chips.setSpacing(Theme.current().space("s"))
        self.chips: dict[str, QPushButton] = {}
        for key, title in CHIPS.items():
            chip = button(
                title, functools.partial(self.price_taken.emit, key), kind="chip", parent=page
            )
            chip.setAccessibleName(f"Take the {title.lower()} as price")
            chip.setToolTip(f"Take the {title.lower()} as price")
            chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            # A long price may fill its third of the row, never widen the ticket.
            chip.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self.chips[key] = chip
            chips.addWidget(chip, 1)
        return chips

    def _make_terms(self, page: QWidget) -> QHBoxLayout:
        terms = QHBoxLayout()
        titles = {each: each.value for each in Validity}
        self.validity = self._choice(page, titles, "Validity", "validity", Validity)
        self.after_market = QCheckBox("AMO", page)
        self.after_market.setAccessibleName("After-market order")
        self.after_market.setToolTip("After-market order: sent now, for the next session")
        self.after_market.toggled.connect(
            lambda is_on: self.edited.emit({"is_after_market": is_on})
        )
        terms.addWidget(self.validity, 1)
        terms.addWidget(self.after_market)
        return terms

    def _make_worth(self, page: QWidget) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(0, 1)
        self._worth = label("—", parent=page, align=Qt.AlignmentFlag.AlignRight)
        self._available = label("—", parent=page, align=Qt.AlignmentFlag.AlignRight)
        for row, (title, figure) in enumerate(
            (("Order value", self._worth), ("Available", self._available))
        ):
            grid.addWidget(label(title, role="dim", parent=page), row, 0)
            figure.setAccessibleName(title)
            grid.addWidget(figure, row, 1)
        return grid

    def _make_buttons(self, page: QWidget) -> QVBoxLayout:
        column = QVBoxLayout()
        self.outcome = label(parent=page, wraps=True)
        self.outcome.setAccessibleName("What became of the last order")
        column.addWidget(self.outcome)
        row = QHBoxLayout()
        self.drop = button("Keep as it was", self.left.emit, kind="quiet", parent=page)
        self.send = button("Buy", self.submitted.emit, kind="buy", parent=page)
        self.send.setMinimumHeight(Theme.current().px(36))
        row.addWidget(self.drop)
        row.addWidget(self.send, 1)
        column.addLayout(row)
        return column

    def _tell_numbers(self) -> None:
        self.edited.emit(
            {
                "quantity": self.quantity.value,
                "price_e4": self.price.value_e4,
                "trigger_e4": self.trigger.value_e4,
            }
        )

    def put_link(self, dot: QWidget) -> None:
        """Put the dock's link dot at the end of the head."""
        self._second.addWidget(dot)

    # Showing.

    def show_form(
        self, form: Form, *, products: tuple[Product, ...], kinds: frozenset[Kind]
    ) -> None:
        """Put a whole form into the fields."""
        instrument = form.instrument
        self._title.setText(instrument.label)
        self._title.setToolTip(labels.clean(instrument.name))
        self.side.choose_side(form.side)
        self.product.allow(frozenset(each.value for each in products))
        self.product.choose(form.product.value)
        self.kind.allow(frozenset(each.value for each in kinds))
        self.kind.choose(form.kind.value)
        self.quantity.set_lot(instrument.lot_size, instrument.freeze_qty)
        self.quantity.set_value(form.quantity)
        for field, value in ((self.price, form.price_e4), (self.trigger, form.trigger_e4)):
            field.set_tick(instrument.tick_e4, instrument.decimals)
            field.set_band(instrument.lower_e4, instrument.upper_e4)
            field.set_value(value)
        self.validity.choose(form.validity.value)
        self.after_market.setChecked(form.is_after_market)
        for each in (self.side, self.product, self.validity, self.after_market):
            each.setEnabled(not form.is_change)
        self.drop.setVisible(form.is_change)

    def show_use(self, form: Form) -> None:
        """Switch off the fields this kind of order does not use."""
        self.price.setEnabled(form.kind.has_price)
        for each in (self.trigger, self._trigger_title):
            each.setVisible(form.kind.has_trigger)
        for chip in self.chips.values():
            chip.setEnabled(form.kind.has_price)

    def show_quote(self, quote: Quote | None, decimals: int) -> None:
        """Show the market's price beside the order's."""
        ltp_e4 = None if quote is None else quote.ltp_e4
        self._ltp.setText("—" if ltp_e4 is None else rupees.price(ltp_e4, decimals))
        change, role = "", ""
        if quote is not None and ltp_e4 is not None and quote.previous_close_e4:
            moved = ltp_e4 - quote.previous_close_e4
            percent = rupees.percent(moved, quote.previous_close_e4)
            change = f"{rupees.signed_price(moved, decimals)} ({percent})"
            role = "up" if moved > 0 else "down" if moved < 0 else ""
        self._change.setText(change)
        labels.set_role(self._change, role)
        for key, chip in self.chips.items():
            price_e4 = None if quote is None else getattr(quote, key)
            chip.setVisible(price_e4 is not None)
            if price_e4 is not None:
                _show_chip(chip, CHIPS[key], rupees.price(price_e4, decimals))

    def show_worth(self, worth_e4: int | None, available_paise: int | None) -> None:
        worth = "—" if worth_e4 is None else rupees.paise(worth_e4 // 100, symbol=True)
        self._worth.setText(worth)
        available = "—" if available_paise is None else rupees.paise(available_paise, symbol=True)
        self._available.setText(available)

    def show_button(self, form: Form, words: str, *, is_on: bool) -> None:
        """Show what a press will do, in the side's colour."""
        self.send.setEnabled(is_on)
        self.send.setText(words)
        self.send.setAccessibleName(words)
        if self.send.property("kind") != form.side.value:
            self.send.setProperty("kind", form.side.value)
            self.send.style().polish(self.send)

    def show_findings(self, findings: tuple[Finding, ...]) -> None:
        """Show the gravest findings."""
        gravest = sorted(findings, key=lambda finding: -finding.level)[:MOST_FINDINGS]
        for at, slot in enumerate(self._findings):
            slot.setVisible(at < len(gravest))
            if at < len(gravest):
                labels.set_role(slot, _ROLES[gravest[at].level])
                slot.setText(labels.clean(gravest[at].text))

    def show_outcome(self, words: str, *, is_bad: bool) -> None:
        labels.set_role(self.outcome, "warn" if is_bad else "dim")
        self.outcome.setText(f"Last order: {labels.clean(words)}")
        self.outcome.setVisible(bool(words))


def _show_chip(chip: QPushButton, title: str, price: str) -> None:
    """Show a price with its name, or alone where there is no room for both."""
    whole = f"{title} {price}"
    room = chip.width() - 2 * Theme.current().space("s")
    chip.setText(whole if chip.fontMetrics().horizontalAdvance(whole) <= room else price)


def _scrolling(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    page.setAutoFillBackground(False)
    area.viewport().setAutoFillBackground(False)
    area.setAccessibleName("Order fields")
    return area
