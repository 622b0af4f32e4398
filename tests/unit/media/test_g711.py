"""G.711 against the figures of the standard, not against ourselves."""

import numpy as np
import pytest

from tahuri.telephony.media import g711


@pytest.mark.parametrize(
    ("payload", "octet", "sample"),
    [
        (g711.PCMA, 0xD5, 8),
        (g711.PCMA, 0x55, -8),
        (g711.PCMA, 0xAA, 32256),
        (g711.PCMA, 0x2A, -32256),
        (g711.PCMU, 0xFF, 0),
        (g711.PCMU, 0x80, 32124),
        (g711.PCMU, 0x00, -32124),
    ],
)
def test_octets_mean_what_the_standard_says(payload: int, octet: int, sample: int) -> None:
    """A wrong sign bit would make every call noise."""
    assert g711.decode(payload, np.array([octet], np.uint8))[0] == sample


@pytest.mark.parametrize("payload", sorted(g711.PAYLOADS))
def test_every_octet_survives_decoding_and_encoding(payload: int) -> None:
    """A call that passes through the mixer alone must come out as it went in."""
    decoded = g711.decode(payload, np.arange(256, dtype=np.uint8))
    again = g711.decode(payload, g711.encode(payload, decoded))
    assert (again == decoded).all()


@pytest.mark.parametrize("payload", sorted(g711.PAYLOADS))
def test_every_sample_is_encoded_to_the_nearest_octet(payload: int) -> None:
    """The error stays within 1/31 of the sample and the bias: segments of 16 steps each."""
    samples = np.arange(-32000, 32000, dtype=np.int16)
    error = np.abs(g711.decode(payload, g711.encode(payload, samples)).astype(int) - samples)
    assert (error <= (np.abs(samples.astype(int)) + 132) / 31 + 8).all()


def test_a_codec_that_is_not_g711_is_an_error() -> None:
    """The boundary refuses such legs; here it would be a bug."""
    with pytest.raises(KeyError):
        g711.decode(9, np.zeros(1, np.uint8))
