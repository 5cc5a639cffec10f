"""Open accounts: what each is connected to, and whether and why not it may trade."""

import enum
from collections.abc import Iterator
from typing import Final

from brokers.port import Link, LinkEvent, LinkState
from desktop.trading.listeners import Listeners

_SECOND_NS: Final = 1_000_000_000
CLOCK_WARNS_NS: Final = 2 * _SECOND_NS
CLOCK_BLOCKS_NS: Final = 30 * _SECOND_NS


class AccountKind(enum.StrEnum):
    PRACTICE = "practice"
    LIVE = "live"


class Block(enum.StrEnum):
    """The reasons that stop new orders, the gravest first."""

    HALT = "halt"
    LOGIN = "login"
    GONE = "gone"
    LINK = "link"
    CLOCK = "clock"
    RECONCILE = "reconcile"


class AccountState:
    """One account as the window shows it.

    It begins blocked: trading opens only after the first reconciliation. `name` is ours, never a
    client code; it is what journals and drafts carry. `book` tells one practice exchange from the
    next: each begins with an empty order book and the same numbers, so what the journal holds of
    another one is not about this one.
    """

    def __init__(
        self, name: str, *, title: str, kind: AccountKind, broker: str, book: str = ""
    ) -> None:
        self.name = name
        self.journal_name = f"{name}@{book}" if book else name
        self.title = title
        self.kind = kind
        self.broker = broker
        self.clock_offset_ns: int | None = None
        """The broker's clock minus ours."""
        self.changed: Listeners[[]] = Listeners()
        self._blocks: dict[Block, str] = {Block.RECONCILE: "orders are not compared yet"}
        self._links: dict[Link, LinkEvent] = {}
        self._heard_ns: int | None = None
        self._is_stream_suspect = False

    @property
    def is_live(self) -> bool:
        return self.kind is AccountKind.LIVE

    @property
    def is_tradable(self) -> bool:
        return not self._blocks

    @property
    def problem(self) -> str:
        """Why no new order may leave, in the trader's words; empty when one may."""
        return next((self._blocks[each] for each in Block if each in self._blocks), "")

    @property
    def blocks(self) -> dict[Block, str]:
        return dict(self._blocks)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What does not stop an order but wants a yes."""
        found = []
        link = self._links.get(Link.ORDERS)
        if link is not None and link.state in (LinkState.DOWN, LinkState.CONNECTING):
            found.append("the order stream is down: states may be late")
        elif self._is_stream_suspect:
            found.append("the order stream is silent: states may be late")
        offset = self.clock_offset_ns
        if self.is_live and offset is not None and abs(offset) > CLOCK_WARNS_NS:
            found.append(f"this computer's clock is {abs(offset) // _SECOND_NS} s off")
        return tuple(found)

    @property
    def is_stream_suspect(self) -> bool:
        """An order of ours was not echoed in time: the books are polled faster."""
        return self._is_stream_suspect

    def block(self, why: Block, reason: str) -> None:
        """Stop new orders until `clear` of the same reason."""
        if self._blocks.get(why) != reason:
            self._blocks[why] = reason
            self.changed.tell()

    def clear(self, why: Block) -> None:
        if self._blocks.pop(why, None) is not None:
            self.changed.tell()

    def set_stream_suspect(self, *, is_suspect: bool) -> None:
        if self._is_stream_suspect != is_suspect:
            self._is_stream_suspect = is_suspect
            self.changed.tell()

    def link(self, which: Link) -> LinkEvent | None:
        """Give the newest news of a connection; None before the first."""
        return self._links.get(which)

    def link_changed(self, event: LinkEvent) -> None:
        """Note a connection; a stopped order stream stops trading, for it will not come back."""
        self._links[event.link] = event
        if event.link is Link.ORDERS:
            if event.state is LinkState.STOPPED:
                self._blocks[Block.LINK] = event.reason or "the order stream was stopped"
            else:
                self._blocks.pop(Block.LINK, None)
        self.changed.tell()

    def set_clock_offset(self, offset_ns: int | None) -> None:
        """Note how far the broker's clock is from ours; only a live account minds."""
        self.clock_offset_ns = offset_ns
        is_wild = self.is_live and offset_ns is not None and abs(offset_ns) > CLOCK_BLOCKS_NS
        if is_wild:
            self.block(Block.CLOCK, "this computer's clock is more than 30 s off")
        else:
            self.clear(Block.CLOCK)

    def heard_market(self, now_ns: int) -> None:
        """Note that the feed brought something; called for every batch, so it tells nobody."""
        self._heard_ns = now_ns

    def feed_age_ms(self, now_ns: int) -> int | None:
        """Give how long the feed has been silent; None: it never spoke."""
        return None if self._heard_ns is None else max(0, now_ns - self._heard_ns) // 1_000_000


class Accounts:
    """The open accounts in the order they were opened."""

    def __init__(self) -> None:
        self.changed: Listeners[[]] = Listeners()
        self._by_name: dict[str, AccountState] = {}

    def add(self, account: AccountState) -> None:
        """Add an account; a name that is open already is a programming error."""
        if account.name in self._by_name:
            raise ValueError(f"account {account.name} is open already")
        self._by_name[account.name] = account
        self.changed.tell()

    def remove(self, name: str) -> None:
        if self._by_name.pop(name, None) is not None:
            self.changed.tell()

    def __getitem__(self, name: str) -> AccountState:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[AccountState]:
        return iter(tuple(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)
