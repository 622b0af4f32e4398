"""RTP, RTCP, key presses and the latch: what a far end may send, right or wrong."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.telephony.media import rtp


def event(
    digit: int, timestamp: int, duration: int = 160, marker: bool = False, ssrc: int = 7
) -> rtp.Packet:
    """One telephone event packet."""
    body = struct.pack("!BBH", digit, 10, duration)
    return rtp.Packet(101, marker, 1, timestamp, ssrc, body)


def audio(sequence: int, ssrc: int = 7) -> rtp.Packet:
    """One audio packet of 20 ms."""
    return rtp.Packet(8, False, sequence & 0xFFFF, sequence * 160, ssrc, b"\xd5" * 160)


def test_a_packet_is_read_as_it_was_built() -> None:
    """What we send must be what we would take."""
    packet = rtp.parse(rtp.build(8, 65536 + 5, 2**32 + 9, 3, b"abc", marker=True))
    assert packet == rtp.Packet(8, True, 5, 9, 3, b"abc")


def test_contributors_extensions_and_padding_are_passed_over() -> None:
    """Conference bridges and PBXs add them; they are not sound."""
    head = bytes([0x80 | 0x20 | 0x10 | 2, 8]) + struct.pack("!HII", 1, 2, 3)
    extension = struct.pack("!HH", 0xBEDE, 1) + b"xxxx"
    packet = rtp.parse(head + b"c" * 8 + extension + b"sound" + b"\0\0\3")
    assert packet is not None
    assert packet.body == b"sound"


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x80" * 11,
        b"\x40" + b"\0" * 20,
        b"\x81" + b"\0" * 11,
        b"\x90" + b"\0" * 13,
        b"\x90" + b"\0" * 13 + b"\xff\xff",
        b"\xa0" + b"\0" * 20,
        b"\xa0" + b"\0" * 19 + b"\xff",
    ],
)
def test_what_is_not_rtp_is_nothing(datagram: bytes) -> None:
    """Anybody can send to an open port; it must cost nothing."""
    assert rtp.parse(datagram) is None


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise(datagram: bytes) -> None:
    """A strange packet must never end a call."""
    rtp.parse(datagram)
    rtp.parse_rtcp(datagram)
    rtp.is_rtcp(datagram)


def test_a_press_sent_many_times_is_told_once() -> None:
    """Thirteen packets, three of them the end: the caller pressed one key."""
    keys = rtp.KeyPresses()
    packets = [event(5, 800, 160 * n, marker=n == 1) for n in range(1, 11)]
    told = [keys.receive(packet, 0.0) for packet in [*packets, packets[-1], packets[-1]]]
    assert told == ["5"] + [None] * 11


def test_the_same_key_twice_is_told_twice_and_old_packets_never() -> None:
    """A menu waits for 1 1 2; packets of the first press may come after the second began."""
    keys = rtp.KeyPresses()
    assert keys.receive(event(1, 800), 0.0) == "1"
    assert keys.receive(event(1, 2400), 0.2) == "1"
    assert keys.receive(event(1, 800), 0.2) is None
    assert keys.receive(event(11, 4800, ssrc=8), 0.4) == "#"


def test_keys_are_heard_again_when_the_far_end_counts_anew() -> None:
    """A carrier that hands a call on keeps the stream's name and begins its timestamps elsewhere:
    a caller who cannot speak must not press 5 in vain for the rest of the call."""
    keys = rtp.KeyPresses()
    assert keys.receive(event(5, 3_000_000), 0.0) == "5"
    assert keys.receive(event(1, 2_000), 9.0) == "1"
    assert keys.receive(event(1, 2_000, 320), 9.0) is None


def test_a_press_held_for_long_is_one_press() -> None:
    """Beyond 8.2 s its packets get new timestamps that touch (RFC 4733 §2.5.1.3)."""
    keys = rtp.KeyPresses()
    assert keys.receive(event(3, 1000, 0xFFFF), 0.0) == "3"
    assert keys.receive(event(3, 1000 + 0xFFFF, 800), 8.2) is None
    assert keys.receive(event(3, 1000 + 0xFFFF + 800, 160, marker=True), 9.0) == "3"


def test_a_storm_of_presses_is_cut_and_counted() -> None:
    """A broken gateway must not fill the log of a call."""
    keys = rtp.KeyPresses()
    told = [keys.receive(event(1, 1000 * n), n * 0.001) for n in range(1, 101)]
    assert sum(one is not None for one in told) == rtp.PRESSES_PER_S_MAX
    assert keys.storms == 80
    assert keys.receive(event(1, 200_000), 5.0) == "1"


def test_events_that_are_not_keys_are_not_told() -> None:
    """Hook flash and fax tones are events too; a body cut short is nothing."""
    keys = rtp.KeyPresses()
    assert keys.receive(event(16, 800), 0.0) is None
    assert keys.receive(rtp.Packet(101, False, 1, 1, 1, b"\1"), 0.0) is None


def test_loss_and_jitter_are_counted_as_the_standard_says() -> None:
    """These figures tell an operator of the trunk that the line is bad."""
    reception = rtp.Reception()
    assert (reception.lost, reception.fraction_lost()) == (0, 0)
    assert reception.receive(audio(65534), 0.0)
    for place, sequence in enumerate([65535, 65537, 65536, 65540], 1):
        assert not reception.receive(audio(sequence), place * 0.02)
    assert reception.lost == 2
    assert reception.highest == 65540
    assert reception.fraction_lost() == 256 * 2 // 7
    assert reception.fraction_lost() == 0
    assert reception.jitter > 0


def test_packets_of_a_key_press_are_not_missing() -> None:
    """A key takes the place of sound for its time: a caller who answers with keys has no bad line.
    Keys under another name of stream, or far off, say nothing of this one."""
    reception = rtp.Reception()
    reception.pass_over(event(5, 0))
    for sequence in (1, 2):
        reception.receive(audio(sequence), 0.0)
    for sequence in (3, 4, 5, 6):
        reception.pass_over(rtp.Packet(101, False, sequence, 480, 7, b"\5\0\0\0"))
    reception.pass_over(rtp.Packet(101, False, 90, 480, 8, b"\5\0\0\0"))
    reception.pass_over(rtp.Packet(101, False, 9000, 480, 7, b"\5\0\0\0"))
    assert reception.receive(audio(8), 0.0) is False
    assert (reception.lost, reception.received, reception.highest) == (1, 3, 8)


def test_a_new_stream_keeps_the_losses_of_the_old_one() -> None:
    """A re-INVITE changes the SSRC in mid-call; the call's figures go on."""
    reception = rtp.Reception()
    for sequence in (1, 2, 5):
        reception.receive(audio(sequence), 0.0)
    assert reception.receive(audio(900, ssrc=8), 0.0)
    assert reception.receive(audio(20_000, ssrc=8), 0.0), "a jump is a new start too"
    assert reception.lost == 2
    assert reception.received == 5


def test_timestamps_that_jump_are_not_jitter() -> None:
    """A hold of a minute must not look like a minute of jitter."""
    reception = rtp.Reception()
    reception.receive(audio(1), 0.0)
    reception.receive(audio(2), 60.0)
    assert reception.jitter == 0


def test_reports_are_read_as_they_were_built() -> None:
    """Round trips are measured with them, and strangers must be able to read ours."""
    block = rtp.ReportBlock(9, 12, 34, 5678, 90, 0xABCD, 0x1234)
    sent = rtp.build_rtcp(7, "tahuri", (1_800_000_000.5, 160, 10, 1600), block)
    assert len(sent) % 4 == 0
    assert rtp.is_rtcp(sent)
    [report] = rtp.parse_rtcp(sent)
    assert report.ssrc == 7
    assert report.ntp_middle == rtp.ntp_middle(1_800_000_000.5)
    assert report.blocks == [block]
    assert sent[52:54] == bytes([0x81, rtp.SOURCE_DESCRIPTION])
    assert b"\x01\x06tahuri\0" in sent
    [quiet] = rtp.parse_rtcp(rtp.build_rtcp(7, "tahuri", None, None))
    assert quiet == rtp.Report(7, None, [])


def test_a_negative_loss_and_a_broken_part_are_read() -> None:
    """Duplicates make loss negative; what follows a broken part is not guessed at."""
    report = struct.pack("!BBHI", 0x81, 201, 7, 1)
    report += struct.pack("!IIIIII", 2, 0xFFFFFF, 3, 4, 5, 6)
    assert rtp.parse_rtcp(report)[0].blocks[0].lost == -1
    assert rtp.parse_rtcp(report[:-1]) == []
    lying = struct.pack("!BBHI", 0x9F, 201, 1, 1)
    assert rtp.parse_rtcp(lying) == []


def test_the_first_packet_sets_the_address_and_strangers_are_refused() -> None:
    """Who guesses a port in mid-call neither hears the caller nor speaks to them."""
    latch = rtp.Latch()
    latch.say(("192.0.2.1", 4000))
    assert latch.address == ("192.0.2.1", 4000)
    assert latch.admit(("192.0.2.9", 5000)), "behind address translation"
    assert latch.address == ("192.0.2.9", 5000)
    assert not latch.admit(("192.0.2.66", 6666))
    assert latch.address == ("192.0.2.9", 5000)


def test_who_guesses_the_port_first_gives_way_to_the_caller() -> None:
    """A stranger's one packet before the first of the caller must not silence the whole call."""
    latch = rtp.Latch()
    latch.say(("192.0.2.1", 4000))
    assert latch.admit(("192.0.2.66", 6666))
    assert latch.admit(("192.0.2.1", 4000))
    assert latch.address == ("192.0.2.1", 4000)
    assert not latch.admit(("192.0.2.66", 6666))
    latch.say(None)
    assert latch.admit(("192.0.2.1", 4000))
    assert latch.address is None, "nothing is sent while on hold"


def test_a_new_address_opens_the_latch_and_the_same_again_does_not() -> None:
    """A session refresh must not give strangers a second chance; a transfer must work."""
    latch = rtp.Latch()
    latch.say(("192.0.2.1", 4000))
    assert latch.admit(("192.0.2.9", 5000))
    latch.say(("192.0.2.1", 4000))
    assert latch.address == ("192.0.2.9", 5000)
    latch.say(None)
    assert latch.address is None
    assert latch.admit(("192.0.2.9", 5000))
    assert latch.address is None, "nothing is sent while on hold"
    latch.say(("192.0.2.1", 4000))
    assert latch.address == ("192.0.2.9", 5000)
    latch.say(("192.0.2.2", 4000))
    assert latch.address == ("192.0.2.2", 4000)
    assert latch.admit(("192.0.2.2", 4000))


def test_a_packet_before_signalling_spoke_latches_but_sends_nothing() -> None:
    """Early media may come before the answer; where to send is for signalling to say."""
    latch = rtp.Latch()
    assert latch.admit(("192.0.2.1", 4000))
    assert latch.address is None
