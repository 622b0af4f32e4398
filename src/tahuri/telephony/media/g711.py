"""G.711 by look-up table: the two voice codecs of every telephone network.  Pure.

Source: ITU-T G.711 (11/1988); payload types RFC 3551 §6.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

PCMU: Final = 0
PCMA: Final = 8

Samples = npt.NDArray[np.int16]
Octets = npt.NDArray[np.uint8]


def _a_law_decoded() -> Samples:
    octets = np.arange(256) ^ 0x55
    exponent, mantissa = (octets >> 4) & 7, octets & 15
    steep = ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, steep)
    return np.where(octets & 0x80, magnitude, -magnitude).astype(np.int16)


def _mu_law_decoded() -> Samples:
    octets = ~np.arange(256) & 0xFF
    exponent, mantissa = (octets >> 4) & 7, octets & 15
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(octets & 0x80, -magnitude, magnitude).astype(np.int16)


def _encoder(decoded: Samples) -> Octets:
    """For each of the 65,536 samples the octet whose meaning is nearest."""
    order = np.argsort(decoded, kind="stable")
    values = decoded[order].astype(np.int32)
    samples = np.arange(-32768, 32768)
    nearest = order[np.searchsorted((values[1:] + values[:-1]) / 2, samples)]
    table = np.zeros(65536, np.uint8)
    table[samples.astype(np.int16).view(np.uint16)] = nearest
    return table


_DECODED = {PCMA: _a_law_decoded(), PCMU: _mu_law_decoded()}
_ENCODED = {payload: _encoder(table) for payload, table in _DECODED.items()}
PAYLOADS: Final = frozenset(_DECODED)


def decode(payload: int, octets: Octets) -> Samples:
    """Samples of the octets, same shape.  Raises KeyError for a payload not in `PAYLOADS`."""
    return _DECODED[payload][octets]


def encode(payload: int, samples: Samples) -> Octets:
    """Octets of the samples, same shape.  Raises KeyError for a payload not in `PAYLOADS`."""
    return _ENCODED[payload][samples.view(np.uint16)]
