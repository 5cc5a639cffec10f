"""Spoiled replies of the practice face: what a test asks for and a broker has been seen to do."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from brokers.fyers.codec import serving
from brokers.fyers.practice_answers import JSON_TYPE
from brokers.net.server import ServerReply

Json = object

QUIRKS: Final = ("string_code", "missing_fields", "reject_without_id")
"""This wire's own irregularities, armed like faults."""

_OPTIONAL: Final = frozenset(
    {
        *("discloseQty", "dqQtyRem", "id_fyers", "lp", "ch", "chp", "slNo", "orderNumStatus"),
        *("takeProfit", "stopLoss", "parentId", "ex_sym", "description", "source", "row", "pan"),
        *("crossCurrency", "rbiRefRate", "avgPrice", "atp", "cfBuyQty", "cfSellQty"),
    }
)
_POISON: Final = (b"NaN", b"-5", b"1e999")
_MARK: Final = "\x1a"


def wrong_type(reply: ServerReply) -> ServerReply:
    """Make every number a text that is none, and every id a list."""
    return _rewritten(reply, _mistyped)


def code_201(reply: ServerReply) -> ServerReply:
    """Turn a success into "sent, not acknowledged"; the work is done all the same."""

    def sent(value: Json) -> Json:
        if not isinstance(value, dict) or value.get("s") != "ok":
            return value
        text = "Order sent to the exchange, acknowledgement is awaited"
        return {"s": "ok", "code": 201, "message": text}

    return _rewritten(reply, sent)


def poison(reply: ServerReply) -> ServerReply:
    """Replace every number but the envelope's with one that no market says."""

    def poisoned(value: Json) -> Json:
        if isinstance(value, dict):
            return {k: v if k == "code" else poisoned(v) for k, v in value.items()}
        if isinstance(value, list):
            return [poisoned(item) for item in value]
        return _MARK if _is_number(value) else value

    spoiled = _rewritten(reply, poisoned)
    pieces = spoiled.body.split(serving.encode(_MARK))
    body = pieces[0]
    for at, piece in enumerate(pieces[1:]):
        body += _POISON[at % len(_POISON)] + piece
    return msgspec.structs.replace(spoiled, body=body)


def quirk(name: str, reply: ServerReply) -> ServerReply:
    """Give a reply one of this wire's own irregularities."""
    return _rewritten(reply, _QUIRKS[name])


def _string_code(value: Json) -> Json:
    if isinstance(value, dict) and "code" in value:
        return {**value, "code": str(value["code"])}
    return value


def _missing_fields(value: Json) -> Json:
    if isinstance(value, dict):
        return {k: _missing_fields(v) for k, v in value.items() if k not in _OPTIONAL}
    if isinstance(value, list):
        return [_missing_fields(item) for item in value]
    return value


def _without_id(value: Json) -> Json:
    if isinstance(value, dict) and value.get("s") == "error":
        return {k: v for k, v in value.items() if k != "id"}
    return value


_QUIRKS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "string_code": _string_code,
    "missing_fields": _missing_fields,
    "reject_without_id": _without_id,
}


def _mistyped(value: Json) -> Json:
    if isinstance(value, dict):
        return {k: [v] if k == "id" else _mistyped(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_mistyped(item) for item in value]
    return "many" if _is_number(value) else value


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rewritten(reply: ServerReply, change: Callable[[Json], Json]) -> ServerReply:
    if reply.headers.get("Content-Type") != JSON_TYPE["Content-Type"]:
        return reply
    body = serving.encode(change(msgspec.json.decode(reply.body)))
    return msgspec.structs.replace(reply, body=body)
