"""Offers of browsers, and of things that are not browsers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.telephony.media import sdp
from tahuri.telephony.media.protocol import MediaError, MediaRefused

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=fingerprint:sha-256 ab:CD",
        "m=audio 9 UDP/TLS/RTP/SAVPF 8 126",
        "a=mid:0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:efghefghefghefghefghefgh",
        "a=setup:actpass",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:126 telephone-event/8000",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "a=mid:1",
        "",
    ]
)
OURS = sdp.Ours([("127.0.0.1", 4444)], "ufrag", "password", "AA:BB", 77)


def test_a_browsers_offer_is_understood() -> None:
    """Attributes of the session hold for the audio as well."""
    offer = sdp.read(OFFER)
    assert (offer.ufrag, offer.mid, offer.dtmf, offer.they_wait) == ("abcd", "0", 126, False)
    assert (offer.hash_name, offer.fingerprint) == ("sha-256", "AB:CD")


@pytest.mark.parametrize(
    ("setup", "answered"),
    [("actpass", "passive"), ("active", "passive"), ("passive", "active")],
)
def test_our_dtls_role_is_the_other_one(setup: str, answered: str) -> None:
    """Two that both wait never connect."""
    offer = sdp.read(OFFER.replace("a=setup:actpass", f"a=setup:{setup}"))
    assert f"a=setup:{answered}" in sdp.answer(offer, OURS).split("\r\n")


def test_only_pcma_audio_is_accepted_and_every_m_line_answered() -> None:
    """JSEP wants one answer for each m-line; port 0 refuses."""
    lines = sdp.answer(sdp.read(OFFER), OURS).split("\r\n")
    assert "m=audio 4444 UDP/TLS/RTP/SAVPF 8 126" in lines
    assert "m=video 0 UDP/TLS/RTP/SAVPF 96" in lines
    assert "a=ice-lite" in lines
    assert "a=candidate:1 1 udp 2130706431 127.0.0.1 4444 typ host" in lines
    assert "IN IP6 ::1" in sdp.answer(sdp.read(OFFER), sdp.Ours([("::1", 1)], "u", "p", "AA", 1))


def test_a_browser_is_told_an_address_of_each_family() -> None:
    """A seat on a network of the other family must find a way too; the first address is preferred.
    Two candidates of one component need numbers and priorities of their own (RFC 8445)."""
    ours = sdp.Ours([("127.0.0.1", 4444), ("::1", 4444)], "ufrag", "password", "AA:BB", 77)
    lines = sdp.answer(sdp.read(OFFER), ours).split("\r\n")
    assert [line for line in lines if line.startswith("a=candidate:")] == [
        "a=candidate:1 1 udp 2130706431 127.0.0.1 4444 typ host",
        "a=candidate:2 1 udp 2130706175 ::1 4444 typ host",
    ]
    assert lines.count("c=IN IP4 127.0.0.1") == 2


def test_a_browser_without_key_presses_is_accepted() -> None:
    """Sound is what matters."""
    offer = sdp.read(OFFER.replace("telephone-event/8000", "other/8000"))
    assert offer.dtmf is None
    assert "m=audio 4444 UDP/TLS/RTP/SAVPF 8" in sdp.answer(offer, OURS).split("\r\n")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("v=0", "w=0", MediaError.BAD_SDP),
        ("m=audio", "m=text", MediaError.BAD_SDP),
        ("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP", MediaError.BAD_SDP),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 8 126", "m=audio", MediaError.BAD_SDP),
        ("SAVPF 8 126", "SAVPF 111", MediaError.UNSUPPORTED_CODEC),
        ("a=ice-ufrag:abcd", "a=x", MediaError.BAD_SDP),
        ("a=ice-pwd:", "a=ice-pwd: ", MediaError.BAD_SDP),
        ("sha-256 ab:CD", "md5 ab:CD", MediaError.BAD_SDP),
        ("sha-256 ab:CD", "sha-256", MediaError.BAD_SDP),
    ],
)
def test_what_cannot_be_answered_is_refused_by_its_code(
    old: str, new: str, code: MediaError
) -> None:
    """The console shows which."""
    with pytest.raises(MediaRefused) as refused:
        sdp.read(OFFER.replace(old, new))
    assert refused.value.code is code


def test_an_offer_of_very_many_lines_is_refused() -> None:
    """A seat's page is ours; its console may be anybody's."""
    with pytest.raises(MediaRefused):
        sdp.read(OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 20)


@given(st.text(max_size=300))
def test_any_text_is_refused_and_never_raises_otherwise(text: str) -> None:
    """One strange browser must not end the others' calls."""
    with pytest.raises(MediaRefused):
        sdp.read("v=0\r\n" + text)
