"""The keys' conversation with a caller who does not speak: a stroke or violence is silent too."""

from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.ghost import GhostAnswered, GhostAsked, GhostStarted
from tahuri.telephony.protocol.words import GhostQuestion
from tahuri.telephony.rpc import Failure, Unavailable
from tahuri.telephony.switch import answering, audio, ending
from tahuri.telephony.switch.control import conference
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Ghost, Seat

YES_KEY = "5"
"""The middle of the keys, with a raised dot: found without looking."""
FIRST: GhostQuestion = "cannot-speak"


async def begin(core: Core, seat: Seat) -> None:
    """Begin to listen in, and ask for the first key; repeated, it asks again.

    Raises:
        Failure: ``no-live-call``; ``media-unavailable``: the caller heard no question.
    """
    call = answering.live_call(core, seat)
    if call.ghost is None:
        listen_s = core.settings.listen_in_s
        call.ghost = Ghost(listen_until_s=core.monotonic_s() + listen_s)
        core.of_call(call, GhostStarted(listen_in_s=listen_s), seat.operator_id or "")
        core.save(call)
        core.changed()
    await ask(core, seat, FIRST)


async def ask(core: Core, seat: Seat, question: GhostQuestion) -> None:
    """Let the caller hear a question; the next key is its answer.

    Raises:
        Failure: ``no-live-call``; ``media-unavailable``: the caller heard no question;
            ``bad-request``: not begun, or the caller is on hold and would hear nothing.
    """
    call = answering.live_call(core, seat)
    if call.ghost is None or conference.aside(call):
        raise Failure(
            "bad-request", "begin first" if call.ghost is None else "resume the call first"
        )
    await core.done(call.call_id, lambda: _ask(core, call, call.ghost, question, seat))


async def _ask(
    core: Core, call: Call, ghost: Ghost | None, question: GhostQuestion, seat: Seat
) -> None:
    if ghost is None or call.phase != "live":
        raise Failure("no-live-call")
    ghost.question = None
    await audio.end_notice(core, call)
    try:
        playing = await core.media.play(
            "ghost", core.settings.prompts.ghost / f"ghost-{question}.wav"
        )
    except (MediaRefused, Unavailable) as error:
        raise Failure("media-unavailable") from error
    call.notice, call.notice_due = playing.port, core.monotonic_s() + audio.NOTICE_S_MAX
    ghost.question = question
    core.of_call(call, GhostAsked(question=question), seat.operator_id or "")
    core.save(call)
    core.changed()
    await audio.mix(core, call)


def key(core: Core, call: Call, digit: str) -> None:
    """The caller answers what was asked; further keys answer nothing until the next question."""
    ghost = call.ghost
    if ghost is None or ghost.question is None or call.phase == "ended":
        return
    question, ghost.question = ghost.question, None
    ghost.answers.pop(question, None)
    ghost.answers[question] = "yes" if digit == YES_KEY else "no"
    ghost.keys += 1
    body = GhostAnswered(question=question, answer=ghost.answers[question], digit=digit)
    core.of_call(call, body)
    core.save(call)
    core.changed()
    core.post(call.call_id, lambda: _hush(core, call))


async def _hush(core: Core, call: Call) -> None:
    if call.ghost is not None and call.ghost.question is None:
        await audio.end_notice(core, call)


async def end(core: Core, seat: Seat) -> None:
    """End the call as silent.

    Raises:
        Failure: ``no-live-call``; ``listen-in-running``: it is too early to give up.
    """
    call = answering.live_call(core, seat)
    if call.ghost is None or left_s(core, call.ghost) > 0:
        raise Failure("listen-in-running")
    await core.done(call.call_id, lambda: ending.end(core, call, "seat", ending.GHOST))


def left_s(core: Core, ghost: Ghost) -> float:
    """Seconds of listening in that are left."""
    left = ghost.listen_until_s - core.monotonic_s()
    return max(0.0, min(left, core.settings.listen_in_s))
