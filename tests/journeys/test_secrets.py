"""No secret leaves the process: every file, every word and every line is searched for canaries.

Searched for are the app's secret, the access token and its parts, the key
of the data socket, the client code and the PIN, raw and URL-encoded, in base64 and as JSON. Only
the practice exchange's own ports file may hold its credentials: it is how the program learns them,
they open nothing but that exchange, and it is readable by its owner alone.
"""

import asyncio
import base64
import json
import logging
import os
import stat
import traceback
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget

from brokers.errors import BrokerError
from brokers.model.login import Credentials, Session
from brokers.model.order import OpState, OrderState, Side
from brokers.registry import default_practice
from brokers.session import practice_credentials
from desktop import log
from desktop.paths import profile_paths
from desktop.trading.drafts import CancelDraft
from tests.rig.journey import SBIN, Journey, running_app
from tests.rig.practice import PracticeProcess

SEED = "770077"
"""Other seeds have other secrets; this one's PIN and client code occur nowhere by chance."""


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PracticeProcess]:
    with PracticeProcess(tmp_path, "--seed", SEED) as process:
        monkeypatch.setenv("TEZI_PORTS_FILE", str(process.ports_file))
        yield process


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Path]:
    """Log as the program does, but every word of its own modules."""
    profile = tmp_path / "profile"
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log.set_up(profile_paths(profile).logs, to_terminal=True)
    root.setLevel(logging.DEBUG)
    yield profile
    root.setLevel(level)
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()


def canaries(journey: Journey) -> dict[str, str]:
    """Give what must never be seen, by name."""
    session: Session = journey.broker._session  # type: ignore[attr-defined]  # of this broker
    credentials = journey.practice.ports["credentials"]
    assert isinstance(credentials, dict)
    known = credentials[session.broker]
    _, payload, signature = session.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {
        "secret": known["secret"],
        "client code": known["user"],
        "token": session.token,
        "token's payload": payload[-40:],
        "token's signature": signature[:24],
        "key of the data socket": claims["hsm_key"],
        "PIN in a query": f"pin={known['pin']}",
        "PIN in JSON": f'"pin": "{known["pin"]}"',
    }


def forms(secret: str) -> set[bytes]:
    """Give every form in which a secret could leak."""
    raw = secret.encode()
    texts = {
        secret,
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        json.dumps(secret)[1:-1],
    }
    return {text.encode() for text in texts} | {secret.encode("utf-16-le")}


def leaks(where: dict[str, bytes], secrets: dict[str, str]) -> list[str]:
    return [
        f"{name} in {place}"
        for place, content in where.items()
        for name, secret in secrets.items()
        for form in forms(secret)
        if form in content
    ]


def files(profile: Path) -> dict[str, bytes]:
    """Read every file of a profile, but for the practice exchange's own ports file."""
    ports = profile_paths(profile).ports_file
    found = [path for path in profile.rglob("*") if path.is_file() and path != ports]
    return {str(path.relative_to(profile)): path.read_bytes() for path in found}


def words(widget: QWidget) -> Iterator[str]:
    """Give every text of a window: titles, labels, tool tips, what a reader would say."""
    yield widget.windowTitle()
    for each in [widget, *widget.findChildren(QWidget)]:
        yield from (each.toolTip(), each.accessibleName(), each.accessibleDescription())
        if isinstance(each, QLabel):
            yield each.text()
        elif isinstance(each, QLineEdit):
            yield each.displayText()


async def _busy_day(journey: Journey) -> list[str]:
    """Trade, fail in every way there is, and give the words of all that was raised."""
    await journey.tradable()
    practice, desk = journey.practice, journey.desk
    ltp = journey.ltp_e4(SBIN)
    assert ltp is not None
    away = (ltp - 100_000) // 500 * 500
    op = await journey.place(Side.BUY, 3, ltp // 500 * 500 + 20_000)
    await journey.until(lambda: journey.state(op.key) is OrderState.FILLED, "the fill")
    op = await journey.place(Side.BUY, 2, away)
    await journey.until(lambda: journey.state(op.key) is OrderState.OPEN, "the order")
    await desk.orders.cancel(CancelDraft(account=desk.account.name, key=op.key))

    client = str(practice.ports["credentials"]["fyers"]["user"])  # type: ignore[index]
    practice.fault("place", "reject", value=f"RED:no funds for C-{client} [{client}]")
    refused = await journey.place(Side.BUY, 4, away)
    assert refused.state is OpState.REJECTED
    for quantity, fault in enumerate(("html", "wrong_type", "truncate", "lose_reply"), 5):
        practice.fault("place", fault, value=40 if fault == "truncate" else None)
        await journey.confirmed(journey.draft(Side.BUY, quantity, away))
    raised = []
    for what, value in (("status", 500), ("html", None), ("wrong_type", None), ("poison", None)):
        practice.fault("funds", what, value=value, times=5)
        try:
            await journey.broker.funds()
        except BrokerError as error:
            raised.append("".join(traceback.format_exception(error)) + repr(error))
        practice.disarm()
    practice.fault("feed", "garbage", times=3, value="ff06000000ff")
    practice.fault("orderfeed", "close", value=1001)
    await journey.until(lambda: not desk.account.is_tradable, "the drop")
    practice.disarm()
    await journey.until(lambda: desk.account.is_tradable, "trading again", 40)
    practice.fault("any", "token_expired", times=1000)
    try:
        await journey.broker.orders()
    except BrokerError as error:
        raised.append("".join(traceback.format_exception(error)) + repr(error))
    assert len(raised) >= 3
    return raised


async def test_nothing_that_is_written_shown_or_raised_holds_a_secret(
    logged: Path, practice: PracticeProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_app(logged, practice) as journey:
        await journey.tradable()
        secrets = canaries(journey)
        raised = await _busy_day(journey)
        # The last net: what nobody should log is taken out where somebody does.
        for name in ("token", "client code"):
            secret = secrets[name]
            logging.getLogger("desktop").debug("%s %r %s", name, {"a": secret}, forms(secret))
        while_open = files(logged)
        account = journey.app.accounts._open[journey.desk.account.name]
        shown = [text for window in QApplication.topLevelWidgets() for text in words(window)]
        credentials = practice_credentials(default_practice(), practice.ports)
        session: Session = journey.broker._session  # type: ignore[attr-defined]  # of this broker
        seen = {
            "the window": "\n".join(shown).encode(),
            "messages": "\n".join(journey.said).encode(),
            "exceptions": "\n".join(raised).encode(),
            "reprs": "\n".join(_reprs(credentials, session, account, journey)).encode(),
            "tasks": "\n".join(map(repr, asyncio.all_tasks())).encode(),
        }
    printed = capfd.readouterr()
    seen |= {"stdout": printed.out.encode(), "stderr": printed.err.encode()}
    assert {"logs/tezi.log", "data/journal/practice.sqlite-wal"} <= while_open.keys()
    assert log.MASK.encode() in while_open["logs/tezi.log"]
    assert leaks(seen, secrets) == []
    assert leaks(while_open, secrets) == []
    assert leaks(files(logged), secrets) == []


def _reprs(
    credentials: Credentials, session: Session, account: object, journey: Journey
) -> list[str]:
    orders = [repr(row) for row in journey.desk.orders.rows()]
    return [*map(repr, (credentials, session, account, journey.broker)), *orders]


async def test_the_programs_own_exchange_keeps_its_secrets_in_one_private_file(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as journey:
        await journey.tradable()
        own = journey.app.accounts.practice
        assert own is not None
        assert own.pid is not None
        ports = profile_paths(tmp_path).ports_file
        assert stat.S_IMODE(ports.stat().st_mode) == 0o600
        known = json.loads(ports.read_text())["credentials"]["fyers"]
        token = journey.broker._session.token  # type: ignore[attr-defined]  # of this broker
        secrets = {"secret": known["secret"], "client code": known["user"], "token": token}
        process = Path(f"/proc/{own.pid}")
        told = {
            "its command line": (process / "cmdline").read_bytes(),
            "its environment": (process / "environ").read_bytes(),
            "our environment": repr(dict(os.environ)).encode(),
        }
        assert leaks(told, secrets) == []
        assert leaks(files(tmp_path), secrets) == []


async def test_a_secret_of_digits_does_not_eat_the_numbers_of_an_order(
    tmp_path: Path, practice: PracticeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "profile"
    monkeypatch.setattr(log.SECRETS, "_forms", set(log.SECRETS._forms))
    async with running_app(profile, practice) as journey:
        await journey.tradable()
        ltp = journey.ltp_e4(SBIN)
        assert ltp is not None
        price_e4 = (ltp - 100_000) // 500 * 500
        # Passcodes are short and client codes may be numbers: some order holds the same digits.
        log.SECRETS.add("1234", str(price_e4), str(price_e4)[:4])
        op = await journey.place(Side.BUY, 1234, price_e4)
        await journey.until(lambda: journey.state(op.key) is OrderState.OPEN, "the order")
    async with running_app(profile, practice) as journey:
        await journey.tradable()
        rows = [(row.is_ours, row.quantity, row.price_e4) for row in journey.desk.orders.rows()]
        assert rows == [(True, 1234, price_e4)]
