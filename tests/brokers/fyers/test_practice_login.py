"""The practice login: the page, one-time codes, tokens that end in the morning, and limits."""

import datetime as dt
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from brokers.fyers import login
from brokers.fyers.practice_answers import Refusal
from brokers.fyers.practice_limits import Limits
from brokers.fyers.practice_login import LoginPage, Sessions, practice_app
from brokers.net.server import ServerReply, ServerRequest

IST = dt.timezone(dt.timedelta(hours=5, minutes=30))
MORNING = dt.datetime(2026, 11, 20, 10, 0, tzinfo=IST)
CALLBACK = "http://127.0.0.1:8765/callback"


class Wall:
    """A wall clock that stands until it is moved."""

    def __init__(self, at: dt.datetime = MORNING) -> None:
        self.at = at

    def ns(self) -> int:
        return int(self.at.timestamp()) * 10**9

    def advance(self, **passed: float) -> None:
        self.at += dt.timedelta(**passed)


def desk(redirect_uri: str | None = None, wall: Wall | None = None) -> tuple[LoginPage, Sessions]:
    sessions = Sessions(practice_app(1, "XP00001", redirect_uri), (wall or Wall()).ns)
    return LoginPage(sessions), sessions


def asked(sessions: Sessions, **changes: str) -> dict[str, str]:
    query = {
        "client_id": sessions.app.app_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "state": "Zk3",
    }
    return {key: text for key, text in {**query, **changes}.items() if text != "absent"}


def get(query: dict[str, str]) -> ServerRequest:
    return ServerRequest(method="GET", path="/api/v3/generate-authcode", query=query)


def back(reply: ServerReply) -> dict[str, str]:
    """Read the redirect's query."""
    return dict(parse_qsl(urlsplit(reply.headers["Location"]).query))


def code_of(page: LoginPage, sessions: Sessions) -> str:
    app = sessions.app
    return back(page.page(get(asked(sessions, user=app.user, pin=app.pin))))["auth_code"]


def exchange(page: LoginPage, sessions: Sessions, code: str, /, **changes: str) -> ServerReply:
    app = sessions.app
    body = {
        "grant_type": "authorization_code",
        "appIdHash": login.app_id_hash(app.app_id, app.secret),
        "code": code,
        **changes,
    }
    request = ServerRequest(method="POST", path="/x", body=json.dumps(body).encode())
    return page.token(request)


def token_of(page: LoginPage, sessions: Sessions) -> str:
    reply = exchange(page, sessions, code_of(page, sessions))
    token = json.loads(reply.body)["access_token"]
    assert isinstance(token, str)
    return token


def test_the_page_says_that_it_is_practice_and_keeps_what_was_asked() -> None:
    page, sessions = desk()
    reply = page.page(get(asked(sessions, state='"><script>')))
    text = reply.body.decode()
    assert reply.status == 200
    assert "This is practice." in text
    assert "no real money" in text
    assert "<script>" not in text
    assert "&quot;&gt;&lt;script&gt;" in text
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


def test_user_and_pin_in_the_query_redirect_at_once() -> None:
    page, sessions = desk()
    reply = page.page(get(asked(sessions, user=sessions.app.user, pin=sessions.app.pin)))
    assert reply.status == 302
    assert reply.headers["Location"].startswith(f"{CALLBACK}?s=ok&code=200&auth_code=")
    assert back(reply)["state"] == "Zk3"
    assert login.read_redirect(back(reply), "Zk3") == back(reply)["auth_code"]


def test_the_form_is_sent_by_post() -> None:
    page, sessions = desk()
    form = urlencode(asked(sessions, user="xp00001", pin=sessions.app.pin))
    request = ServerRequest(method="POST", path="/x", body=form.encode())
    reply = page.page(request)
    assert reply.status == 303
    assert back(reply)["s"] == "ok"


def test_a_wrong_pin_shows_the_form_again() -> None:
    page, sessions = desk()
    reply = page.page(get(asked(sessions, user="XP00001", pin="0")))
    assert reply.status == 200
    assert b"User or PIN is wrong." in reply.body


def test_denying_redirects_with_an_error() -> None:
    page, sessions = desk()
    reply = page.page(get(asked(sessions, deny="1")))
    assert back(reply) == {
        "s": "error",
        "code": "-1",
        "message": "User denied the request",
        "state": "Zk3",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "OTHER-100"},
        {"client_id": "absent"},
        {"response_type": "token"},
        {"redirect_uri": "absent"},
    ],
)
def test_a_wrong_request_is_never_redirected(changes: dict[str, str]) -> None:
    page, sessions = desk()
    app = sessions.app
    reply = page.page(get(asked(sessions, user=app.user, pin=app.pin, **changes)))
    assert reply.status == 400
    assert "Location" not in reply.headers


@pytest.mark.parametrize(
    ("registered", "redirect_uri", "is_allowed"),
    [
        (None, "http://127.0.0.1:8765/callback", True),
        (None, "http://localhost:1/x?y=z", True),
        (None, "http://127.0.0.1:8765", True),
        (None, "https://127.0.0.1:8765/callback", False),
        (None, "http://127.0.0.1/callback", False),
        (None, "http://127.0.0.1:80@evil.example/", False),
        (None, "http://evil.example/", False),
        (None, "http://127.0.0.1:8765/\r\nSet-Cookie: a=b", False),
        (None, "", False),
        (CALLBACK, CALLBACK, True),
        (CALLBACK, CALLBACK + "/", False),
        (CALLBACK, "http://localhost:8765/callback", False),
        (CALLBACK, "http://127.0.0.1:8766/callback", False),
        ("https://trade.example/redirect", "https://trade.example/redirect", True),
    ],
)
def test_only_the_registered_redirect_is_taken(
    registered: str | None, redirect_uri: str, *, is_allowed: bool
) -> None:
    page, sessions = desk(registered)
    app = sessions.app
    query = asked(sessions, redirect_uri=redirect_uri, user=app.user, pin=app.pin)
    assert (page.page(get(query)).status == 302) is is_allowed


def test_a_redirect_with_a_query_of_its_own_keeps_it() -> None:
    page, sessions = desk()
    query = asked(sessions, redirect_uri=f"{CALLBACK}?a=b", user="XP00001", pin=sessions.app.pin)
    assert page.page(get(query)).headers["Location"].startswith(f"{CALLBACK}?a=b&s=ok")


def test_a_code_works_once() -> None:
    page, sessions = desk()
    code = code_of(page, sessions)
    assert exchange(page, sessions, code).status == 200
    with pytest.raises(Refusal, match="invalid auth code") as refused:
        exchange(page, sessions, code)
    assert refused.value.code == -437


def test_a_code_lives_five_minutes() -> None:
    wall = Wall()
    page, sessions = desk(wall=wall)
    code = code_of(page, sessions)
    wall.advance(seconds=300)
    with pytest.raises(Refusal, match="invalid auth code"):
        exchange(page, sessions, code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appIdHash": "0" * 64}, -371),
        ({"appIdHash": "ü"}, -371),
        ({"grant_type": "other"}, -50),
        ({"code": "eyJ.x.y"}, -437),
        ({"code": "200"}, -437),
    ],
)
def test_a_wrong_exchange_is_refused(changes: dict[str, str], code: int) -> None:
    page, sessions = desk()
    with pytest.raises(Refusal) as refused:
        exchange(page, sessions, code_of(page, sessions), **changes)
    assert refused.value.code == code


def test_refresh_tokens_have_ended() -> None:
    page, _ = desk()
    with pytest.raises(Refusal, match="refresh token"):
        page.refresh(ServerRequest(method="POST", path="/x"))


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (MORNING, dt.datetime(2026, 11, 21, 6, 0, tzinfo=IST)),
        (dt.datetime(2026, 11, 20, 23, 59, tzinfo=IST), dt.datetime(2026, 11, 21, 6, tzinfo=IST)),
        (dt.datetime(2026, 11, 20, 2, 0, tzinfo=IST), dt.datetime(2026, 11, 20, 6, tzinfo=IST)),
        (dt.datetime(2026, 11, 20, 5, 59, tzinfo=IST), dt.datetime(2026, 11, 21, 6, tzinfo=IST)),
    ],
)
def test_a_token_ends_at_six_in_the_morning(at: dt.datetime, ends: dt.datetime) -> None:
    page, sessions = desk(wall=Wall(at))
    said = login.claims(token_of(page, sessions))
    assert said.exp == int(ends.timestamp())
    assert said.iat == int(at.timestamp())
    assert said.fy_id == "XP00001"
    assert len(said.hsm_key) == 56
    assert int(said.hsm_key, 16) >= 0


def test_a_token_opens_rest_and_its_key_the_data_socket() -> None:
    wall = Wall()
    page, sessions = desk(wall=wall)
    token = token_of(page, sessions)
    app_id = sessions.app.app_id
    assert sessions.account_of(f"{app_id}:{token}") == "XP00001"
    assert sessions.account_of_token(token) == "XP00001"
    assert sessions.account_of_hsm_key(login.hsm_key(token)) == "XP00001"
    for wrong in (token, f"OTHER-100:{token}", f"{app_id}:{token}x", f"{app_id}:", "", "Bearer x"):
        assert sessions.account_of(wrong) is None
    assert sessions.account_of_hsm_key("0" * 56) is None
    wall.advance(hours=20)
    assert sessions.account_of(f"{app_id}:{token}") is None
    assert sessions.account_of_hsm_key(login.hsm_key(token)) is None


def test_logging_out_ends_one_token_only() -> None:
    page, sessions = desk()
    first, second = token_of(page, sessions), token_of(page, sessions)
    assert first != second
    sessions.revoke(first)
    assert sessions.account_of_token(first) is None
    assert sessions.account_of_hsm_key(login.hsm_key(first)) is None
    assert sessions.account_of_token(second) == "XP00001"


def test_the_same_seed_has_the_same_credentials() -> None:
    one, other = practice_app(1, "XP00001", None), practice_app(2, "XP00001", None)
    assert one == practice_app(1, "XP00001", None)
    assert one.secret != other.secret
    assert one.app_id.endswith("-100")
    assert one.secret not in repr(one)
    assert one.pin not in repr(one)


class Pace:
    """Limits with a clock and a day that are moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 10**12
        self.day = 1
        self.limits = Limits(lambda: self.day, lambda: self.now_ns)

    def knock(self, times: int = 1, *, apart_s: float = 0.0) -> list[ServerReply | None]:
        found = []
        for _ in range(times):
            found.append(self.limits.admit())
            self.now_ns += round(apart_s * 10**9)
        return found

    def breach(self) -> None:
        """Fill a minute, knock once too often, and let it pass."""
        assert self.knock(200, apart_s=0.125) == [None] * 200
        assert self.knock() != [None]
        self.now_ns += 120 * 10**9


def test_the_eleventh_request_of_a_second_waits() -> None:
    pace = Pace()
    assert pace.knock(10) == [None] * 10
    (refused,) = pace.knock()
    assert refused is not None
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["X-Retry-After-Ms"] == "1000"
    assert json.loads(refused.body)["code"] == -429
    pace.now_ns += 999_000_000
    assert pace.knock() != [None]
    pace.now_ns += 1_000_000
    assert pace.knock() == [None]


def test_two_hundred_a_minute_and_not_one_more() -> None:
    pace = Pace()
    assert pace.knock(200, apart_s=0.125) == [None] * 200
    (refused,) = pace.knock()
    assert refused is not None
    assert refused.headers["Retry-After"] == "35"
    pace.now_ns += 35 * 10**9
    assert pace.knock() == [None]


def test_the_fourth_breached_minute_blocks_the_day() -> None:
    pace = Pace()
    for _ in range(3):
        pace.breach()
    assert pace.knock() == [None]
    pace.now_ns += 120 * 10**9
    pace.breach()
    assert pace.knock() != [None]
    pace.now_ns += 3600 * 10**9
    assert pace.knock() != [None]
    pace.day = 2
    assert pace.knock() == [None]


def test_knocking_on_through_one_minute_is_one_breach() -> None:
    pace = Pace()
    pace.knock(200, apart_s=0.125)
    pace.knock(50, apart_s=0.1)
    pace.now_ns += 120 * 10**9
    pace.breach()
    pace.breach()
    assert pace.knock() == [None]
