"""Every option once: type, default, sentence, range. The settings window is drawn from this."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from desktop.paths import write_atomically

_log = logging.getLogger(__name__)

Value = bool | int | str | list[str] | dict[str, str]
SCHEMA: Final = 1
KEPT: Final = 3
"""Earlier versions of the file that are kept beside it."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option. Integers have a range; `unit` is shown behind the field. Choices are closed."""

    key: str
    title: str
    sentence: str
    group: str
    default: Value
    low: int | None = None
    high: int | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    is_shown: bool = True

    def problem(self, value: object) -> str | None:
        """Say what is wrong with a value for this option; None when it is good."""
        if type(value) is not type(self.default):
            return f"{self.key}: expected {type(self.default).__name__}, was {value!r:.40}"
        if isinstance(value, int) and not isinstance(value, bool):
            low, high = self.low, self.high
            if (low is not None and value < low) or (high is not None and value > high):
                return f"{self.key}: expected {low} to {high}, was {value}"
        if self.choices and value not in self.choices:
            return f"{self.key}: expected one of {', '.join(self.choices)}, was {value!r:.40}"
        return None


OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        key="look.theme",
        title="Theme",
        sentence="Dark for long days, light for bright rooms.",
        group="Look",
        default="dark",
        choices=("dark", "light"),
    ),
    Option(
        key="look.scale_percent",
        title="Text size",
        sentence="Ctrl + and Ctrl − change it anywhere.",
        group="Look",
        default=100,
        low=75,
        high=200,
        unit="%",
    ),
    Option(
        key="look.flash",
        title="Flash changed prices",
        sentence="Tints a price for a moment when it changes.",
        group="Look",
        default=True,
    ),
    Option(
        key="sound.fills",
        title="Sound on fills and rejections",
        sentence="A short sound when an order fills or is refused.",
        group="Look",
        default=True,
    ),
    Option(
        key="orders.confirm",
        title="Confirm before sending",
        sentence="Shows each order once more before it is sent.",
        group="Orders",
        default=False,
    ),
    Option(
        key="orders.protect_percent",
        title="Protection of market orders",
        sentence="How far from the market the worst price of a protected order may be.",
        group="Orders",
        default=1,
        low=1,
        high=10,
        unit="%",
    ),
    Option(
        key="orders.max_value_rupees",
        title="Largest order value",
        sentence="Larger orders are refused before they are sent.",
        group="Orders",
        default=2_500_000,
        low=1_000,
        high=1_000_000_000,
        unit="₹",
    ),
    Option(
        key="orders.max_quantity",
        title="Largest order quantity",
        sentence="Larger orders are refused before they are sent.",
        group="Orders",
        default=100_000,
        low=1,
        high=10_000_000,
    ),
    Option(
        key="orders.per_minute",
        title="Most orders in a minute",
        sentence="A brake on runaway keys; cancels are never held back.",
        group="Orders",
        default=60,
        low=1,
        high=400,
    ),
    Option(
        key="login.callback_port",
        title="Login port",
        sentence="The port of the redirect address you registered with the broker.",
        group="Accounts",
        default=8765,
        low=1024,
        high=65535,
    ),
    Option(
        key="practice.ticks_per_second",
        title="Practice market speed",
        sentence="Price changes a second over all instruments you watch.",
        group="Practice",
        default=400,
        low=0,
        high=20_000,
        unit="/s",
    ),
    Option(
        key="keys.changed",
        title="Changed keys",
        sentence="Command → key sequence, where it differs from the usual one.",
        group="Keys",
        default={},
        is_shown=False,
    ),
    Option(
        key="workspace.last",
        title="Last workspace",
        sentence="The arrangement that opens at start.",
        group="Look",
        default="Trading",
        is_shown=False,
    ),
)
_BY_KEY: Final = {option.key: option for option in OPTIONS}


class _File(msgspec.Struct, frozen=True):
    schema: int
    sha256: str
    values: dict[str, Value]


class Settings:
    """The options' values: loaded once, saved whole, observed by key.

    A torn or foreign file never stops the start: the newest intact version is used, else the
    defaults, and `problems` says so.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.problems: list[str] = []
        self._path = path
        self._values: dict[str, Value] = {}
        self._observers: dict[str, list[Callable[[], None]]] = {}
        if path is not None:
            self._load(path)

    def flag(self, key: str) -> bool:
        value = self._get(key)
        assert isinstance(value, bool)
        return value

    def number(self, key: str) -> int:
        value = self._get(key)
        assert isinstance(value, int)
        return value

    def text(self, key: str) -> str:
        value = self._get(key)
        assert isinstance(value, str)
        return value

    def mapping(self, key: str) -> Mapping[str, str]:
        value = self._get(key)
        assert isinstance(value, dict)
        return value

    def value(self, key: str) -> Value:
        return self._get(key)

    def set(self, key: str, value: Value) -> None:
        """Change one option, save, and tell its observers.

        Raises:
            ValueError: not this option's type or range.
        """
        problem = _BY_KEY[key].problem(value)
        if problem is not None:
            raise ValueError(problem)
        if self._get(key) == value:
            return
        self._values[key] = value
        self._save()
        for observer in tuple(self._observers.get(key, ())):
            observer()

    def observe(self, key: str, observer: Callable[[], None]) -> None:
        """Call `observer` after each change of this option."""
        assert key in _BY_KEY, key
        self._observers.setdefault(key, []).append(observer)

    def _get(self, key: str) -> Value:
        return self._values.get(key, _BY_KEY[key].default)

    def _load(self, path: Path) -> None:
        for candidate in (path, *(_earlier(path, n) for n in range(1, KEPT + 1))):
            if not candidate.exists():
                continue
            try:
                values = _read(candidate.read_bytes())
            except (OSError, ValueError, msgspec.MsgspecError) as error:
                self.problems.append(f"{candidate.name} could not be read and was passed over")
                _log.warning("settings: %s: %s", candidate.name, error)
                continue
            self._values = self._good(values)
            return

    def _good(self, values: Mapping[str, Value]) -> dict[str, Value]:
        good: dict[str, Value] = {}
        for key, value in values.items():
            option = _BY_KEY.get(key)
            problem = f"{key}: not an option" if option is None else option.problem(value)
            if problem is None:
                good[key] = value
            else:
                self.problems.append(problem + "; the default is used")
        return good

    def _save(self) -> None:
        if self._path is None:
            return
        for n in range(KEPT - 1, 0, -1):
            if _earlier(self._path, n).exists():
                _earlier(self._path, n).replace(_earlier(self._path, n + 1))
        if self._path.exists():
            write_atomically(_earlier(self._path, 1), self._path.read_bytes())
        body = msgspec.json.encode(self._values, order="sorted")
        file = _File(SCHEMA, hashlib.sha256(body).hexdigest(), self._values)
        write_atomically(self._path, msgspec.json.format(msgspec.json.encode(file, order="sorted")))


def _earlier(path: Path, n: int) -> Path:
    return path.with_name(f"{path.stem}.{n}{path.suffix}")


def _read(body: bytes) -> dict[str, Value]:
    file = msgspec.json.decode(body, type=_File)
    if file.schema > SCHEMA:
        raise ValueError(f"schema {file.schema} is newer than this program")
    found = hashlib.sha256(msgspec.json.encode(file.values, order="sorted")).hexdigest()
    if found != file.sha256:
        raise ValueError("its checksum does not match its content")
    return file.values
