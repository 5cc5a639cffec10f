"""The practice face's data REST: history, quotes, depth, market status, tokens."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Final

from brokers.fyers.codec import serving
from brokers.fyers.codec.enums import INTERVALS
from brokers.fyers.codec.masters import fy_token
from brokers.fyers.codec.messages import SymbolsBody
from brokers.fyers.codec.requests import (
    DAILY_PAGE_DAYS,
    MINUTE_PAGE_DAYS,
    MOST_QUOTES,
    MOST_TOKENS,
)
from brokers.fyers.codec.texts import IST_OFFSET_S, NS
from brokers.fyers.practice_answers import (
    INVALID_INPUT,
    INVALID_SYMBOL,
    Refusal,
    answer,
    ok,
    read_body,
)
from brokers.model.instrument import Exchange, Instrument, Segment
from brokers.model.market import Interval, Span
from brokers.net.server import ServerReply, ServerRequest
from brokers.practice.exchange import Exchange as PracticeExchange

_DAY_S: Final = 86_400
_EPOCH: Final = re.compile(r"\d{1,10}\Z", re.ASCII)
_SECONDS_KEPT_DAYS: Final = 45
"""Thirty trading days, holidays included."""


class DataDesk:
    """Prices over REST."""

    def __init__(self, exchange: PracticeExchange) -> None:
        self._exchange = exchange

    def quotes(self, request: ServerRequest) -> ServerReply:
        """Quote up to fifty symbols; one that does not exist has an error of its own."""
        if request.method == "POST":
            symbols = read_body(request.body, SymbolsBody, "quotes").symbols
        else:
            symbols = [each for each in request.query.get("symbols", "").split(",") if each]
        if not 0 < len(symbols) <= MOST_QUOTES:
            raise Refusal(INVALID_INPUT, f"symbols: Between 1 and {MOST_QUOTES} are allowed")
        return ok({"d": [self._quote(symbol) for symbol in symbols]})

    def depth(self, request: ServerRequest) -> ServerReply:
        instrument = self._listed(request.query.get("symbol", ""))
        market = self._exchange.market
        quote, depth = market.quote(instrument.id), market.depth(instrument.id)
        members = serving.depth_members(quote, depth, instrument)
        if request.query.get("ohlcv_flag") != "1":
            members = {key: members[key] for key in _WITHOUT_DAY}
        return answer(
            serving.encode({"d": {instrument.symbol: members}, "message": "Success", "s": "ok"})
        )

    def history(self, request: ServerRequest) -> ServerReply:
        """Give candles; both ends of the range are inclusive."""
        query = request.query
        instrument = self._listed(query.get("symbol", ""), "Invalid symbol provided")
        every = INTERVALS.get(query.get("resolution", ""))
        if every is None:
            raise Refusal(INVALID_INPUT, "resolution: Not a valid choice")
        span = _span(query, every)
        self._check_span(span, every)
        candles = self._exchange.market.candles(instrument.id, every, span)
        with_interest = query.get("oi_flag") == "1"
        rows = [
            serving.candle_row(candle, is_intraday=every.is_intraday, with_interest=with_interest)
            for candle in candles
        ]
        if not rows:
            return answer(serving.encode({"candles": [], "s": "no_data"}))
        return answer(serving.encode({"candles": rows, "s": "ok"}))

    def market_status(self, _request: ServerRequest) -> ServerReply:
        rows = [
            serving.market_row(Exchange(row.exchange), Segment(row.segment), row.phase)
            for row in self._exchange.market.status()
        ]
        return ok({"marketStatus": rows})

    def symbol_tokens(self, request: ServerRequest) -> ServerReply:
        symbols = read_body(request.body, SymbolsBody, "symbol-token").symbols
        if not 0 < len(symbols) <= MOST_TOKENS:
            raise Refusal(INVALID_INPUT, f"symbols: Between 1 and {MOST_TOKENS} are allowed")
        found = {symbol: self._exchange.universe.by_symbol(symbol) for symbol in symbols}
        valid = {symbol: fy_token(each) for symbol, each in found.items() if each is not None}
        invalid = [symbol for symbol, each in found.items() if each is None]
        return ok({"validSymbol": valid, "invalidSymbol": invalid})

    def feed_address(self, address: str) -> Callable[[ServerRequest], ServerReply]:
        """Answer where the 50-level feed is: on this very port."""

        def respond(request: ServerRequest) -> ServerReply:
            host = request.headers.get("host", "127.0.0.1")
            return ok({"data": {"socket_url": f"ws://{host}{address}"}})

        return respond

    def _quote(self, symbol: str) -> serving.Row:
        instrument = self._exchange.universe.by_symbol(symbol)
        if instrument is None:
            code, text = INVALID_SYMBOL
            return {"n": symbol, "s": "error", "v": {"code": code, "errmsg": text}}
        row = serving.quote_row(self._exchange.market.quote(instrument.id), instrument)
        # 05:30 Indian time of the trading day, which is midnight UTC of its date.
        today = (self._exchange.clock.now_ns() // NS + IST_OFFSET_S) // _DAY_S * _DAY_S
        values = row["v"]
        assert isinstance(values, dict)
        values["tt"] = str(today)
        return row

    def _listed(self, symbol: str, text: str = INVALID_SYMBOL[1]) -> Instrument:
        instrument = self._exchange.universe.by_symbol(symbol)
        if instrument is None:
            raise Refusal(INVALID_SYMBOL[0], text)
        return instrument

    def _check_span(self, span: Span, every: Interval) -> None:
        days = (span.to_ns - span.from_ns) / (NS * _DAY_S)
        most = MINUTE_PAGE_DAYS if every.is_intraday else DAILY_PAGE_DAYS
        if days > most:
            raise Refusal(INVALID_INPUT, f"The range is limited to {most} days")
        oldest_ns = self._exchange.clock.now_ns() - _SECONDS_KEPT_DAYS * _DAY_S * NS
        if every.value.endswith("s") and span.to_ns < oldest_ns:
            raise Refusal(INVALID_INPUT, "Second bars are kept for 30 trading days")


_WITHOUT_DAY: Final = ("ask", "bids", "totalbuyqty", "totalsellqty")


def _span(query: Mapping[str, str], every: Interval) -> Span:
    is_dates = query.get("date_format", "0") == "1"
    read = _from_date if is_dates else _from_epoch
    first_s, last_s = read(query, "range_from"), read(query, "range_to")
    if last_s < first_s:
        raise Refusal(INVALID_INPUT, "range_to: Must not be before range_from")
    end_s = last_s + (_DAY_S if is_dates else 1)
    if not every.is_intraday and not is_dates:
        # A day's bar is stamped half past five in the morning and meant from midnight on.
        first_s -= (first_s + IST_OFFSET_S) % _DAY_S
    return Span(first_s * NS, end_s * NS)


def _from_epoch(query: Mapping[str, str], key: str) -> int:
    text = query.get(key, "").partition(".")[0]
    if not _EPOCH.match(text):
        raise Refusal(INVALID_INPUT, f"{key}: Expected epoch seconds")
    return int(text)


def _from_date(query: Mapping[str, str], key: str) -> int:
    """Give Indian midnight of a `yyyy-mm-dd`, in epoch seconds."""
    try:
        date = dt.date.fromisoformat(query.get(key, ""))
    except ValueError:
        raise Refusal(INVALID_INPUT, f"{key}: Expected yyyy-mm-dd") from None
    return (date - dt.date(1970, 1, 1)).days * _DAY_S - IST_OFFSET_S
