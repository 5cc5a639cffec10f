"""Short sounds by the system's own player: no audio library, no thread, never an error."""

import shutil
import sys
from typing import Final

from PySide6.QtCore import QProcess

from resources import path

_PLAYERS: Final = ("afplay", "pw-play", "paplay", "aplay")


def play(name: str) -> bool:
    """Play `resources/sounds/<name>.wav` in the background; False when nothing can play it."""
    file = str(path(f"sounds/{name}.wav"))
    if sys.platform == "win32":
        import winsound  # noqa: PLC0415 - exists on Windows only

        winsound.PlaySound(file, winsound.SND_FILENAME | winsound.SND_ASYNC)
        return True
    player = next((each for each in _PLAYERS if shutil.which(each)), None)
    return player is not None and bool(QProcess.startDetached(player, [file])[0])
