"""Look at a broker without a window: `list`, `watch`, `login`."""

import argparse
import asyncio
import contextlib
import datetime as dt
import getpass
import signal
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    from installer.checkout import enter

    enter("runtime")

from brokers.errors import BrokerError
from brokers.model.instrument import Instrument, InstrumentId
from brokers.model.login import Credentials
from brokers.model.market import Depth, Detail, Quote
from brokers.model.money import format_e4
from brokers.model.order import OrderUpdate
from brokers.port import Broker, LinkEvent, Plugin, Sinks
from brokers.registry import default_practice, plugin, plugins
from brokers.session import (
    Login,
    Practice,
    Shelf,
    log_in_by_browser,
    log_in_to_practice,
    open_account,
    running,
    start,
)

IST = dt.timezone(dt.timedelta(hours=5, minutes=30))
PRACTICE = "practice"


def main(arguments: Sequence[str]) -> int:
    wanted = _parse(arguments)
    if wanted.verb == "list":
        return _list()
    work = _watch(wanted.broker, wanted.symbols) if wanted.verb == "watch" else _login(wanted)
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return 0
    except (BrokerError, ValueError) as error:
        print(f"brokers: {error}", file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m brokers", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the brokers there are, and what each can do")
    watch = verbs.add_parser("watch", help="one line a tick; Ctrl-C ends it")
    watch.add_argument("broker", help="a broker, `practice`, or `practice:NAME`")
    watch.add_argument("symbols", nargs="+", metavar="symbol", help="such as NSE:SBIN-EQ")
    login = verbs.add_parser("login", help="log in and show whose account it is, masked")
    login.add_argument("broker", help="a broker, `practice`, or `practice:NAME`")
    return parser.parse_args(arguments)


def _list() -> int:
    print(f"{'NAME':<12} {'TITLE':<24} {'DEPTH':>5} {'FOLLOWS':>8}  ORDERS")
    for each in plugins().values():
        can = each.capabilities
        kinds = ", ".join(sorted(can.kinds))
        print(
            f"{each.name:<12} {each.title:<24} {can.depth_levels:>5} {can.max_followed:>8}  {kinds}"
        )
    return 0


async def _login(wanted: argparse.Namespace) -> int:
    async with _logged_in(wanted.broker) as (broker_plugin, login):
        account = login.session.account
        masked = account[:2] + "•" * max(0, len(account) - 2)
        print(f"{broker_plugin.title}: logged in as {masked}")
        expires_ns = login.session.expires_ns
        if expires_ns is not None:
            print(f"valid until {dt.datetime.fromtimestamp(expires_ns / 1e9, IST):%d %b %H:%M} IST")
    return 0


async def _watch(word: str, symbols: Sequence[str]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _logged_in(word) as (broker_plugin, login):
        shelf = Shelf()
        printer = _Printer(shelf)
        broker = await open_account(broker_plugin, login, directory=shelf, sinks=printer.sinks())
        try:
            found = await _find(broker, broker_plugin, shelf, symbols)
            await broker.start()
            await broker.follow({each.id: Detail.QUOTE for each in found})
            await stop.wait()
        finally:
            await broker.close()
    return 0


async def _find(
    broker: Broker, broker_plugin: Plugin, shelf: Shelf, symbols: Sequence[str]
) -> list[Instrument]:
    for file in await broker.masters():
        part = await asyncio.to_thread(broker_plugin.read_master, file)
        shelf.put(part)
        if part.bad_rows:
            print(f"{file.name}: {len(part.bad_rows)} rows passed over", file=sys.stderr)
    found = [shelf.by_symbol(symbol) for symbol in symbols]
    unknown = [symbol for symbol, each in zip(symbols, found, strict=True) if each is None]
    if unknown:
        raise ValueError(f"not in the masters: {', '.join(unknown)}")
    return [each for each in found if each is not None]


class _Printer:
    """Prints one line for each new price."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def sinks(self) -> Sinks:
        return Sinks(
            market=self.market,
            orders=_ignore_order,
            fills=lambda _fill: None,
            links=self.link,
            notices=lambda text: print(text, file=sys.stderr, flush=True),
        )

    def market(self, items: Sequence[Quote | Depth]) -> None:
        for item in items:
            if isinstance(item, Quote) and item.ltp_e4 is not None:
                print(self.line(item), flush=True)

    def line(self, quote: Quote) -> str:
        at_ns = quote.exchange_ns or quote.traded_ns
        clock = "--:--:--"
        if at_ns is not None:
            clock = f"{dt.datetime.fromtimestamp(at_ns // 10**9, IST):%H:%M:%S}"
        change = ""
        if quote.previous_close_e4 and quote.ltp_e4 is not None:
            change = f"{(quote.ltp_e4 / quote.previous_close_e4 - 1) * 100:+.2f}%"
        return (
            f"{clock}  {self._name(quote.instrument):<24} {_price(quote.ltp_e4):>12} {change:>8}"
            f"  bid {_price(quote.bid_e4):>12}  ask {_price(quote.ask_e4):>12}"
            f"  volume {quote.volume or 0:>12,}"
        )

    def link(self, event: LinkEvent) -> None:
        print(f"{event.link}: {event.state} {event.reason}".rstrip(), file=sys.stderr, flush=True)

    def _name(self, instrument: InstrumentId) -> str:
        found = self._shelf.instrument(instrument)
        return found.symbol if found is not None else instrument


def _price(price_e4: int | None) -> str:
    return "-" if price_e4 is None else format_e4(price_e4)


def _ignore_order(_update: OrderUpdate) -> None:
    return


@contextlib.asynccontextmanager
async def _logged_in(word: str) -> AsyncIterator[tuple[Plugin, Login]]:
    name, _, face = word.partition(":")
    if name != PRACTICE:
        yield await _log_in_live(plugin(name))
        return
    chosen = plugin(face) if face else default_practice()
    async with _practice() as practice:
        yield chosen, await log_in_to_practice(chosen, practice.ports)


@contextlib.asynccontextmanager
async def _practice() -> AsyncIterator[Practice]:
    practice = running()
    with tempfile.TemporaryDirectory(prefix="tezi-") as folder:
        if practice is None:
            print("starting the practice exchange …", file=sys.stderr, flush=True)
            practice = await start(Path(folder) / "ports.json")
        try:
            yield practice
        finally:
            await practice.stop()


async def _log_in_live(chosen: Plugin) -> tuple[Plugin, Login]:
    values = {
        field.id: await _ask(field.label, field.default, is_secret=field.is_secret)
        for field in chosen.fields
    }
    credentials = Credentials(values=values, endpoints=chosen.endpoints)
    return chosen, await log_in_by_browser(chosen, credentials, _Terminal())


async def _ask(label: str, default: str, *, is_secret: bool) -> str:
    hint = f" [{default}]" if default else ""
    ask: Callable[[str], str] = getpass.getpass if is_secret else input
    return (await asyncio.to_thread(ask, f"{label}{hint}: ")).strip() or default


class _Terminal:
    """A login's prompt on a terminal."""

    def open(self, url: str) -> bool:
        if webbrowser.open(url):
            return True
        print(f"Open this address in a browser:\n  {url}")
        return False

    def say(self, text: str) -> None:
        print(text, flush=True)

    async def pasted(self) -> str:
        line = await asyncio.to_thread(input, "Or paste the address it ended on: ")
        return line.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
