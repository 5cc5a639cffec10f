"""The practice face's words and its spoiled replies, read by the client's own codec."""

import json
from collections.abc import Callable

import pytest

from brokers.errors import BrokerError, DecodeError, OrderRefused, OutcomeUnknown, Refused
from brokers.fyers import practice_spoils as spoils
from brokers.fyers.codec import replies, rest, serving
from brokers.fyers.codec.serving import Listed
from brokers.fyers.practice_answers import Refusal, answer, ok, refusal_of, words
from brokers.model.login import Reply
from brokers.model.order import Kind, OrderState, OrderUpdate, Product, Side, Validity
from brokers.net.server import ServerReply
from brokers.practice.values import Reason, Rejected
from tests.brokers.fyers.listing import SBIN, unlisted

NUMBERS = {
    "price_e4": 610_500_000,
    "lower_e4": 7_580_500,
    "upper_e4": 9_264_500,
    "shortfall_paise": 352,
    "available_paise": 0,
    "tick_e4": 500,
    "lot_size": 65,
    "free_qty": 3,
    "ltp_e4": 8_447_000,
    "freeze_qty": 1800,
    "filled_qty": 2,
}
ORDER = OrderUpdate(
    broker_id="26112000000001",
    tag="T0ABC",
    instrument=SBIN.id,
    side=Side.BUY,
    quantity=10,
    filled_qty=0,
    kind=Kind.LIMIT,
    price_e4=8_250_000,
    trigger_e4=0,
    average_e4=0,
    product=Product.CNC,
    validity=Validity.DAY,
    state=OrderState.OPEN,
    source="API",
)
PLACED = ok({"id": "26112000000001"}, code=1101, text="Successfully placed order")
BOOK = ok({"orderBook": [serving.order_row(ORDER, Listed(instrument=SBIN), 1, "c6697c04")]})


def client(reply: ServerReply) -> Reply:
    return Reply(status=reply.status, headers=reply.headers, body=reply.body)


def read_book(reply: ServerReply) -> list[OrderUpdate]:
    return replies.read_orders(client(reply), unlisted)


def test_a_circuit_refusal_reads_as_the_recorded_one() -> None:
    text = words(Reason.BAND, NUMBERS, SBIN, "XX00000")
    assert text == (
        "RED:RULE:{Check circuit limit including square off order}Current:INR 61,050.00 "
        "LowerCircuit:INR 758.05 UpperCircuit:INR 926.45:NSE.SBIN-EQ for C-XX00000 [FYERS_RISK_CUG]"
    )


def test_a_margin_refusal_reads_as_the_recorded_one() -> None:
    assert words(Reason.MARGIN, NUMBERS, SBIN, "XX00000") == (
        "RED:Margin Shortfall:INR 3.52 Available:INR 0.00 for C-XX00000 [FYERS_RISK_CUG]"
    )


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.UNKNOWN_ORDER])
def test_every_refusal_has_words_that_the_client_takes_for_a_refusal(reason: Reason) -> None:
    """An unknown order is worded with the id that was asked for, elsewhere."""
    reply = refusal_of(Rejected(reason, NUMBERS), SBIN, "XP00001").reply()
    with pytest.raises(OrderRefused) as refused:
        rest.read_place_reply(client(reply))
    assert refused.value.text
    assert "XP00001" not in refused.value.text


def test_a_code_201_is_unknown_to_the_client() -> None:
    with pytest.raises(OutcomeUnknown, match="201"):
        rest.read_place_reply(client(spoils.code_201(PLACED)))
    refused = Refusal(-99, "RED:").reply()
    assert spoils.code_201(refused).body == refused.body.replace(b" ", b"")


Read = Callable[[ServerReply], object]


@pytest.mark.parametrize(
    ("read", "reply", "error"),
    [
        (read_book, BOOK, DecodeError),
        (lambda reply: rest.read_place_reply(client(reply)), PLACED, OutcomeUnknown),
    ],
)
def test_a_wrong_type_is_never_read(
    read: Read, reply: ServerReply, error: type[BrokerError]
) -> None:
    read(reply)
    with pytest.raises(error):
        read(spoils.wrong_type(reply))


def test_poison_is_never_read() -> None:
    poisoned = spoils.poison(BOOK)
    assert b"NaN" in poisoned.body
    assert b"1e999" in poisoned.body
    with pytest.raises(DecodeError):
        read_book(poisoned)


def test_missing_fields_are_still_read() -> None:
    thin = spoils.quirk("missing_fields", BOOK)
    assert b"dqQtyRem" not in thin.body
    read = read_book(thin)[0]
    assert (read.broker_id, read.quantity, read.state) == (ORDER.broker_id, 10, OrderState.OPEN)


def test_a_textual_code_is_still_read() -> None:
    assert b'"code":"1101"' in spoils.quirk("string_code", PLACED).body
    assert rest.read_place_reply(client(spoils.quirk("string_code", PLACED))).broker_id


def test_a_refusal_may_come_without_its_id() -> None:
    reply = Refusal(-99, "RED:", order_id="7").reply()
    for expected, each in (("7", reply), ("", spoils.quirk("reject_without_id", reply))):
        with pytest.raises(OrderRefused) as refused:
            rest.read_place_reply(client(each))
        assert refused.value.broker_id == expected


def test_a_file_is_left_as_it_is() -> None:
    file = ServerReply(headers={"Content-Type": "text/csv"}, body=b"1,2\n")
    assert spoils.wrong_type(file) == file
    assert spoils.poison(file) == file


def test_an_answer_is_json() -> None:
    reply = answer(b"{}", 400, {"Retry-After": "1"})
    assert reply.headers == {"Content-Type": "application/json", "Retry-After": "1"}
    body = json.loads(Refusal("-310", "Please provide a valid symbol").reply().body)
    assert body == {"code": "-310", "message": "Please provide a valid symbol", "s": "error"}
    with pytest.raises(Refused):
        replies.read_positions(client(Refusal(-373, "no", status=403).reply()), unlisted)
