"""The worked examples of the wire dossier §14 and appendix A, byte for byte.

Requests and data frames come from the published encoder and decoder; the head of the AUTH reply
is from live traffic.
"""

from typing import Final

KEY: Final = "0123456789abcdef0123456789abcdef0123456789abcdef01234567"
SOURCE: Final = "PythonSDK-3.2.0"

_NONE: Final = "80000000"


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


AUTH: Final = _hex(
    "00 57 01 04 01 00 38"
    "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"
    "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"
    "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 30 31 32 33 34 35 36 37"
    "02 00 01 50 03 00 01 01 04 00 0f 50 79 74 68 6f 6e 53 44 4b 2d 33 2e 32 2e 30"
)
MODE_FULL: Final = _hex("00 00 0c 02 01 00 08 00 00 00 00 00 00 08 00 02 00 01 46")
MODE_LITE: Final = _hex("00 00 0c 02 01 00 08 00 00 00 00 00 00 08 00 02 00 01 4c")
SUBSCRIBE: Final = _hex(
    "02 3c 04 02 01 00 24 00 02 0e 73 66 7c 6e 73 65 5f 63 6d 7c 33 30 34 35"
    "12 69 66 7c 6e 73 65 5f 63 6d 7c 4e 69 66 74 79 20 35 30 02 00 01 0b"
)
UNSUBSCRIBE: Final = _hex(
    "02 29 05 02 01 00 11 00 01 0e 73 66 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 02 00 01 0b"
)
PAUSE: Final = _hex("00 00 07 01 01 00 08 00 00 00 00 00 00 08 00")
RESUME: Final = _hex("00 00 08 01 01 00 08 00 00 00 00 00 00 10 00")
ACK_258: Final = _hex("00 09 03 01 01 00 04 00 00 01 02")
PING: Final = _hex("00 01 0b")

AUTH_DONE: Final = _hex(
    "00 21 01 03 01 00 01 4b 02 00 02 00 02 03 00 13"
    "7b 22 76 65 72 73 69 6f 6e 22 3a 22 31 2e 30 2e 30 22 7d"
)
AUTH_FAILED: Final = _hex("00 06 01 01 01 00 01 4e")
AUTH_WIDE_INTERVAL: Final = _hex("00 0d 01 02 01 00 01 4b 02 00 04 00 00 00 02")
AUTH_LIVE_HEAD: Final = _hex("66 3e 01 03 01 00 01 4b 02 00 02 00 02 03 66 30 7b 0a")
SUBSCRIBED: Final = _hex("00 0b 04 02 01 00 01 4b 02 00 02 ff ff")
SUBSCRIBE_FAILED: Final = _hex("00 06 04 01 01 00 01 4e")
UNSUBSCRIBED: Final = _hex("00 06 05 01 01 00 01 4b")
MODE_ON: Final = _hex("00 06 0c 01 01 00 01 4b")
MODE_FAILED: Final = _hex("00 06 0c 01 01 00 01 4e")
PAUSED: Final = _hex("00 06 07 01 01 00 01 4b")
RESUMED: Final = _hex("00 06 08 01 01 00 01 4b")
SYMBOL_LIMIT: Final = _hex(
    "00 25 33 03 01 00 04 00 00 c7 39 02 00 15"
    "53 79 6d 62 6f 6c 20 6c 69 6d 69 74 20 65 78 63 65 65 64 65 64 03 00 01 04"
)

SCRIP_SNAPSHOT: Final = _hex(
    "00 87 06 00 00 00 01 00 01 53 00 01 0e 73 66 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 15"
    "00 01 a1 5d 00 80 5c b9 6a a1 13 37 6a a1 13 38"
    "00 00 3a 42 00 00 00 00 00 01 a1 5d 00 00 00 00"
    "00 00 00 19 00 0c 65 39 00 0d c4 c9 00 01 a2 04"
    "80 00 00 00 00 01 9f 3c 00 01 a4 fa 80 00 00 00"
    "80 00 00 00 00 01 7e 21 00 01 d3 03 00 01 a3 ec 00 01 a8 92"
    "00 00 00 01 02 06 6e 73 65 5f 63 6d 04 33 30 34 35 07 53 42 49 4e 2d 45 51"
)
INDEX_SNAPSHOT: Final = _hex(
    "00 54 06 00 00 00 02 00 01 53 00 02 12 69 66 7c"
    "6e 73 65 5f 63 6d 7c 4e 69 66 74 79 20 35 30 06"
    "00 27 f5 ba 00 28 00 a5 66 f6 77 48 00 28 18 97 00 27 ed 77 00 28 0d 39"
    "00 00 00 01 02 06 6e 73 65 5f 63 6d 08 4e 69 66 74 79 20 35 30 08 4e 69 66 74 79 20 35 30"
)
DEPTH_SNAPSHOT: Final = _hex(
    "00 ab 06 00 00 00 03 00 01 53 00 03 0e 64 70 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 1e"
    "00 01 a1 5d 00 01 a1 58 00 01 a1 53 00 01 a1 4e 00 01 a1 49"
    "00 01 a1 62 00 01 a1 67 00 01 a1 6c 00 01 a1 71 00 01 a1 76"
    "00 00 00 64 00 00 00 c8 00 00 01 2c 00 00 01 90 00 00 01 f4"
    "00 00 00 c8 00 00 01 2c 00 00 01 90 00 00 01 f4 00 00 02 58"
    "00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00 05"
    "00 00 00 06 00 00 00 07 00 00 00 08 00 00 00 09 00 00 00 0a"
    "00 00 00 01 02 06 6e 73 65 5f 63 6d 04 33 30 34 35 07 53 42 49 4e 2d 45 51"
)
SCRIP_UPDATE: Final = _hex(
    "00 5f 06 00 00 00 04 00 01 55 00 01 15 00 01 a1 62 00 80 5d 1d 6a a1 13 39 6a a1 13 39"
    "80 00 00 00 80 00 00 00 80 00 00 00 80 00 00 00"
    "00 00 00 64 80 00 00 00 80 00 00 00 80 00 00 00"
    "80 00 00 00 80 00 00 00 80 00 00 00 80 00 00 00"
    "80 00 00 00 80 00 00 00 80 00 00 00 80 00 00 00"
    "80 00 00 00"
)
SHORT_UPDATE: Final = _hex("00 0f 06 00 00 00 05 00 01 55 00 01 01 00 01 a1 67")
INDEX_UPDATE: Final = _hex(
    "00 2b 06 00 00 00 06 00 01 55 00 02 08 00 27 f6 14 80 00 00 00 66 f6 77 49 80 00 00 00"
    "80 00 00 00 80 00 00 00 00 28 18 9c 00 26 c5 cd"
)
DEPTH_UPDATE: Final = _hex(
    "00 83 06 00 00 00 07 00 01 55 00 03 1e" + 10 * _NONE + "00 00 00 96" + 19 * _NONE
)
UNCHANGED_UPDATE: Final = _hex("00 0f 06 00 00 00 08 00 01 55 00 01 01 00 01 a1 67")
FINE_SNAPSHOT: Final = _hex(
    "00 8e 06 00 00 00 09 00 01 53 00 04 0e 73 66 7c 63 64 65 5f 66 6f 7c 31 32 33 34 15"
    "00 0d 7e 33 00 00 00 64 6a a1 13 37 6a a1 13 38"
    "00 00 00 05 00 00 00 06 00 0d 7e 1a 00 0d 7e 4c"
    "00 00 00 01 00 00 00 0a 00 00 00 14 00 0d 7e 2e"
    "00 00 04 d2 00 0d 79 38 00 0d 81 08 80 00 00 00"
    "80 00 00 00 00 0d 1f 60 00 0d bb a0 00 0d 7d 20 00 0d 7d 84"
    "00 00 00 01 04 06 63 64 65 5f 66 6f 04 31 32 33 34"
    "0e 55 53 44 49 4e 52 32 36 53 45 50 46 55 54"
)
LITE_UPDATE: Final = _hex("00 0e 06 00 00 00 02 00 01 4c 00 01 00 01 a1 6c")

DATA_FRAMES: Final = (
    SCRIP_SNAPSHOT,
    INDEX_SNAPSHOT,
    DEPTH_SNAPSHOT,
    SCRIP_UPDATE,
    SHORT_UPDATE,
    INDEX_UPDATE,
    DEPTH_UPDATE,
    UNCHANGED_UPDATE,
    FINE_SNAPSHOT,
)
"""(a) to (h) and the unchanged update, in the order of their message numbers."""
