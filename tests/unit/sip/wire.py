"""Two user agents, a wire that loses what it is told to, and a clock that a test moves."""

from collections.abc import Callable
from itertools import count

from tahuri.telephony.sip import events
from tahuri.telephony.sip.agent import Agent
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request, Response, parse
from tahuri.telephony.sip.sdp import offer
from tahuri.telephony.sip.transaction import Flow, Send

OFFER = offer("192.0.2.1", 40000, 1)
ANSWER = offer("192.0.2.2", 40002, 1)


class Side:
    """One agent, with what it was told and what it sent."""

    def __init__(self, host: str, transport: str) -> None:
        numbers = count()
        self.host = host
        self.agent = Agent(Identity(host, 5060, 5060), lambda: f"{host}-{next(numbers)}")
        self.flow = Flow(transport, host, 5060)
        self.events: list[events.Event] = []
        self.sent: list[Request | Response] = []

    def last(self, kind: type[events.Event]) -> events.Event:
        """The newest event of a kind."""
        return next(event for event in reversed(self.events) if isinstance(event, kind))

    def told(self, kind: type[events.Event]) -> int:
        """How often something was told."""
        return sum(isinstance(event, kind) for event in self.events)


def label(message: Request | Response) -> str:
    """``INVITE`` or ``200 INVITE``."""
    if isinstance(message, Request):
        return message.method
    return f"{message.status} {message.cseq[1]}"


class Wire:
    """``caller`` at 192.0.2.1 and ``callee`` at 192.0.2.2."""

    def __init__(self, transport: str = "UDP") -> None:
        self.caller, self.callee = Side("192.0.2.1", transport), Side("192.0.2.2", transport)
        self.now = 1000.0
        self.lose: Callable[[str], bool] = lambda _: False
        """Whether a message with that label is lost."""
        self.trace: list[str] = []

    def perform(self, side: Side, outputs: list[Output]) -> None:
        """Deliver what an agent sends, and what that leads to."""
        for output in outputs:
            if not isinstance(output, Send):
                side.events.append(output)
                continue
            message = parse(output.data)
            side.sent.append(message)
            name = label(message)
            self.trace.append(name)
            other = self.callee if side is self.caller else self.caller
            if not self.lose(name) and output.flow.host == other.host:
                self.perform(other, other.agent.receive(message, side.flow, self.now))

    def pass_s(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass."""
        for _ in range(round(seconds / step_s)):
            self.now += step_s
            for side in (self.caller, self.callee):
                at = side.agent.wake_at()
                if at is not None and at <= self.now:
                    self.perform(side, side.agent.elapse(self.now))

    def invite(self, session: bytes = OFFER) -> None:
        """The caller calls."""
        leg, outputs = self.caller.agent.call(
            "<sip:caller@192.0.2.1>", "sip:112@192.0.2.2", self.callee.flow, session, self.now
        )
        self.caller_leg = leg
        self.perform(self.caller, outputs)

    @property
    def callee_leg(self) -> Leg:
        event = self.callee.last(events.Incoming)
        assert isinstance(event, events.Incoming)
        return event.leg

    def accept(self) -> None:
        """The callee answers."""
        agent = self.callee.agent
        self.perform(self.callee, agent.accept(self.callee_leg, ANSWER, self.now))

    def up(self) -> None:
        """A call that both have."""
        self.invite()
        self.accept()

    def hang_up(self, side: Side) -> None:
        leg = self.caller_leg if side is self.caller else self.callee_leg
        self.perform(side, side.agent.hang_up(leg, self.now))

    def raw(self, text: str) -> list[str]:
        """Labels of what the callee answers to a message written by hand."""
        before = len(self.callee.sent)
        message = parse(text.replace("\n", "\r\n").encode())
        self.perform(self.callee, self.callee.agent.receive(message, self.caller.flow, self.now))
        return [label(sent) for sent in self.callee.sent[before:]]
