"""JSON for readers outside of the switch, whatever bytes a far end has put into its headers.

Names in Latin-1 are no UTF-8: inside the switch their bytes are lone surrogates (PEP 383), so that
what goes back to the far end is what it said.  No JSON can say them to anybody else; there each
becomes a question mark, and no fact, seat or answer is lost for it.
"""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()


def encoded(value: object) -> bytes:
    """One line of JSON.  Never raises for text, whatever it holds."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_plain(msgspec.to_builtins(value, str_keys=True)))


def _plain(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_plain(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value
