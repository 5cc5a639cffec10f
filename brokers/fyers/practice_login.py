"""The practice face's login: a page that says what it is, codes that work once, tokens."""

import base64
import hashlib
import hmac
import html
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from typing_extensions import override

from brokers.fyers.codec.messages import CodeBody
from brokers.fyers.codec.texts import IST_OFFSET_S, NS
from brokers.fyers.login import app_id_hash
from brokers.fyers.practice_answers import Refusal, ok, read_body
from brokers.net.server import ServerReply, ServerRequest

CODE_LIVES_S: Final = 300
_DAY_S: Final = 86_400
_TOKENS_END_S: Final = 6 * 3600
_SHORTEST_S: Final = 1800
"""A token is never born dying: this close to six o'clock it lasts until the next one."""

_LOOPBACK: Final = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d{1,5}(?:/[!-~]*)?\Z", re.ASCII)
_PRINTABLE: Final = re.compile(r"[!-~]+\Z", re.ASCII)
_SEE_OTHER: Final = 303
_FOUND: Final = 302

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Practice login</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 sans-serif;max-width:26em;margin:3em auto;padding:0 1em}}
label{{display:block;margin:.6em 0}}input{{font:inherit;width:100%;box-sizing:border-box}}
.banner{{background:#fd6;padding:.6em 1em}}.wrong{{color:#b00}}</style></head>
<body><p class="banner"><b>This is practice.</b> No broker, no real money: this page is served
by the practice exchange on your own computer.</p>
<h1>Practice login</h1>{notice}{form}</body></html>
"""
_FORM: Final = """<form method="post">{hidden}
<label>User <input name="user" value="{user}" autocomplete="off"></label>
<label>PIN <input name="pin" value="{pin}" inputmode="numeric" autocomplete="off"></label>
<p><button>Log in</button> <button name="deny" value="1">Deny</button></p></form>"""
_PAGE_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; "
        "form-action 'self' http://127.0.0.1:* http://localhost:* https:"
    ),
}


class App(msgspec.Struct, frozen=True, kw_only=True):
    """The practice app and its one user."""

    app_id: str
    secret: str
    user: str
    pin: str
    redirect_uri: str | None = None

    @override
    def __repr__(self) -> str:
        return f"App({self.app_id})"

    def allows(self, redirect_uri: str) -> bool:
        """Tell whether a redirect is registered: this one, letter for letter, or any loopback."""
        if self.redirect_uri is not None:
            return redirect_uri == self.redirect_uri
        return _LOOPBACK.match(redirect_uri) is not None


def practice_app(seed: int, user: str, redirect_uri: str | None) -> App:
    """Make the app of a seed; the same seed has the same credentials."""
    digest = hashlib.sha256(f"practice app {seed}".encode()).hexdigest().upper()
    return App(
        app_id=f"PR{digest[:8]}-100",
        secret=digest[8:18],
        user=user,
        pin=f"{int(digest[18:24], 16) % 10_000:04d}",
        redirect_uri=redirect_uri,
    )


class _Token(msgspec.Struct, frozen=True):
    account: str
    hsm_key: str
    ends_s: int


class Sessions:
    """Authorisation codes and access tokens; their times are wall time, as clients compare them."""

    def __init__(self, app: App, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._app = app
        self._wall_ns = wall_ns
        self._serial = 0
        self._codes: dict[str, int] = {}
        self._tokens: dict[str, _Token] = {}
        self._key = hashlib.sha256(f"key of {app.secret}".encode()).digest()

    @property
    def app(self) -> App:
        return self._app

    def account_of(self, authorization: str) -> str | None:
        """Name the account of an `app_id:token`; None when it is not, or no longer, valid."""
        app_id, colon, token = authorization.strip().partition(":")
        return self.account_of_token(token) if colon and app_id == self._app.app_id else None

    def account_of_token(self, token: str) -> str | None:
        """Name the account of a bare token."""
        found = self._tokens.get(token)
        return found.account if found is not None and found.ends_s > self._now_s() else None

    def account_of_hsm_key(self, key: str) -> str | None:
        """Name the account whose data socket a key opens."""
        now_s = self._now_s()
        for token in self._tokens.values():
            if token.hsm_key == key and token.ends_s > now_s:
                return token.account
        return None

    def revoke(self, token: str) -> None:
        """Log out: one token ends, others of the same account go on."""
        self._tokens.pop(token, None)

    def issue_code(self) -> str:
        """Give an authorisation code; it can be exchanged once, for five minutes."""
        now_s = self._now_s()
        code = self._sign(
            {
                "iss": "api.login.fyers.in",
                "iat": now_s,
                "exp": now_s + CODE_LIVES_S,
                "nbf": now_s,
                "aud": ["x:2", "x:1", "x:0"],
                "sub": "auth_code",
                "display_name": self._app.user,
                "nonce": "",
                "app_id": self._app.app_id.partition("-")[0],
                "uuid": self._digest("uuid"),
                "ipAddr": "127.0.0.1",
                "scope": "",
            }
        )
        self._codes[code] = now_s + CODE_LIVES_S
        return code

    def redeem(self, body: CodeBody) -> str:
        """Exchange a code for an access token.

        Raises:
            Refusal: wrong hash, or a code that is unknown, used or too old.
        """
        expected = app_id_hash(self._app.app_id, self._app.secret)
        if not hmac.compare_digest(body.app_id_hash.encode(), expected.encode()):
            raise Refusal(-371, "Please provide sha256 hash of appId and app secret")
        if body.grant_type != "authorization_code":
            raise Refusal(-50, "grant_type: expected authorization_code")
        ends_s = self._codes.pop(body.code, 0)
        if ends_s <= self._now_s():
            raise Refusal(-437, "invalid auth code")
        return self._issue_token()

    def _issue_token(self) -> str:
        now_s = self._now_s()
        ends_s = _next_six(now_s)
        key = hashlib.sha224(self._digest("hsm").encode()).hexdigest()
        token = self._sign(
            {
                "aud": ["d:1", "d:2", "x:0", "x:1", "x:2"],
                "exp": ends_s,
                "iat": now_s,
                "iss": "api.fyers.in",
                "nbf": now_s,
                "sub": "access_token",
                "at_hash": self._digest("at_hash"),
                "display_name": "",
                "oms": "K1",
                "hsm_key": key,
                "isDdpiEnabled": "N",
                "isMtfEnabled": "N",
                "fy_id": self._app.user,
                "appType": 100,
            }
        )
        self._tokens[token] = _Token(self._app.user, key, ends_s)
        return token

    def _now_s(self) -> int:
        return self._wall_ns() // NS

    def _digest(self, what: str) -> str:
        self._serial += 1
        text = f"{what} {self._serial} {self._now_s()}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:40]

    def _sign(self, payload: Mapping[str, object]) -> str:
        head = _base64({"typ": "JWT", "alg": "HS256"})
        text = f"{head}.{_base64(payload)}"
        signature = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _base64(value: Mapping[str, object]) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _next_six(now_s: int) -> int:
    """Give the next six o'clock in the morning, Indian time, that is worth logging in for."""
    midnight_s = now_s - (now_s + IST_OFFSET_S) % _DAY_S
    six_s = midnight_s + _TOKENS_END_S
    while six_s - now_s < _SHORTEST_S:
        six_s += _DAY_S
    return six_s


class LoginPage:
    """`generate-authcode` and `validate-authcode`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def page(self, request: ServerRequest) -> ServerReply:
        """Show the form, or take it: by POST, or as query parameters."""
        asked = dict(request.query)
        is_form = request.method == "POST"
        if is_form:
            asked.update(parse_qsl(request.body.decode("utf-8", "replace")))
        wrong = self._wrong(asked)
        if wrong:
            return _html(f'<p class="wrong">{html.escape(wrong)}</p>', "", 400)
        if asked.get("deny"):
            denied = {"s": "error", "code": "-1", "message": "User denied the request"}
            return _redirect(asked, denied, is_form=is_form)
        if "user" not in asked and "pin" not in asked:
            return self._form(asked, "")
        if not self._knows(asked.get("user", ""), asked.get("pin", "")):
            return self._form(asked, "User or PIN is wrong.")
        granted = {"s": "ok", "code": "200", "auth_code": self._sessions.issue_code()}
        return _redirect(asked, granted, is_form=is_form)

    def token(self, request: ServerRequest) -> ServerReply:
        """Exchange a code for a token."""
        token = self._sessions.redeem(read_body(request.body, CodeBody, "validate-authcode"))
        return ok({"access_token": token, "refresh_token": ""})

    def refresh(self, _request: ServerRequest) -> ServerReply:
        """Refuse: refresh tokens have ended."""
        raise Refusal(-501, "Please provide valid refresh token")

    def _wrong(self, asked: Mapping[str, str]) -> str:
        app = self._sessions.app
        if asked.get("client_id") != app.app_id:
            return "client_id: there is no such app."
        if asked.get("response_type") != "code":
            return "response_type: expected code."
        redirect_uri = asked.get("redirect_uri", "")
        if not _PRINTABLE.match(redirect_uri) or not app.allows(redirect_uri):
            return "redirect_uri: it is not the one registered for this app."
        return ""

    def _knows(self, user: str, pin: str) -> bool:
        app = self._sessions.app
        is_user = hmac.compare_digest(user.strip().upper().encode(), app.user.encode())
        return hmac.compare_digest(pin.strip().encode(), app.pin.encode()) and is_user

    def _form(self, asked: Mapping[str, str], notice: str) -> ServerReply:
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">'
            for name in ("client_id", "redirect_uri", "response_type", "state")
            if name in asked
        )
        app = self._sessions.app
        form = _FORM.format(hidden=hidden, user=app.user, pin=app.pin)
        return _html(f'<p class="wrong">{notice}</p>' if notice else "", form, 200)


def _html(notice: str, form: str, status: int) -> ServerReply:
    body = _PAGE.format(notice=notice, form=form).encode()
    return ServerReply(status=status, headers=_PAGE_HEADERS, body=body)


def _redirect(
    asked: Mapping[str, str], members: Mapping[str, str], *, is_form: bool
) -> ServerReply:
    state = {"state": asked["state"]} if "state" in asked else {}
    address = asked["redirect_uri"]
    separator = "&" if "?" in address else "?"
    location = f"{address}{separator}{urlencode({**members, **state})}"
    return ServerReply(
        status=_SEE_OTHER if is_form else _FOUND,
        headers={"Location": location, "Cache-Control": "no-store"},
    )
