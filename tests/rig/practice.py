"""A practice exchange in a process of its own, as the program runs it, and its control calls."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0
STOP_S = 10.0


class PracticeProcess:
    """Started on construction; use as a context manager so that nothing is left running."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.ports_file = folder / "ports.json"
        self.said = folder / "practice.log"
        self._arguments = arguments
        self.process = self._start()
        self.ports: Mapping[str, object] = json.loads(self.ports_file.read_text())

    def _start(self) -> "subprocess.Popen[bytes]":
        self.ports_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "brokers.practice", "--ports-file", str(self.ports_file)]
        with self.said.open("ab") as said:
            process = subprocess.Popen(
                [*command, "--with-parent", *self._arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + READY_S
        while not self.ports_file.exists():
            assert process.poll() is None, self.said.read_text()[-2000:]
            assert time.monotonic() < deadline, "the practice exchange was not ready in time"
            time.sleep(0.02)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """End it as its parent's end would; its status."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def restart(self) -> None:
        """Start it anew; its ports are other ones."""
        self.process = self._start()
        self.ports = json.loads(self.ports_file.read_text())

    def environment(self) -> dict[str, str]:
        return {**os.environ, "TEZI_PORTS_FILE": str(self.ports_file)}

    # Control calls.

    def get(self, path: str) -> dict[str, object]:
        return self._call("GET", path, None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        return self._call("POST", path, body)

    def disarm(self) -> None:
        self._call("DELETE", "/fault", None)

    def orders(self) -> list[dict[str, object]]:
        rows = self.get("/orders")["orders"]
        assert isinstance(rows, list)
        return rows

    def fault(self, where: str, what: str, *, times: int = 1, value: object = None) -> None:
        body = {"broker": "*", "where": where, "what": what, "times": times, "value": value}
        self.post("/fault", {key: each for key, each in body.items() if each is not None})

    def price(self, instrument: str, price: str) -> None:
        self.post("/price", {"instrument": instrument, "price": price})

    def quiet(self) -> None:
        """Stop the market maker: nothing moves but by orders and `price`."""
        self.post("/rate", {"ticks_per_second": 0})

    def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, object]:
        request = urllib.request.Request(
            f"{self.ports['control']}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                found: dict[str, object] = json.loads(reply.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error
