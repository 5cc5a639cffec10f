"""Log in: browser, authorisation code, token, profile.

The redirect's `code` is a status number; the authorisation code is `auth_code`, worth five
minutes. The token is a JWT that lives until about 06:00 Indian time; it is read, never verified.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from brokers.errors import DecodeError, Refused
from brokers.fyers.codec import requests
from brokers.fyers.codec.messages import CodeBody, TokenReply
from brokers.fyers.codec.replies import read_profile
from brokers.fyers.codec.requests import authorization
from brokers.fyers.codec.rest import decode, read_reply
from brokers.fyers.codec.texts import NS, clean, query
from brokers.model.login import (
    Credentials,
    LoginFlow,
    OpenBrowser,
    Reply,
    Request,
    Send,
    Session,
)

BROKER: Final = "fyers"
MAX_TOKEN: Final = 16_384
_JWT: Final = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]+", re.ASCII)
_Epoch = Annotated[int, msgspec.Meta(ge=0, le=10**11)]

__all__ = [
    "Claims",
    "app_id_hash",
    "authorization",
    "authorize_url",
    "claims",
    "hsm_key",
    "login",
    "read_redirect",
    "token_request",
]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token says of itself; times are epoch seconds."""

    exp: _Epoch | None = None
    iat: _Epoch | None = None
    fy_id: str = ""
    hsm_key: str = ""
    app_type: int | str | None = msgspec.field(name="appType", default=None)


def login(cred: Credentials, state: str) -> LoginFlow:
    """Walk through one login.

    Args:
        cred: `app_id`, `secret` and `redirect_uri`, and the addresses.
        state: a random text for this attempt alone.
    """
    redirect_uri = cred.values["redirect_uri"]
    back = yield OpenBrowser(url=authorize_url(cred, state), redirect_uri=redirect_uri)
    assert isinstance(back, Mapping)
    auth_code = read_redirect(back, state)
    reply = yield Send(
        request=token_request(cred, auth_code), step="Exchanging the code for a token"
    )
    assert isinstance(reply, Reply)
    session = _session(cred.values["app_id"].strip(), _token(reply))
    reply = yield Send(request=requests.profile(cred.endpoints, session), step="Checking the token")
    assert isinstance(reply, Reply)
    return msgspec.structs.replace(session, account=read_profile(reply).account)


def authorize_url(cred: Credentials, state: str) -> str:
    """Give the page on which the trader logs in with the broker's own means."""
    values = {
        "client_id": cred.values["app_id"].strip(),
        "redirect_uri": cred.values["redirect_uri"],
        "response_type": "code",
        "state": state,
    }
    return f"{cred.endpoints['login']}?{query(values)}"


def read_redirect(back: Mapping[str, str], state: str) -> str:
    """Take the authorisation code out of the redirect's query.

    Raises:
        Refused: the redirect belongs to another attempt, or says that the login failed.
        DecodeError: it says ok without a code.
    """
    if not hmac.compare_digest(back.get("state", "").encode(), state.encode()):
        raise Refused("The reply belongs to another login.")
    if back.get("s") != "ok":
        words = clean(back.get("message", ""))
        raise Refused(words or "FYERS did not log you in.", code=clean(back.get("code", "")))
    auth_code = back.get("auth_code", "")
    if not auth_code or len(auth_code) > MAX_TOKEN:
        raise DecodeError("redirect.auth_code", "an authorisation code")
    return auth_code


def token_request(cred: Credentials, auth_code: str) -> Request:
    """Exchange the authorisation code; the app's secret leaves only as part of a hash."""
    body = CodeBody(
        grant_type="authorization_code",
        app_id_hash=app_id_hash(cred.values["app_id"].strip(), cred.values["secret"].strip()),
        code=auth_code,
    )
    return Request(
        method="POST",
        url=f"{cred.endpoints['rest']}/validate-authcode",
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(body),
    )


def app_id_hash(app_id: str, secret: str) -> str:
    """Hash id and secret with a colon between them, whatever the documentation's text says."""
    return hashlib.sha256(f"{app_id}:{secret}".encode()).hexdigest()


def claims(token: str) -> Claims:
    """Read a token's own statement, with or without the app id before it.

    Raises:
        DecodeError: not three parts of base64url, or not an object of claims; without its text.
    """
    parts = _JWT.fullmatch(token.rpartition(":")[2]) if len(token) <= MAX_TOKEN else None
    if parts is None:
        raise DecodeError("access_token", "a token of three parts")
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError):
        raise DecodeError("access_token", "base64url") from None
    return decode(payload, Claims, "access_token")


def hsm_key(token: str) -> str:
    """Give the key that opens the data socket."""
    key = claims(token).hsm_key
    if not key:
        raise DecodeError("access_token.hsm_key", "a key")
    return key


def _token(reply: Reply) -> str:
    token = read_reply(reply, TokenReply, "validate-authcode").access_token
    if not token:
        raise DecodeError("validate-authcode.access_token", "a token")
    return token


def _session(app_id: str, token: str) -> Session:
    said = claims(token)
    return Session(
        broker=BROKER,
        account=said.fy_id,
        token=token,
        values={"app_id": app_id},
        issued_ns=None if said.iat is None else said.iat * NS,
        expires_ns=None if said.exp is None else said.exp * NS,
    )
