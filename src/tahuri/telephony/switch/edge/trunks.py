"""Whether each trunk is there: OPTIONS asked of it, and what is heard of it.

Any final answer shows that somebody is there, also a refusal (a carrier that answers 403 or 405 to
OPTIONS carries calls all the same); 503 alone says that it cannot.
"""

from msgspec import Struct

from tahuri.kernel import mint
from tahuri.telephony.protocol.facts.centre import TrunkDown, TrunkRemoved, TrunkUp
from tahuri.telephony.protocol.words import TrunkStateName
from tahuri.telephony.sip import events
from tahuri.telephony.sip.grammar import host_port, in_uri
from tahuri.telephony.sip.leg import ACCEPT
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import Flow, default_port
from tahuri.telephony.switch import config
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.edge import identity
from tahuri.telephony.switch.model import TrunkState

ANSWER_WITHIN_S = 5.0
"""Later is not at all."""
MISSES_MAX = 2
"""So many questions in a row without an answer, and the trunk is down."""
DOWN_EVERY_S = 5.0
"""A trunk that missed a question is asked so often, if not more often anyway."""
OUT_OF_SERVICE = 503


class Question(Struct):
    """What is asked of one trunk."""

    due_s: float
    """When to ask next, on the clock that never steps."""
    client: str = ""
    """The transaction that waits for its answer; empty: none."""
    asked_s: float = 0.0
    misses: int = 0


def flow_of(trunk: config.Trunk) -> Flow | None:
    """Where calls to the trunk go; None when it takes none."""
    if trunk.host is None:
        return None
    host, port = host_port(trunk.host, default_port(trunk.transport.upper()))
    return Flow(trunk.transport.upper(), host, port)


def outward(core: Core, trunk: config.Trunk) -> tuple[bool, bool]:
    """Sorts trunks for a call of ours: those that answer go before those that are down, which are
    tried when there are no others; then the one that is set for it."""
    known = core.trunks.get(trunk.name)
    return (known is not None and known.state == "down", not trunk.default_out)


def uri_at(flow: Flow, number: str) -> str:
    """The Request-URI of a number that is called there."""
    over = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
    return f"sip:{number.replace('#', '%23')}@{in_uri(flow.host)}:{flow.port}{over}"


class TrunkWatch:
    """Keeps ``core.trunks``; each change of state is a fact."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._questions: dict[str, Question] = {}
        before, core.trunks = core.trunks, {}
        for trunk in core.settings.trunks:
            known = before.pop(trunk.name, None)
            core.trunks[trunk.name] = known or TrunkState(name=trunk.name, since=core.now())
            if trunk.host is not None and trunk.options_every_s > 0:
                self._questions[trunk.name] = Question(due_s=core.monotonic_s())
        for gone in before.values():
            if gone.state != "unknown":
                core.of_trunk(gone, TrunkRemoved())

    def tick(self) -> None:
        """Ask whom it is time to ask; call it often.  Instant."""
        now_s = self._core.monotonic_s()
        for trunk in self._core.settings.trunks:
            question = self._questions.get(trunk.name)
            if question is None:
                continue
            if question.client and now_s >= question.asked_s + ANSWER_WITHIN_S:
                self._missed(trunk, question, None)
            if not question.client and now_s >= question.due_s:
                self._ask(trunk, question)

    def replied(self, event: events.Replied) -> bool:
        """The answer to a request outside any dialog; whether it was one of ours here."""
        found = (
            (trunk, question)
            for trunk in self._core.settings.trunks
            if (question := self._questions.get(trunk.name)) and question.client == event.client
        )
        for trunk, question in found:
            status = event.response.status if event.response else None
            if status is None or status == OUT_OF_SERVICE:
                self._missed(trunk, question, status)
            else:
                self._answered(trunk, question)
            return True
        return False

    def seen(self, flow: Flow) -> None:
        """Something that only a living trunk sends came from there."""
        trunk = identity.trunk_of(self._core.settings.trunks, flow.host)
        if trunk is not None and trunk.name not in self._questions:
            self._set(trunk, "up")

    def _ask(self, trunk: config.Trunk, question: Question) -> None:
        core, flow = self._core, flow_of(trunk)
        assert flow is not None
        over = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        request = Request(method="OPTIONS", uri=f"sip:{in_uri(flow.host)}:{flow.port}{over}")
        agent = core.endpoint.agent
        request.headers = [
            ("max-forwards", "70"),
            ("from", f"{core.local(core.settings.city_number)};tag={mint.new_id()}"),
            ("to", f"<{request.uri}>"),
            ("call-id", mint.new_id()),
            ("cseq", "1 OPTIONS"),
            ("contact", agent.identity.contact(flow.transport, flow.host)),
            ("accept", ACCEPT),
        ]
        question.client, outputs = agent.ask(request, flow, core.sip_now)
        question.asked_s = core.monotonic_s()
        core.perform(outputs)

    def _answered(self, trunk: config.Trunk, question: Question) -> None:
        now_s = self._core.monotonic_s()
        taken_ms = (now_s - question.asked_s) * 1000
        self._core.trunks[trunk.name].rtt_ms = round(taken_ms, 1)
        question.client, question.misses = "", 0
        question.due_s = question.asked_s + trunk.options_every_s
        self._set(trunk, "up")

    def _missed(self, trunk: config.Trunk, question: Question, status: int | None) -> None:
        question.client = ""
        question.misses += 1
        question.due_s = question.asked_s + min(DOWN_EVERY_S, trunk.options_every_s)
        if question.misses >= MISSES_MAX:
            flow = flow_of(trunk)
            fault = self._core.endpoint.fault(flow) if flow is not None and status is None else ""
            self._set(trunk, "down", status, fault)

    def _set(
        self,
        trunk: config.Trunk,
        state: TrunkStateName,
        status: int | None = None,
        fault: str = "",
    ) -> None:
        core, known = self._core, self._core.trunks[trunk.name]
        known.status, known.fault = status, fault  # while it is down the reason may change
        if known.state == state:
            return
        known.state, known.since = state, core.now()
        down = TrunkDown(status=status, fault=fault)
        core.of_trunk(known, TrunkUp() if state == "up" else down)
        core.changed()
