"""What the exchange holds, in the broker's words: for the books over REST and for the sockets."""

from typing import Final

from brokers.fyers.codec import serving
from brokers.fyers.codec.serving import Listed
from brokers.fyers.practice_answers import message_of
from brokers.model.instrument import InstrumentId, InstrumentKind
from brokers.model.order import Fill, OrderUpdate
from brokers.practice.exchange import Exchange
from brokers.practice.values import BookOrder, Trade

_SOURCE: Final = "API"


class ExchangeRows:
    """Turns the exchange's snapshots into the values and rows of this wire."""

    def __init__(self, exchange: Exchange, account: str) -> None:
        self._exchange = exchange
        self._account = account

    def update_of(self, order: BookOrder) -> OrderUpdate:
        """Describe an order; a rejected one says why in the broker's words."""
        return OrderUpdate(
            broker_id=order.order_id,
            tag=order.tag,
            instrument=order.instrument,
            side=order.side,
            quantity=order.quantity,
            filled_qty=order.filled_qty,
            kind=order.kind,
            price_e4=order.price_e4,
            trigger_e4=order.trigger_e4,
            average_e4=order.average_e4,
            product=order.product,
            validity=order.validity,
            state=order.state,
            exchange_id=order.exchange_id,
            text=message_of(order, self._exchange.universe.by_id(order.instrument)),
            placed_ns=order.placed_ns,
            updated_ns=order.updated_ns,
            disclosed_qty=order.disclosed_qty,
            is_after_market=order.is_after_market,
            source=_SOURCE,
        )

    def fill_of(self, trade: Trade) -> Fill:
        """Describe an execution; its number is `order-trade`."""
        return Fill(
            trade_id=f"{trade.order_id}-{trade.trade_id}",
            broker_id=trade.order_id,
            tag=trade.tag,
            instrument=trade.instrument,
            side=trade.side,
            quantity=trade.quantity,
            price_e4=trade.price_e4,
            product=trade.product,
            at_ns=trade.at_ns,
        )

    def listed(self, instrument_id: InstrumentId, *, with_market: bool = False) -> Listed:
        """Give what rows say of an instrument; its prices only where they are shown."""
        universe = self._exchange.universe
        found = universe.by_id(instrument_id)
        assert found is not None, "what was ordered is listed"
        under = found.underlying_id
        underlying = universe.by_id(under) if under is not None else None
        quote = self._exchange.market.quote(instrument_id) if with_market else None
        return Listed(
            instrument=found,
            client_id=self._account,
            on_index=underlying is not None and underlying.kind is InstrumentKind.INDEX,
            ltp_e4=(quote.ltp_e4 or 0) if quote is not None else 0,
            previous_close_e4=(quote.previous_close_e4 or 0) if quote is not None else 0,
        )

    def order_row(self, order: BookOrder, number: int, *, with_market: bool) -> serving.Row:
        """Write one order as the order book has it."""
        listed = self.listed(order.instrument, with_market=with_market)
        return serving.order_row(self.update_of(order), listed, number, order.request_id)

    def trade_row(self, trade: Trade) -> serving.Row:
        """Write one execution as the trade book has it."""
        order = self._exchange.order(trade.account, trade.order_id)
        assert order is not None, "a trade belongs to an order"
        return serving.trade_row(
            self.fill_of(trade), self.update_of(order), self.listed(trade.instrument)
        )
