"""How good a line sounds, from what RTP and RTCP tell of it.  Pure.

The estimate is the E-model (ITU-T G.107) for G.711 with packet-loss concealment, in the reduced
form of Cole and Rosenbluth (ACM SIGCOMM CCR 31(2), 2001): what packets do not tell (echo,
loudness, noise of the room) counts with its default.  Robustness against loss: ITU-T G.113,
Appendix I.  It says what the network did to a voice, not how well somebody speaks.
"""

from typing import Final, Literal

from msgspec import Struct

from tahuri.telephony.media.protocol import PortFigures

BEST: Final = 93.2
"""Rating of a line without delay and loss, all else by default."""
LOSS_ROBUSTNESS: Final = 25.1
"""Bpl of G.711 with concealment, packets of 10 to 20 ms, random loss (G.113, Appendix I)."""
DELAY_KNEE_MS: Final = 177.3
"""From here on people begin to talk over each other."""
PACKET_MS: Final = 20.0
FAIR_BELOW: Final = 4.0
BAD_BELOW: Final = 3.1
"""MOS below which nearly all users are dissatisfied (G.107, Annex B: rating 60)."""
PACKETS_MIN: Final = 25
"""Half a second; fewer packets say nothing about a line."""

Verdict = Literal["good", "fair", "bad"]


class Measured(Struct, frozen=True, kw_only=True):
    """One line over some time."""

    received: int
    """Audio packets that came."""
    lost: int
    """Packets that never came."""
    late: int
    """Packets that came too late to sound in their place."""
    concealed: int
    """Frames of 20 ms that had to be made up, gaps of up to 200 ms only."""
    jitter_ms: float
    rtt_ms: float | None
    """Round trip; None until the far end sent RTCP that tells."""
    mos: float
    """What we hear of them, 1 (nothing to be understood) to 4.4 (as good as G.711 gets)."""
    their_loss: float | None = None
    """Share of our packets that did not reach them, 0 to 1; None as long as they say nothing."""
    their_jitter_ms: float | None = None
    their_mos: float | None = None
    """What they hear of us."""


def mos(delay_ms: float, loss: float) -> float:
    """Mean opinion score that the E-model expects.

    Args:
        delay_ms: mouth to ear, one way, ≥ 0.
        loss: share of packets that are not heard, 0 ≤ loss ≤ 1.

    Returns:
        1.0 to 4.41.
    """
    percent = 100 * loss
    impaired = 95 * percent / (percent + LOSS_ROBUSTNESS)
    delayed = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - DELAY_KNEE_MS)
    rating = max(0.0, BEST - impaired - delayed)
    score = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    return round(max(1.0, score), 2)  # the polynomial dips below 1 at ratings under 6.5


def measured(now: PortFigures, before: PortFigures | None = None) -> Measured | None:
    """A line between two looks at it, or since its start.

    Returns:
        None when neither side has heard enough of the other to say anything.
    """
    received = now.rx - (before.rx if before else 0)
    lost = max(0, now.lost - (before.lost if before else 0))
    late = max(0, now.late - (before.late if before else 0))
    if received + lost < PACKETS_MIN:
        return None
    one_way_ms = (now.rtt_ms or 0.0) / 2 + PACKET_MS
    theirs = _their_loss(now, before)
    return Measured(
        received=received,
        lost=lost,
        late=late,
        concealed=max(0, now.concealed - (before.concealed if before else 0)),
        jitter_ms=now.jitter_ms,
        rtt_ms=now.rtt_ms,
        mos=mos(one_way_ms + now.buffer_ms, min(1.0, (lost + late) / (received + lost))),
        their_loss=None if theirs is None else round(theirs, 4),
        their_jitter_ms=now.their_jitter_ms,
        their_mos=None
        if theirs is None
        else mos(one_way_ms + 2 * (now.their_jitter_ms or 0.0), theirs),
    )


def _their_loss(now: PortFigures, before: PortFigures | None) -> float | None:
    """Of the packets that their reports speak of, those that did not come."""
    if now.their_lost is None or now.their_expected is None:
        return None
    lost, expected = now.their_lost, now.their_expected
    if before is not None and before.their_lost is not None and before.their_expected is not None:
        lost, expected = lost - before.their_lost, expected - before.their_expected
    if expected <= 0:  # no report since
        return now.their_fraction
    return min(1.0, max(0.0, lost / expected))


def verdict(line: Measured) -> Verdict:
    """What an operator needs to know of it: the worse of both directions."""
    return verdict_of(line.mos if line.their_mos is None else min(line.mos, line.their_mos))


def verdict_of(score: float) -> Verdict:
    """What a mean opinion score means."""
    if score < BAD_BELOW:
        return "bad"
    return "fair" if score < FAIR_BELOW else "good"
