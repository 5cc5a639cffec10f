"""The order ticket: what is in it, what the guard says of it, and sending it once."""

from collections.abc import Callable
from typing import Final

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedLayout, QWidget
from typing_extensions import override

from brokers.model.instrument import InstrumentId
from brokers.model.market import Detail, Quote
from brokers.model.order import Kind, OpState, OrderState, Side
from desktop.docks.base import Dock, DockContext, TicketRequest
from desktop.docks.ticket import form as forms
from desktop.docks.ticket.form import Form
from desktop.docks.ticket.page import TicketPage
from desktop.trading.desk import Desk
from desktop.trading.drafts import ChangeDraft, OrderDraft
from desktop.trading.hub import Frame, Watch
from desktop.trading.rows import Finding, Level, OpView, OrderRow
from desktop.ui import labels, rupees
from desktop.ui.fields import NumberField
from desktop.ui.parts import EmptyState

REARM_MS: Final = 300
"""After an order has its fate the button stays off this long: a double click is one order."""
_NO_ACCOUNT: Final = ("No account", "Log in to a broker, or open the practice account.")
_NO_INSTRUMENT: Final = (
    "No instrument",
    "Choose one in a watchlist, or press Ctrl+K and type it.",
)
_NOT_TRADABLE: Final = "An index cannot be bought or sold. Choose one of its futures or options."
_FINE: Final = frozenset({OpState.ACKED, OpState.INTENT, OpState.SENDING})


class TicketDock(Dock):
    """Composes one order or one change. It sends exactly what it shows at the press."""

    def __init__(self, context: DockContext, name: str, parent: QWidget | None = None) -> None:
        super().__init__(context, name, parent)
        self._form: Form | None = None
        self._asked: OrderDraft | ChangeDraft | None = None
        self._questions: frozenset[str] = frozenset()
        self._sending: OrderDraft | ChangeDraft | None = None
        self._chosen_meanwhile: InstrumentId | None = None
        self._is_filling = False
        self._watch: Watch | None = None
        self._followed = ""
        """The order whose fate is shown, by its key."""
        self._stop_listening: Callable[[], None] | None = None
        self._rearm = QTimer(self)
        self._rearm.setSingleShot(True)
        self._rearm.setInterval(REARM_MS)
        self._rearm.timeout.connect(self._show_button)
        self._pages = QStackedLayout(self)
        self._nothing = EmptyState("ticket", *_NO_ACCOUNT, self)
        self._pages.addWidget(self._nothing)
        self.page = TicketPage(self)
        self.page.put_link(self.link_dot())
        self._pages.addWidget(self.page)
        self.page.edited.connect(self._on_edited)
        self.page.submitted.connect(self.submit)
        self.page.price_taken.connect(self._take_price)
        self.page.left.connect(self._leave_change)
        context.requests.ticket.connect(self._on_request)

    # What the shell calls.

    @override
    def bind(self, desk: Desk | None) -> None:
        super().bind(desk)
        self._unwatch()
        self._form = self._sending = self._chosen_meanwhile = None
        self._forget_questions()
        self._show_nothing(*(_NO_ACCOUNT if desk is None else _NO_INSTRUMENT))
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        if desk is not None:
            self._stop_listening = desk.orders.on_change(self._on_order)
            role = "live" if desk.account.is_live else "practice"
            self.page.account.show_text(desk.account.title, role)

    @override
    def show_instrument(self, instrument: InstrumentId) -> None:
        self._chosen_meanwhile = instrument if self._sending is not None else None
        if self.desk is None or self._sending is not None:
            return
        if self._form is not None and self._form.instrument.id == instrument:
            return
        found = self.desk.instruments.instrument(instrument)
        if found is None:
            return
        if not found.is_tradable:
            # What was here before must go: its button would buy something else than is looked at.
            self._unwatch()
            self._form = None
            self._forget_questions()
            self._show_nothing(labels.clean(found.label, 40), _NOT_TRADABLE)
            return
        products = forms.products_for(found, self.desk.capabilities)
        self._open(forms.open_form(found, products, self._form))

    @override
    def apply(self, frame: Frame) -> None:
        if self._form is not None and self._form.instrument.id in frame.quotes:
            self._show_prices()

    @override
    def keyboard_home(self) -> QWidget:
        return self.page.quantity

    @override
    def catch_up(self) -> None:
        self._show_prices()

    @override
    def release(self) -> None:
        self._unwatch()
        super().release()

    # Editing.

    def _open(self, form: Form) -> None:
        """Show a form; the fields follow it."""
        assert self.desk is not None
        if self._form is None or self._form.instrument.id != form.instrument.id:
            self._unwatch()
            self._watch = self.desk.hub.watch(form.instrument.id, Detail.QUOTE, self.name)
        self._is_filling = True
        self._form = form
        can = self.desk.capabilities
        products = forms.products_for(form.instrument, can)
        self.page.show_form(form, products=products, kinds=can.kinds)
        self.page.after_market.setVisible(can.has_after_market)
        self._is_filling = False
        self._forget_questions()
        self._followed = ""
        self.page.show_outcome("", is_bad=False)
        self._show_fields()
        self._show_prices()
        self._pages.setCurrentIndex(1)

    def _on_edited(self, changes: dict[str, object]) -> None:
        if self._form is None or self._is_filling:
            return
        self._form = msgspec.structs.replace(self._form, **changes)
        self._forget_questions()
        self._show_fields()

    def _take_price(self, field: str) -> None:
        quote = self._quote()
        price_e4 = None if quote is None else getattr(quote, field)
        if price_e4 is not None:
            self.page.price.set_value(price_e4)
            self._on_edited({"price_e4": price_e4})

    def _on_request(self, request: TicketRequest) -> None:
        """Another dock asks: fill in what it names, and take the keyboard."""
        if self.desk is None or self._sending is not None:
            return
        if request.order_key is not None:
            self._open_change(request)
            return
        if self._form is not None and self._form.is_change:
            self._leave_change()
        self.show_instrument(request.instrument)
        form = self._form
        if form is None or form.instrument.id != request.instrument:
            return
        price_e4 = form.price_e4 if request.price_e4 is None else request.price_e4
        kind = form.kind
        if request.price_e4 is not None and not kind.has_price:
            kind = Kind.LIMIT
        wanted = msgspec.structs.replace(
            form,
            side=request.side or form.side,
            quantity=request.quantity or form.quantity,
            price_e4=price_e4,
            kind=kind,
        )
        self._open(wanted)
        if request.quantity is None:
            _give_keyboard(self.page.quantity)
        else:
            self.page.send.setFocus()

    def _open_change(self, request: TicketRequest) -> None:
        assert self.desk is not None
        row = next((row for row in self.desk.orders.rows() if row.key == request.order_key), None)
        instrument = self.desk.instruments.instrument(request.instrument)
        if row is None or instrument is None:
            return
        form = forms.form_of(row, instrument)
        if request.price_e4 is not None and row.kind.has_price:
            form = msgspec.structs.replace(form, price_e4=request.price_e4)
        self._open(form)
        _give_keyboard(self.page.price)

    def _leave_change(self) -> None:
        if self._form is not None and self.desk is not None:
            products = forms.products_for(self._form.instrument, self.desk.capabilities)
            self._open(forms.open_form(self._form.instrument, products, self._form))

    # Sending.

    def submit(self) -> None:
        """Send what is shown, once; the values are those of this moment."""
        form, desk = self._form, self.desk
        if form is None or desk is None or self._sending is not None or self._rearm.isActive():
            return
        problem = self._problem(form)
        if problem is not None:
            field, text = problem
            field.require()
            field.setFocus()
            found = Finding(
                level=Level.BLOCK, code="field", field=field.accessibleName(), text=text
            )
            self.page.show_findings((found,))
            return
        if self._asked is not None:
            draft = msgspec.structs.replace(self._asked, confirmed=self._questions)
        else:
            make = forms.change if form.is_change else forms.draft
            draft = make(form, desk.account.name)
            if self.context.settings.flag("orders.confirm"):
                self._ask(draft, ())
                return
        self._sending = draft
        self._show_button()
        self.context.start(self._place(desk, draft, form), owner=self.name)

    def _problem(self, form: Form) -> tuple[NumberField, str] | None:
        used: list[NumberField] = [self.page.quantity]
        used += [self.page.price] if form.kind.has_price else []
        used += [self.page.trigger] if form.kind.has_trigger else []
        return next(((each, each.problem) for each in used if each.value is None), None)

    async def _place(self, desk: Desk, draft: OrderDraft | ChangeDraft, form: Form) -> None:
        try:
            if isinstance(draft, ChangeDraft):
                op = await desk.orders.change(draft)
            else:
                op = await desk.orders.place(draft)
        except Exception:
            self._end_sending(draft)
            raise
        # Cancelled: the dock has gone, and its widgets with it; the order goes its way.
        if self._end_sending(draft):
            self._show_fate(draft, op, form)
            self._follow_choice()

    def _end_sending(self, draft: OrderDraft | ChangeDraft) -> bool:
        """Arm the button again; False when the ticket is another account's by now."""
        if self._sending is not draft:
            return False
        self._sending = None
        self._rearm.start()
        self._show_button()
        return True

    def _follow_choice(self) -> None:
        """Go where the link group went while an order was on its way."""
        chosen, self._chosen_meanwhile = self._chosen_meanwhile, None
        if chosen is not None:
            self.show_instrument(chosen)

    def _show_fate(self, draft: OrderDraft | ChangeDraft, op: OpView, form: Form) -> None:
        if op.state is OpState.DRAFT:
            # A yes must be to what is shown: once something else was typed, that is asked about.
            if self._form == form:
                self._ask(draft, op.findings)
            return
        self._forget_questions()
        if op.state is OpState.ACKED and isinstance(draft, ChangeDraft):
            self._leave_change()
        self.page.show_findings(op.findings)
        self.page.show_outcome(op.words, is_bad=op.state not in _FINE)
        self._followed = op.key

    def _on_order(self, key: str, _old: OrderRow | None, new: OrderRow | None) -> None:
        """Go on telling what becomes of the last order, for as long as its ticket is shown."""
        if new is not None and key and key == self._followed:
            is_bad = new.is_uncertain or bool(new.alarm) or new.state is OrderState.REJECTED
            self.page.show_outcome(new.words, is_bad=is_bad)

    def _ask(self, draft: OrderDraft | ChangeDraft, findings: tuple[Finding, ...]) -> None:
        """Let the trader say yes to what was found: the same draft, at the next press."""
        self._asked = draft
        self._questions = frozenset(each.code for each in findings if each.level is Level.ASK)
        self.page.show_findings(findings)
        self._rearm.start()
        self._show_button()

    def _forget_questions(self) -> None:
        self._asked = None
        self._questions = frozenset()
        self.page.show_findings(())

    # Showing.

    def _show_nothing(self, title: str, words: str) -> None:
        self._nothing.show_words(title, words)
        self._pages.setCurrentIndex(0)

    def _quote(self) -> Quote | None:
        if self._form is None or self.desk is None:
            return None
        return self.desk.hub.quote(self._form.instrument.id)

    def _show_fields(self) -> None:
        if self._form is not None:
            self.page.show_use(self._form)
            self._show_worth()
            self._show_button()

    def _show_worth(self) -> None:
        if self._form is not None and self.desk is not None:
            funds = forms.available_paise(self.desk.portfolio.funds, self._form.instrument)
            self.page.show_worth(forms.worth_e4(self._form, self._quote()), funds)

    def _show_prices(self) -> None:
        if self._form is not None:
            self.page.show_quote(self._quote(), self._form.instrument.decimals)
            self._show_worth()

    def _show_button(self) -> None:
        if self._form is not None:
            is_sending = self._sending is not None
            words = "Sending…" if is_sending else self._words(self._form)
            is_on = not is_sending and not self._rearm.isActive()
            self.page.show_button(self._form, words, is_on=is_on)

    def _words(self, form: Form) -> str:
        verb = "Change to" if form.is_change else ("Buy" if form.side is Side.BUY else "Sell")
        start = f"Yes, {verb.lower()}" if self._asked is not None else verb
        amount = "" if form.quantity is None else f" {rupees.group(form.quantity)}"
        at = ""
        if form.kind.has_price and form.price_e4 is not None:
            at = f" @ {rupees.price(form.price_e4, form.instrument.decimals)}"
        elif form.kind is Kind.MARKET:
            at = " at market"
        return f"{start}{amount}{at}"

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _give_keyboard(field: NumberField) -> None:
    """Let the next key begin a new number; a digit must never join the one that is there."""
    field.setFocus()
    field.selectAll()
