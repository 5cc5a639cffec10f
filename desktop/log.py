"""Logging: one rotating file, times in UTC, and a last net that takes live secrets out.

The first net is discipline: nobody logs a token, a secret or a client code. The second is here:
every sink scrubs each registered secret in its raw, URL-encoded, base64 and JSON-escaped forms.
"""

import base64
import json
import logging
import logging.handlers
import re
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
            if form not in text:
                continue
            if form.isdecimal():
                # A passcode is not a part of every longer number.
                text = re.sub(rf"(?<!\d){form}(?!\d)", MASK, text)
            else:
                text = text.replace(form, MASK)
        return text

    def scrub_json(self, body: str) -> str:
        """Scrub the texts of a JSON document; its names and numbers stay, so it can be read.

        What is no JSON is scrubbed as any other text.
        """
        scrubbed = self.scrub(body)
        if scrubbed == body:
            return body
        try:
            found = self._scrubbed(json.loads(body))
        except ValueError:
            return scrubbed
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def _scrubbed(self, value: object) -> object:
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, list):
            return [self._scrubbed(each) for each in value]
        if isinstance(value, dict):
            return {key: self._scrubbed(each) for key, each in value.items()}
        return value


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
