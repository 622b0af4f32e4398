"""Structs as JSON lines that hold any bytes a far end may have put into its headers."""

import json
from typing import TypeVar

import msgspec

T = TypeVar("T")
_encoder = msgspec.json.Encoder()


class Encoder:
    """Names in Latin-1 are no UTF-8; their bytes are kept as lone surrogates (PEP 383), which JSON
    can hold as escapes and msgspec does not write."""

    def encode(self, value: object) -> bytes:
        """One line."""
        try:
            return _encoder.encode(value)
        except UnicodeEncodeError:
            plain = msgspec.to_builtins(value, str_keys=True)
            return json.dumps(plain, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def decode(line: bytes, kind: type[T]) -> T:
    """What `Encoder.encode` was given.  Raises msgspec.DecodeError, UnicodeError."""
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError):
            raise error from None
        return msgspec.convert(plain, kind, str_keys=True)
