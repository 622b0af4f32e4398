"""The real switch and media under load, and what their facts say of each call."""

from pathlib import Path
from typing import Any

from msgspec import Struct, field
from tests.telephony.centre import seat_token
from tests.telephony.media_bench import Media

from bench.cores import cpu_s, memory_bytes
from bench.soak import Centre
from tahuri.kernel import clock
from tahuri.telephony.media.protocol import Figures


class Usage(Struct, frozen=True):
    """What the centre has used at one moment."""

    at_s: float
    media: Figures
    switch_cpu_s: float
    switch_bytes: int


class Told(Struct):
    """What the facts say of one call."""

    caller: str = ""
    answered: int = 0
    outcomes: list[str] = field(default_factory=list)
    recordings_s: list[float] = field(default_factory=list)


class Exchange(Centre):
    """The switch with its media; keeps what the facts say of each call."""

    def __init__(self, folder: Path, media: Media, **settings: object) -> None:
        super().__init__(folder, media, **settings)
        self.calls: dict[str, Told] = {}
        """By the facts' stream."""

    def take(self, fact: dict[str, Any]) -> None:
        """Counts one fact and keeps what is asked of its call."""
        super().take(fact)
        if not fact["stream"].startswith("call/"):
            return
        call = self.calls.setdefault(fact["stream"], Told())
        match fact["type"]:
            case "calls.call-arrived":
                call.caller = fact["personal"].get("caller", {}).get("number") or ""
            case "calls.call-answered":
                call.answered += 1
            case "calls.call-ended":
                call.outcomes.append(fact["body"]["outcome"])
            case "calls.call-refused":
                call.outcomes.append("refused")
            case "calls.recording-closed":
                call.recordings_s.append(fact["body"]["duration_s"])

    def token(self, seat_id: str, operator_id: str) -> str:
        """As whom somebody takes a browser seat."""
        return seat_token(self.folder / "data", seat_id, operator_id)

    async def usage(self) -> Usage:
        """Now."""
        figures = await self.media.client.stats()
        return Usage(clock.monotonic_s(), figures, cpu_s(self.pid), memory_bytes(self.pid))
