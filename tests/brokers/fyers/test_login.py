"""The login, driven step by step. Source: protocol notes §2 and appendix A."""

import base64
import json

import pytest

from brokers.errors import DecodeError, LoginExpired, Refused
from brokers.fyers import login
from brokers.fyers.urls import LIVE
from brokers.model.login import Credentials, LoginFlow, OpenBrowser, Reply, Send, Session
from tests.brokers.fyers.listing import answer, raw

REDIRECT = "http://127.0.0.1:8765/callback"
CREDENTIALS = Credentials(
    values={"app_id": "ABCD1234XY-100", "secret": "SECRET0001", "redirect_uri": REDIRECT},
    endpoints=LIVE,
)
STATE = "Zk3-state"
KEY = "0123456789abcdef0123456789abcdef0123456789abcdef01234567"
PAYLOAD = (
    '{"aud":["d:1","d:2","x:0","x:1","x:2"],"exp":4102444800,"iat":1788900000,'
    '"iss":"api.fyers.in","nbf":1788900000,"sub":"access_token","at_hash":"gAAAAABexample",'
    f'"display_name":"","oms":"K1","hsm_key":"{KEY}","isDdpiEnabled":"N",'
    '"isMtfEnabled":"N","fy_id":"XA00001","appType":100}'
)


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


HEADER = '{"alg":"HS256","typ":"JWT"}'
TOKEN = f"{part(HEADER)}.{part(PAYLOAD)}.c2lnbmF0dXJl"
BACK = {"s": "ok", "code": "200", "auth_code": "eyJhdXRo.x.y", "state": STATE}
GRANTED = {"s": "ok", "code": 200, "message": "", "access_token": TOKEN, "refresh_token": "r"}
PROFILE = {"s": "ok", "code": 200, "message": "", "data": {"fy_id": "XA00001", "name": "N"}}


def start() -> tuple[LoginFlow, OpenBrowser]:
    flow = login.login(CREDENTIALS, STATE)
    step = next(flow)
    assert isinstance(step, OpenBrowser)
    return flow, step


def finish(flow: LoginFlow, reply: Reply) -> Session:
    with pytest.raises(StopIteration) as end:
        flow.send(reply)
    session = end.value.value
    assert isinstance(session, Session)
    return session


def test_the_test_token_has_the_documented_length() -> None:
    assert len(TOKEN) == 488
    assert len(f"ABCD1234XY-100:{TOKEN}") == 503


def test_the_browser_is_sent_to_the_documented_address() -> None:
    _, step = start()
    assert step.url == (
        "https://api-t1.fyers.in/api/v3/generate-authcode?client_id=ABCD1234XY-100"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2Fcallback&response_type=code"
        "&state=Zk3-state"
    )
    assert step.redirect_uri == REDIRECT


def test_the_code_is_exchanged_with_the_hash_and_the_token_is_proven() -> None:
    flow, _ = start()
    exchange = flow.send(BACK)
    assert isinstance(exchange, Send)
    assert exchange.request.method == "POST"
    assert exchange.request.url == "https://api-t1.fyers.in/api/v3/validate-authcode"
    assert "authorization" not in exchange.request.headers
    assert json.loads(exchange.request.body) == {
        "grant_type": "authorization_code",
        "appIdHash": "0d877ab69bcfe9f25967c7b876556ba0772b9818494747c3902944856322d184",
        "code": "eyJhdXRo.x.y",
    }
    proof = flow.send(answer(GRANTED))
    assert isinstance(proof, Send)
    assert proof.request.url == "https://api-t1.fyers.in/api/v3/profile"
    assert proof.request.headers["authorization"] == f"ABCD1234XY-100:{TOKEN}"
    session = finish(flow, answer(PROFILE))
    assert (session.broker, session.account, session.token) == ("fyers", "XA00001", TOKEN)
    assert session.values == {"app_id": "ABCD1234XY-100"}
    assert session.expires_ns == 4_102_444_800 * 10**9
    assert session.issued_ns == 1_788_900_000 * 10**9
    assert login.authorization(session) == f"ABCD1234XY-100:{TOKEN}"


def test_the_hash_has_a_colon_between_id_and_secret() -> None:
    assert login.app_id_hash("app_id", "app_secret") == (
        "7c7120d2b5004f8de22d8dc2da0453b4d7e6211e37a4108b8371266ecff00498"
    )


@pytest.mark.parametrize("state", ["", "zk3-state", "Zk3-state2", "ü"])
def test_a_redirect_of_another_login_is_refused(state: str) -> None:
    flow, _ = start()
    with pytest.raises(Refused, match="another login"):
        flow.send({**BACK, "state": state})


def test_a_redirect_without_a_state_is_refused() -> None:
    flow, _ = start()
    with pytest.raises(Refused, match="another login"):
        flow.send({"s": "ok", "auth_code": "x"})


def test_a_denied_login_shows_the_brokers_words() -> None:
    flow, _ = start()
    with pytest.raises(Refused, match="User denied"):
        flow.send({"s": "error", "code": "-1", "message": "User denied", "state": STATE})


def test_the_status_code_is_never_taken_for_the_authorisation_code() -> None:
    flow, _ = start()
    with pytest.raises(DecodeError, match="auth_code"):
        flow.send({"s": "ok", "code": "200", "state": STATE})


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer({"code": -437, "message": "invalid auth code", "s": "error"}, 400), Refused),
        (answer({"code": -17, "message": "Could not authenticate the user", "s": "error"}),
         LoginExpired),
        (answer({"code": -371, "message": "bad hash", "s": "error"}), Refused),
        (answer({"s": "ok", "code": 200}), DecodeError),
        (answer({**GRANTED, "access_token": "not a token"}), DecodeError),
        (raw("<html>", 502), Refused),
        (raw("<html>", 200), DecodeError),
    ],
)  # fmt: skip
def test_a_failed_exchange_ends_the_login(reply: Reply, error: type[Exception]) -> None:
    flow, _ = start()
    flow.send(BACK)
    with pytest.raises(error) as raised:
        flow.send(reply)
    assert raised.type is error


def test_a_token_the_server_does_not_know_ends_the_login() -> None:
    flow, _ = start()
    flow.send(BACK)
    flow.send(answer(GRANTED))
    with pytest.raises(LoginExpired):
        flow.send(answer({"code": -16, "message": "Could not authenticate the user", "s": "error"}))


def test_the_hsm_key_is_read_with_and_without_the_app_id() -> None:
    assert login.hsm_key(TOKEN) == KEY
    assert login.hsm_key(f"ABCD1234XY-100:{TOKEN}") == KEY
    said = login.claims(TOKEN)
    assert (said.exp, said.fy_id, said.app_type) == (4_102_444_800, "XA00001", 100)


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "a.b.c.d", "..", "a.!!!.c", "a." + "b" * 20_000 + ".c", "a.b.c\n"],
)
def test_a_broken_token_is_a_decode_error(token: str) -> None:
    with pytest.raises(DecodeError):
        login.hsm_key(token)


@pytest.mark.parametrize(
    "payload",
    ["[]", "{", "{}", '{"exp":"x"}', '{"exp":1e300}', '{"exp":-1}', '{"hsm_key":7}', "[" * 9000],
)
def test_broken_claims_are_a_decode_error_that_does_not_repeat_them(payload: str) -> None:
    token = f"a.{part(payload)}.c"
    with pytest.raises(DecodeError) as raised:
        login.hsm_key(token)
    assert token not in str(raised.value)


def test_nothing_of_a_login_is_shown_when_printed() -> None:
    flow, step = start()
    exchange = flow.send(BACK)
    flow.send(answer(GRANTED))
    session = finish(flow, answer(PROFILE))
    shown = " ".join(map(repr, (CREDENTIALS, step, exchange, session)))
    for secret in ("SECRET0001", TOKEN, "eyJhdXRo", STATE, "XA00001"):
        assert secret not in shown
