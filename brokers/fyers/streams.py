"""What is said on the two sockets: market data and orders.

Each session reports LIVE itself, once the broker has accepted it: the driver's own word comes when
the connection stands, and what happens between that and the subscription would be lost to a desk
that reconciles too early.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from brokers.errors import DecodeError, LoginExpired
from brokers.fyers.codec.feed import Feed, FeedNotice, Item
from brokers.fyers.codec.feed_frames import DATA, Ask
from brokers.fyers.codec.orders import PING, Acknowledged, read_pushes, subscription
from brokers.model.instrument import InstrumentId
from brokers.model.market import Depth, Quote
from brokers.model.order import Fill, OrderUpdate
from brokers.net.stream import DropConnection, Message
from brokers.port import Link, LinkEvent, LinkState, Sinks

BEAT_S: Final = 5.0
ANSWER_S: Final = 5.0
SILENCE_S: Final = 10.0
"""How long a feed may say nothing before somebody asks whether that can be."""

_MOST_SILENCE_S: Final = 600.0
_DEAF_S: Final = 12.0
"""Two pings without an answer."""

_FEED_BEATS_PER_PING: Final = 2
_PAUSE_S: Final = 0.5
_LONG_FRAME: Final = 8192
"""After a subscription this long published clients wait half a second before the next."""

Post = Callable[[Sequence[Message]], None]


def _now_s() -> float:
    return asyncio.get_running_loop().time()


class FeedSession:
    """Speaks to the market-data socket; hands on one batch for each burst of frames."""

    def __init__(self, feed: Feed, sinks: Sinks, on_silence: Callable[[], None]) -> None:
        self._feed = feed
        self._sinks = sinks
        self._on_silence = on_silence
        self._batch: list[Quote | Depth] = []
        self._waiting: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._asked_s = 0.0
        self._heard_s = 0.0
        self._quiet_s = SILENCE_S
        self._beats = 0
        self._has_asked_again = False
        self.post: Post = _nowhere
        """Where frames go that nothing from the broker called for."""

    def follow(self, wanted: Mapping[InstrumentId, Sequence[str]]) -> None:
        """Follow exactly this; more topics than a connection takes are a ValueError."""
        self._ask(self._feed.follow(wanted))

    def known(self) -> Mapping[InstrumentId, Quote]:
        """Give the newest quotes of this connection."""
        return self._feed.known()

    def heard_s(self) -> float:
        """Tell when data last came, on the loop's clock."""
        return self._heard_s

    def opened(self) -> Sequence[Message]:
        """Begin a new connection."""
        self.stop()
        self._batch.clear()
        self._heard_s = self._asked_s = _now_s()
        self._unanswered = 1
        return self._feed.opening()

    def receive(self, message: Message, /) -> Sequence[Message]:
        """Take one frame; what it says is kept for the batch."""
        if isinstance(message, str):
            raise DecodeError("feed", "a binary frame")
        is_data = message[2:3] == _DATA
        try:
            items = self._feed.receive(message)
        except DecodeError as error:
            if is_data:
                # What it changed is unknown from here on: only new snapshots are the truth.
                raise DropConnection(f"market data could not be read: {error}") from error
            raise
        if is_data:
            self._batch += items  # type: ignore[arg-type]  # a data frame holds no notices
            self._heard_s = _now_s()
            self._quiet_s = SILENCE_S
        else:
            for item in items:
                self._take_notice(item)
        return self._feed.outgoing()

    def drained(self) -> None:
        """Hand on all that came in one batch."""
        if self._batch:
            batch, self._batch = self._batch, []
            self._sinks.market(batch)

    def beat(self) -> Sequence[Message]:
        """Notice silence; give a ping every ten seconds."""
        now_s = _now_s()
        if self._unanswered and now_s - self._asked_s >= ANSWER_S:
            self._miss_answer()
        if self._feed.is_accepted and now_s - self._heard_s >= self._quiet_s:
            self._quiet_s = min(2 * self._quiet_s, _MOST_SILENCE_S)
            self._on_silence()
        self._beats += 1
        return [self._feed.ping()] if self._beats % _FEED_BEATS_PER_PING == 0 else []

    def stop(self) -> None:
        """Forget what waits to be sent."""
        self._waiting.clear()
        self._unanswered = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take_notice(self, notice: Item) -> None:
        if not isinstance(notice, FeedNotice):
            return
        if notice.about == Ask.AUTH:
            self._answered()
            if not notice.is_accepted:
                raise LoginExpired(notice.text, code=str(notice.code))
            self._sinks.links(LinkEvent(link=Link.FEED, state=LinkState.LIVE))
            self._ask(self._feed.resume())
            return
        if notice.about in (Ask.SUBSCRIBE, Ask.UNSUBSCRIBE):
            self._answered()
            self._has_asked_again = False
        if not notice.is_accepted:
            self._sinks.notices(f"{notice.text} ({notice.code})")

    def _miss_answer(self) -> None:
        """Begin anew, once; a service that still does not confirm is listened to all the same."""
        if not self._feed.is_accepted:
            raise DropConnection("the feed does not answer")
        if not self._has_asked_again:
            self._has_asked_again = True
            raise DropConnection("a subscription was not confirmed")
        self._unanswered = 0
        self._sinks.notices("the feed did not confirm a subscription")

    def _answered(self) -> None:
        self._unanswered = max(0, self._unanswered - 1)
        self._asked_s = _now_s()

    def _ask(self, frames: Sequence[bytes]) -> None:
        self._waiting.extend(frames)
        if self._timer is None:
            self._send_waiting()

    def _send_waiting(self) -> None:
        self._timer = None
        while self._waiting:
            frame = self._waiting.popleft()
            self._unanswered += 1
            self._asked_s = _now_s()
            self.post([frame])
            if self._waiting and len(frame) >= _LONG_FRAME:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(_PAUSE_S, self._send_waiting)
                return


class OrderSession:
    """Speaks to the order socket; every update is handed on at once and in order."""

    def __init__(self, sinks: Sinks, account: str) -> None:
        self._sinks = sinks
        self._account = account
        self._is_live = False
        self._asked_s = 0.0
        self._heard_s = 0.0

    def opened(self) -> Sequence[Message]:
        """Begin a new connection: nothing is replayed, so the desk will reconcile on LIVE."""
        self._is_live = False
        self._asked_s = self._heard_s = _now_s()
        return [subscription()]

    def receive(self, message: Message, /) -> Sequence[Message]:
        """Take one push."""
        self._heard_s = _now_s()
        try:
            pushes = read_pushes(message, self._account)
        except DecodeError:
            # It may have been an order: LIVE once more makes the desk ask for the book.
            if self._is_live:
                self._tell_live("a message of the order stream could not be read")
            raise
        for push in pushes:
            match push:
                case OrderUpdate():
                    self._sinks.orders(push)
                case Fill():
                    self._sinks.fills(push)
                case Acknowledged(is_ok=True):
                    if not self._is_live:
                        self._is_live = True
                        self._tell_live("")
                case Acknowledged():
                    self._sinks.notices(f"{push.text} ({push.code})")
                case _:
                    # Positions follow from the fills.
                    continue
        return ()

    def drained(self) -> None:
        """Nothing is held back."""

    def beat(self) -> Sequence[Message]:
        """Notice a deaf broker; give a ping."""
        now_s = _now_s()
        if now_s - self._heard_s >= _DEAF_S:
            raise DropConnection("the order stream does not answer")
        if not self._is_live and now_s - self._asked_s >= ANSWER_S:
            raise DropConnection("the order stream did not confirm the subscription")
        return [PING]

    def _tell_live(self, reason: str) -> None:
        self._sinks.links(LinkEvent(link=Link.ORDERS, state=LinkState.LIVE, reason=reason))


_DATA: Final = bytes([DATA])


def _nowhere(_messages: Sequence[Message]) -> None:
    """Stand in until the stream is there."""
