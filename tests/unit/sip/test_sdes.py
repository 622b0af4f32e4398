"""Keys in session descriptions (RFC 4568): what is used, what is refused, what is passed over."""

import base64

import pytest

from tahuri.telephony.sip import sdes, sdp

KEY = base64.b64encode(bytes(range(30))).decode()
OTHER = base64.b64encode(bytes(range(1, 31))).decode()
S80, S32 = sdes.SUITES


def offer(protocol: str, *crypto: str) -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1", "t=0 0"]
    lines += [f"m=audio 4000 {protocol} 8", *crypto, "a=rtpmap:8 PCMA/8000"]
    return ("\r\n".join(lines) + "\r\n").encode()


@pytest.mark.parametrize(
    "unusable",
    [
        f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}",
        f"a=crypto:1 {S80} inline:{KEY}|2^20|1:4",
        f"a=crypto:1 {S80} inline:{KEY};inline:{OTHER}",
        f"a=crypto:1 {S80} inline:{KEY} UNENCRYPTED_SRTCP",
        f"a=crypto:1 {S80} inline:{KEY[:-4]}",
        f"a=crypto:1 {S80} inline:====",
        f"a=crypto:x {S80} inline:{KEY}",
        "a=crypto:",
    ],
)
def test_what_we_cannot_do_as_asked_is_never_half_done(unusable: str) -> None:
    """Sound that only one side can decipher is silence to the other."""
    assert sdes.chosen([unusable]) is None
    found = sdes.chosen([unusable, f"a=crypto:7 {S32} inline:{OTHER}|2^31 WSH=128"])
    assert found == sdes.Crypto(7, S32, OTHER)
    with pytest.raises(sdp.NotSecured):
        sdp.parse(offer("RTP/SAVP", unusable), "required")


def test_a_plain_trunk_refuses_what_is_encrypted_and_passes_keys_over() -> None:
    """A trunk that is set to plain must not be talked into anything."""
    line = f"a=crypto:1 {S80} inline:{KEY}"
    assert sdp.parse(offer("RTP/AVP", line)).crypto is None
    with pytest.raises(sdp.NoSession):
        sdp.parse(offer("RTP/SAVP", line))


def test_optional_takes_either_and_required_only_what_is_encrypted() -> None:
    """Nobody's call is lost for it, unless the centre decided so."""
    line = f"a=crypto:3 {S80} inline:{KEY}"
    for protocol in ("RTP/AVP", "RTP/SAVP", "RTP/SAVPF"):
        for srtp in ("optional", "required"):
            stream = sdp.parse(offer(protocol, line), srtp)  # type: ignore[arg-type]
            assert stream.crypto == sdes.Crypto(3, S80, KEY)
            answered = sdp.answer(stream, "10.0.0.2", 5000, 1, OTHER)
            assert f"m=audio 5000 {protocol} 8\r\n".encode() in answered
            assert f"a=crypto:3 {S80} inline:{OTHER}\r\n".encode() in answered
    assert sdp.parse(offer("RTP/AVP"), "optional").crypto is None
    with pytest.raises(sdp.NotSecured):
        sdp.parse(offer("RTP/AVP"), "required")


def test_our_offer_says_what_the_trunk_is_set_to() -> None:
    """Best effort is RTP/AVP with keys: who does not know them passes them over."""
    keys = {S32: OTHER, S80: KEY}
    assert b"crypto" not in sdp.offer("10.0.0.1", 4000, 1, keys=keys)
    optional = sdp.offer("10.0.0.1", 4000, 1, srtp="optional", keys=keys)
    required = sdp.offer("10.0.0.1", 4000, 1, srtp="required", keys=keys)
    assert b"m=audio 4000 RTP/AVP " in optional
    assert b"m=audio 4000 RTP/SAVP " in required
    for session in (optional, required):
        assert session.index(f"a=crypto:1 {S80} inline:{KEY}".encode()) < session.index(
            f"a=crypto:2 {S32} inline:{OTHER}".encode()
        )
        assert sdp.parse(session, "required").crypto == sdes.Crypto(1, S80, KEY)


def test_a_key_stands_in_no_log() -> None:
    """Logs are read by more people than calls are."""
    assert KEY not in repr(
        sdp.parse(offer("RTP/SAVP", f"a=crypto:1 {S80} inline:{KEY}"), "required")
    )
