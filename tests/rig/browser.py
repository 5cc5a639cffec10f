"""A real browser without a window: it opens pages, fills forms and says what it shows."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final, Self

import pytest
from websockets.asyncio.client import ClientConnection, connect

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--remote-debugging-port=0", "about:blank"),
)
_PATIENCE_S: Final = 20.0


class Browser:
    """One page of a browser with a profile of its own; use as an async context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._wire: ClientConnection | None = None
        self._page = ""
        self._serial = 0

    async def __aenter__(self) -> Self:
        found = next(filter(None, map(shutil.which, _NAMES)), None)
        if found is None:
            pytest.skip(f"needs a browser: none of {', '.join(_NAMES)} is installed")
        self._process = self._start(found)
        try:
            port, path = (await self._address()).split()
            self._wire = await connect(f"ws://127.0.0.1:{port}{path}", max_size=None)
            await self._attach()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._wire is not None:
            await self._wire.close()
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    async def go(self, url: str) -> None:
        """Open an address and wait until its page is there."""
        await self._ask("Page.navigate", {"url": url})
        await self.until("document.readyState == 'complete'")

    async def value(self, script: str) -> object:
        """Give what a script of the page gives."""
        reply = await self._ask("Runtime.evaluate", {"expression": script, "returnByValue": True})
        result = reply.get("result")
        assert isinstance(result, dict), reply
        return result.get("value")

    async def until(self, script: str) -> None:
        """Wait until a script of the page gives true."""
        async with asyncio.timeout(_PATIENCE_S):
            # Between two pages there is none that could be asked to tell us.
            while await self.value(script) is not True:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def text(self) -> str:
        return str(await self.value("document.body.innerText"))

    async def press(self, words: str) -> None:
        """Press the button with these words, as a person would."""
        await self.value(
            "[...document.querySelectorAll('button')]"
            f".find(each => each.innerText == {json.dumps(words)}).click()"
        )

    async def fill(self, name: str, text: str) -> None:
        """Put a text into a field of the page's form."""
        field = f"document.querySelector('input[name={name}]')"
        await self.value(f"{field}.value = {json.dumps(text)}")

    def _start(self, program: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [program, f"--user-data-dir={self._folder}", *_FLAGS],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self._folder)},
            start_new_session=True,
        )

    async def _address(self) -> str:
        file = self._folder / "DevToolsActivePort"
        async with asyncio.timeout(_PATIENCE_S):
            while not file.exists() or file.read_text().count("\n") < 1:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.02)
        return file.read_text()

    async def _attach(self) -> None:
        targets = (await self._ask("Target.getTargets", {}))["targetInfos"]
        assert isinstance(targets, list)
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        reply = await self._ask("Target.attachToTarget", {"targetId": page, "flatten": True})
        self._page = str(reply["sessionId"])

    async def _ask(self, method: str, parameters: dict[str, object]) -> dict[str, object]:
        assert self._wire is not None
        self._serial += 1
        call: dict[str, object] = {"id": self._serial, "method": method, "params": parameters}
        if self._page:
            call["sessionId"] = self._page
        await self._wire.send(json.dumps(call))
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                said = json.loads(await self._wire.recv())
                if said.get("id") == self._serial:
                    found: dict[str, object] = said.get("result", {})
                    return found
