"""Look at a broker without a window: `python -m brokers list | watch | login`."""

import os
import signal

if __name__ == "__main__":
    # Ctrl-C while the rest loads is no failure either.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    from installer.checkout import enter

    enter("runtime")

import argparse
import asyncio
import contextlib
import datetime as dt
import getpass
import sys
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from brokers.errors import BrokerError
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Credentials, Session
from brokers.model.market import Depth, Detail, Quote
from brokers.model.money import format_e4
from brokers.model.order import Fill, OrderUpdate
from brokers.port import LinkEvent, LinkState, Plugin, Sinks
from brokers.registry import default_practice, plugin, plugins, practice_faces
from brokers.session import (
    Listing,
    log_in_to_practice,
    log_in_with_browser,
    open_account,
    practice_endpoints,
    running,
    start,
)

PRACTICE: Final = "practice"
_IST: Final = dt.timezone(dt.timedelta(hours=5, minutes=30))
_NS: Final = 1_000_000_000
_MISUSED: Final = 2


class Chosen:
    """A broker word: a name, `practice` (the built-in account) or `practice:NAME`."""

    def __init__(self, word: str) -> None:
        first, _, name = word.partition(":")
        self.is_practice = first == PRACTICE
        if not self.is_practice:
            self.plugin = plugin(word)
        else:
            self.plugin = plugin(name) if name else default_practice()


class Terminal:
    """The person in front of this terminal, as a login sees them."""

    def open(self, url: str) -> bool:
        print(f"Log in here:\n  {url}")
        return webbrowser.open(url)

    def say(self, text: str) -> None:
        print(text)

    async def pasted(self) -> str:
        """Wait for a line; the thread that reads it may outlive us, so it is a daemon."""
        loop = asyncio.get_running_loop()
        line: asyncio.Future[str] = loop.create_future()

        def hand_over(text: str) -> None:
            if not line.done():
                line.set_result(text)

        def read() -> None:
            text = sys.stdin.readline()
            with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
                loop.call_soon_threadsafe(hand_over, text)

        threading.Thread(target=read, daemon=True).start()
        text = await line
        if not text:
            await asyncio.Event().wait()  # no more input: only the redirect can come
        return text


@contextlib.asynccontextmanager
async def logged_in(chosen: Chosen) -> AsyncIterator[tuple[Session, dict[str, str]]]:
    """Log in; gives the session and the addresses it is good for."""
    broker = chosen.plugin
    if not chosen.is_practice:
        session = await log_in_with_browser(broker, ask_credentials(broker), Terminal())
        yield session, dict(broker.endpoints)
        return
    practice = running()
    with tempfile.TemporaryDirectory(prefix="tezi-") as folder:
        if practice is None:
            practice = await start(Path(folder) / "ports.json")
        try:
            session = await log_in_to_practice(broker, practice.ports)
            yield session, dict(practice_endpoints(broker, practice.ports))
        finally:
            await practice.stop()


def ask_credentials(broker: Plugin) -> Credentials:
    """Ask for the plugin's fields; secret ones are not shown while they are typed."""
    values: dict[str, str] = {}
    for field in broker.fields:
        shown = f"{field.label}{f' [{field.default}]' if field.default else ''}: "
        typed = getpass.getpass(shown) if field.is_secret else input(shown)
        values[field.id] = typed.strip() or field.default
    return Credentials(values=values, endpoints=broker.endpoints)


def list_brokers() -> int:
    """Print every broker the registry finds."""
    faces = practice_faces()
    rows = [("NAME", "TITLE", "DEPTH", "INTERVALS", "ORDERS", "PRACTICE")]
    rows += [
        (
            name,
            each.title,
            str(each.capabilities.depth_levels),
            str(len(each.capabilities.intervals)),
            "streamed" if each.capabilities.streams_orders else "polled",
            f"practice:{name}" if name in faces else "-",
        )
        for name, each in plugins().items()
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    return 0


async def login(chosen: Chosen) -> int:
    """Log in and say until when it lasts; nothing is kept."""
    async with logged_in(chosen) as (session, _):
        until = "" if session.expires_ns is None else f" until {_clock(session.expires_ns)}"
        kind = "practice account" if chosen.is_practice else "account"
        print(f"Logged in to your {chosen.plugin.title} {kind} {_masked(session.account)}{until}")
    return 0


async def watch(chosen: Chosen, symbols: Sequence[str]) -> int:
    """Print one line a tick until interrupted."""
    async with logged_in(chosen) as (session, endpoints):
        listing = Listing()
        shown: dict[InstrumentId, Instrument] = {}
        tape = Tape(shown)
        broker = await open_account(
            chosen.plugin, session, directory=listing, sinks=tape.sinks(), endpoints=endpoints
        )
        try:
            for master in await broker.masters():
                listing.add(await asyncio.to_thread(chosen.plugin.read_master, master))
            for symbol in symbols:
                found = listing.by_symbol(symbol.upper())
                if found is None:
                    print(f"no instrument {symbol}", file=sys.stderr)
                    return _MISUSED
                shown[found.id] = found
            tape.show_head()
            await broker.start()
            await broker.follow(dict.fromkeys(shown, Detail.QUOTE))
            await tape.unread.wait()
        finally:
            await broker.close()
    return 0


class Tape:
    """Writes ticks in columns, and what befalls the connections to the other stream."""

    def __init__(self, shown: dict[InstrumentId, Instrument]) -> None:
        self._shown = shown
        self._width = 6
        self.unread = asyncio.Event()
        """Set when nobody reads the output any more (`| head`)."""

    def sinks(self) -> Sinks:
        return Sinks(
            market=self._market,
            orders=self._ignore,
            fills=self._ignore,
            links=self._links,
            notices=self._notices,
        )

    def show_head(self) -> None:
        self._width = max(6, *(len(each.symbol) for each in self._shown.values()))
        self._write("TIME", "SYMBOL", "LAST", "BID", "ASK", "VOLUME")

    def _market(self, items: Sequence[Quote | Depth]) -> None:
        for item in items:
            instrument = self._shown.get(item.instrument)
            if isinstance(item, Quote) and instrument is not None:
                self._write(
                    "-" if item.exchange_ns is None else _clock(item.exchange_ns),
                    instrument.symbol,
                    _price(item.ltp_e4),
                    "-"
                    if item.bid_e4 is None
                    else f"{_count(item.bid_qty)} × {_price(item.bid_e4)}",
                    "-"
                    if item.ask_e4 is None
                    else f"{_price(item.ask_e4)} × {_count(item.ask_qty)}",
                    _count(item.volume),
                )

    def _write(self, *cells: str) -> None:
        time, symbol, last, bid, ask, volume = cells
        line = f"{time:<8}  {symbol:<{self._width}}  {last:>12}  {bid:>20}  {ask:<20}  {volume:>12}"
        if not self.unread.is_set():
            try:
                print(line, flush=True)
            except BrokenPipeError:
                self.unread.set()

    def _ignore(self, _what: OrderUpdate | Fill) -> None:
        pass

    def _links(self, event: LinkEvent) -> None:
        if event.state in (LinkState.DOWN, LinkState.STOPPED) and event.reason != "closed":
            later = "" if event.retry_in_s is None else f", again in {event.retry_in_s:.1f} s"
            print(f"{event.link} {event.state}: {event.reason}{later}", file=sys.stderr)

    def _notices(self, text: str) -> None:
        print(f"Broker says: {text}", file=sys.stderr)


def _clock(at_ns: int) -> str:
    return dt.datetime.fromtimestamp(at_ns // _NS, _IST).strftime("%H:%M:%S")


def _price(price_e4: int | None) -> str:
    return "-" if price_e4 is None else format_e4(price_e4)


def _count(quantity: int | None) -> str:
    return "-" if quantity is None else str(quantity)


def _masked(account: str) -> str:
    return f"{account[:2]}…{account[-1:]}" if len(account) > 3 else "…"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m brokers", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the brokers there are")
    word = f"a broker's name, `{PRACTICE}`, or `{PRACTICE}:NAME`"
    watching = verbs.add_parser("watch", help="one line a tick; Ctrl-C ends it")
    watching.add_argument("broker", help=word)
    watching.add_argument("symbols", nargs="+", metavar="symbol", help="as in NSE:SBIN-EQ")
    verbs.add_parser("login", help="log in and say until when").add_argument("broker", help=word)
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> int:
    """Do what is asked until it is done, or until Ctrl-C, which is no failure."""
    loop = asyncio.get_running_loop()
    chosen = Chosen(options.broker)
    verb = watch(chosen, options.symbols) if options.verb == "watch" else login(chosen)
    work = loop.create_task(verb)
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            loop.add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        return 0


def main() -> int:
    # From here on it has to be an exception: a password prompt restores the terminal by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = parse()
    try:
        status = list_brokers() if options.verb == "list" else asyncio.run(run(options))
        sys.stdout.flush()
    except BrokerError as error:
        print(error, file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return _MISUSED
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # The reader has seen enough (`| head`); nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
