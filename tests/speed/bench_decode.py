"""Market-data frames to quotes: our decoder against the published FYERS client's parser.

Both give every field that the client gives, the day's change in rupees and in percent included.
"""

from brokers.fyers.codec.feed import Feed
from brokers.fyers.codec.feed_frames import encode_auth_reply, encode_data
from brokers.fyers.codec.feed_records import NO_VALUE, Snapshot, encode_snapshot, encode_update
from brokers.model.instrument import InstrumentId
from brokers.model.market import Quote
from desktop.docks.watchlist.model import change_e4, change_percent
from tests.speed.measure import US, NothingHappenedError, in_turn, median, tell
from tests.speed.peers import fyers_parser

_SYMBOLS = 200
_FRAMES = 200
_RECORDS = 10
_CHANGED = 11
"""Of 21 values: last price, volume, times, best bid and offer, and the totals."""


def topic(number: int) -> str:
    return f"sf|nse_cm|{number}"


def values(turn: int) -> list[int]:
    return [
        *(250_000 + turn, 1_000_000 + turn, 1_700_000_000, 1_700_000_001 + turn, 10 + turn),
        *(20 + turn, 249_990 + turn, 250_010 + turn, 5 + turn % 90, 100_000 + turn, 99_000 + turn),
        *(250_005, NO_VALUE, 249_000, 251_000, NO_VALUE, NO_VALUE, 0, 0, 250_000, 248_000),
    ]


def snapshots() -> list[bytes]:
    records = [
        encode_snapshot(
            Snapshot(
                topic_id=number,
                topic=topic(number),
                values=tuple(values(0)),
                exchange_segment="nse_cm",
                token=str(number),
                symbol="X-EQ",
            )
        )
        for number in range(_SYMBOLS)
    ]
    return [encode_data(number, [record]) for number, record in enumerate(records)]


def updates() -> list[bytes]:
    """Make frames of which each record changes something, also on the next pass over them."""
    frames = []
    for frame in range(_FRAMES):
        records = []
        for record in range(_RECORDS):
            turn = frame * _RECORDS + record
            sent = values(turn + 1)[:_CHANGED] + [NO_VALUE] * (21 - _CHANGED)
            records.append(encode_update(turn % _SYMBOLS, sent))
        frames.append(encode_data(frame, records))
    return frames


def main() -> None:
    frames = updates()
    feed = Feed("key")
    feed.opening()
    feed.receive(encode_auth_reply(0xFFFF, b""))
    wanted = {InstrumentId(f"NSE:CM:{number}"): (topic(number),) for number in range(_SYMBOLS)}
    feed.follow(wanted)
    given = {"ours": 0, "theirs": 0}

    def take(message: object) -> None:
        assert isinstance(message, dict)
        given["theirs"] += 1

    parse = fyers_parser.parser(take, {topic(number): "NSE:X-EQ" for number in range(_SYMBOLS)})
    for frame in snapshots():
        feed.receive(frame)
        parse(bytearray(frame))
    mutable = [bytearray(frame) for frame in frames]

    def ours() -> None:
        for frame in frames:
            for quote in feed.receive(frame):
                assert type(quote) is Quote
                change_e4(quote)
                change_percent(quote)
                given["ours"] += 1

    def theirs() -> None:
        for frame in mutable:
            parse(frame)

    given["theirs"] = 0
    times = in_turn({"ours": ours, "theirs": theirs}, rounds=9)
    sent = _FRAMES * _RECORDS * 10
    if any(count != sent for count in given.values()):
        raise NothingHappenedError(f"of {sent} updates came out: {given}")
    each = _FRAMES * _RECORDS / US
    tell(
        "quote decoded, the same fields",
        "µs",
        median(times["ours"]) / each,
        peer="fyers-apiv3",
        theirs=median(times["theirs"]) / each,
        goal=5.0,
    )


if __name__ == "__main__":
    main()
