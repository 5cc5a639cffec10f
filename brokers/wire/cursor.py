"""Bounds-checked reading of binary packets; every overrun names its offset."""

import struct
from typing import Final, Literal

from brokers.errors import DecodeError

_U8: Final = struct.Struct("B")
_FORMATS: Final = {
    "big": tuple(struct.Struct(f">{code}") for code in "HIQhiqd"),
    "little": tuple(struct.Struct(f"<{code}") for code in "HIQhiqd"),
}


class Cursor:
    """Read a packet from front to back; `at` is the offset of the next byte."""

    __slots__ = ("_data", "_end", "_f64", "_i16", "_i32", "_i64", "_u16", "_u32", "_u64", "at")

    def __init__(
        self, data: bytes | bytearray | memoryview, order: Literal["big", "little"] = "big"
    ) -> None:
        self._data = memoryview(data)
        self._end = len(data)
        formats = _FORMATS[order]
        self._u16, self._u32, self._u64, self._i16, self._i32, self._i64, self._f64 = formats
        self.at = 0

    def u8(self) -> int:
        return self._integer(_U8)

    def u16(self) -> int:
        return self._integer(self._u16)

    def u32(self) -> int:
        return self._integer(self._u32)

    def u64(self) -> int:
        return self._integer(self._u64)

    def i16(self) -> int:
        return self._integer(self._i16)

    def i32(self) -> int:
        return self._integer(self._i32)

    def i64(self) -> int:
        return self._integer(self._i64)

    def f64(self) -> float:
        """Read a double; it may be NaN or infinite, which only its field can judge."""
        start = self._advance(8)
        value: float = self._f64.unpack_from(self._data, start)[0]
        return value

    def take(self, size: int) -> bytes:
        """Copy the next `size` bytes."""
        start = self._advance(size)
        return bytes(self._data[start : self.at])

    def view(self, size: int) -> memoryview:
        """Give the next `size` bytes without a copy."""
        start = self._advance(size)
        return self._data[start : self.at]

    def text(self, size: int) -> str:
        """Read `size` bytes of UTF-8."""
        start = self._advance(size)
        raw = bytes(self._data[start : self.at])
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise DecodeError(f"offset {start}", f"{size} bytes of UTF-8", raw) from None

    def skip(self, size: int) -> None:
        self._advance(size)

    def left(self) -> int:
        """Give the number of bytes not yet read."""
        return self._end - self.at

    def end(self) -> None:
        """Refuse bytes after what the packet says it holds."""
        if self.at != self._end:
            extra = bytes(self._data[self.at : self.at + 16])
            raise DecodeError(f"offset {self.at}", "the end of the packet", extra)

    def _integer(self, layout: struct.Struct) -> int:
        start = self._advance(layout.size)
        value: int = layout.unpack_from(self._data, start)[0]
        return value

    def _advance(self, size: int) -> int:
        start = self.at
        after = start + size
        if size < 0 or after > self._end:
            raise DecodeError(f"offset {start}", f"{size} bytes, {self._end - start} are left")
        self.at = after
        return start
