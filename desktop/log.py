"""Logging: one rotating file, times in UTC, and a last net that takes live secrets out.

The first net is discipline: nobody logs a token, a secret or a client code. The second is here:
every sink scrubs each registered secret in its raw, URL-encoded, base64 and JSON-escaped forms.
"""

import base64
import json
import logging
import logging.handlers
import sys
import time
import urllib.parse
from pathlib import Path

from typing_extensions import override

MASK = "•••"
_SHORTEST = 4
"""Shorter texts are not secrets; scrubbing them would eat ordinary words."""


class Secrets:
    """The live secrets of this run, in every form they could leak."""

    def __init__(self) -> None:
        self._forms: set[str] = set()

    def add(self, *secrets: str) -> None:
        for secret in secrets:
            if len(secret) < _SHORTEST:
                continue
            raw = secret.encode()
            self._forms |= {
                secret,
                urllib.parse.quote(secret, safe=""),
                base64.b64encode(raw).decode().rstrip("="),
                base64.urlsafe_b64encode(raw).decode().rstrip("="),
                json.dumps(secret)[1:-1],
            }

    def scrub(self, text: str) -> str:
        for form in sorted(self._forms, key=len, reverse=True):
            if form in text:
                text = text.replace(form, MASK)
        return text


SECRETS = Secrets()


class _Scrubbed(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03d"

    @override
    def format(self, record: logging.LogRecord) -> str:
        return SECRETS.scrub(super().format(record))

    @override
    def formatException(self, ei: object) -> str:
        return SECRETS.scrub(super().formatException(ei))  # type: ignore[arg-type]  # stdlib's tuple


def set_up(folder: Path, *, to_terminal: bool = False) -> None:
    """Send the log to `folder/tezi.log` (10 files of 5 MB); third parties only from WARNING."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    form = _Scrubbed("%(asctime)sZ %(levelname)s %(name)s %(message)s")
    file = logging.handlers.RotatingFileHandler(
        folder / "tezi.log", maxBytes=5_000_000, backupCount=9, encoding="utf-8", delay=True
    )
    file.setFormatter(form)
    root.addHandler(file)
    if to_terminal:
        terminal = logging.StreamHandler(sys.stderr)
        terminal.setFormatter(form)
        root.addHandler(terminal)
    for noisy in ("httpx", "httpcore", "websockets", "asyncio", "qasync", "keyring"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
