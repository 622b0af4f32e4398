"""The robot seat: a SIP phone that takes what nobody takes, and works the case over the API."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from tahuri.kernel import clock
from tahuri.simulate.callers import Callers
from tahuri.simulate.desk import Desk, Refused, number_of
from tahuri.simulate.line import Line
from tahuri.simulate.stories import Event, Story
from tahuri.simulate.voice import Voice
from tahuri.telephony.sip.phone import PhoneCall

GREETING = "Ini robot peraga. Layanan darurat satu satu dua, darurat apa yang dilaporkan?"
GOODBYE = "Terima kasih, laporan dicatat. Bantuan sedang diatur."
VARIANT = "f3"
REGISTER_EVERY_S = 30.0
EXPIRES_S = 60
CALL_S_MAX = 90.0
LISTEN_S = 25.0
UNITS_MAX = 3
CLOSE_EVERY_S = 5.0
SILENT_AFTER = timedelta(seconds=45)
"""After the acknowledgement was due: a sleepy crew answers within 30 s, an absent one never."""
UNFIT = frozenset({"no-crew", "assigned-here", "assigned-elsewhere", "out-of-service"})
CLASS_OF = {"prank": "prank", "information": "informasi"}

log = structlog.get_logger()


class Robot:
    """One seat and the operator who sits there.

    Args:
        account: (SIP user name, SIP password).
        callers: whose stories the robot may look up, so that its reports are right.
    """

    def __init__(
        self, sip: str, account: tuple[str, str], desk: Desk, callers: Callers, voice: Voice
    ) -> None:
        self._sip = sip
        self._desk = desk
        self._callers = callers
        self._voice = voice
        self._line = Line(account)
        self._incidents: dict[str, str] = {}
        """Event → the incident that was opened for it."""
        self._endings: dict[str, str] = {}
        """Incident → how it will have ended."""

    async def run(self) -> None:
        """Answers for ever."""
        await self._line.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stay_registered())
                group.create_task(self._close_what_is_done())
                while True:
                    call = await self._line.calls.get()
                    await self._serve(call)
        finally:
            await self._line.register(self._sip, 0)
            await self._line.stop()

    async def _stay_registered(self) -> None:
        while True:
            status = await self._line.register(self._sip, EXPIRES_S)
            if status != 200:
                log.warning("robot cannot register", status=status)
            await asyncio.sleep(REGISTER_EVERY_S if status == 200 else 2.0)

    async def _serve(self, call: PhoneCall) -> None:
        row = await self._desk.until(self._own_call, 10.0)
        try:
            async with asyncio.timeout(CALL_S_MAX):
                await self._talk(call)
        except TimeoutError:
            pass
        call.hang_up()
        if row is None:
            return
        try:
            await self._work(row)
        except Refused as refused:
            log.info("robot was refused", code=refused.code)

    def _own_call(self) -> dict[str, Any] | None:
        for row in self._desk.of("call"):
            own = row["robot"] and row["operator_id"] == self._desk.operator_id
            if own and row["state"] == "answered":
                return row
        return None

    async def _talk(self, call: PhoneCall) -> None:
        self._line.say(await self._voice.say(GREETING, VARIANT))
        await self._line.said()
        ended = asyncio.create_task(call.wait_ended(CALL_S_MAX))
        listening = asyncio.create_task(self._line.quiet(6.0, LISTEN_S * 2))
        await asyncio.sleep(1.0)
        await asyncio.wait([ended, listening], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            self._line.say(await self._voice.say(GOODBYE, VARIANT))
            await self._line.said()
        for task in (ended, listening):
            task.cancel()
        await asyncio.gather(ended, listening, return_exceptions=True)

    async def _work(self, row: dict[str, Any]) -> None:
        call_id = row["call_id"]
        number = number_of(row)
        story = self._callers.stories.get(number) if number else self._callers.without_number
        genuine = story is not None and story.event is not None
        call_class = "normal" if genuine else "test"
        if story is not None and not genuine:
            call_class = CLASS_OF.get(story.kind, "ghost")
        if story is not None and story.event is not None:
            await self._report(call_id, story, story.event)
        await self._desk.command(f"/api/calls/{call_id}/classify", {"call_class": call_class})
        await self._desk.until(lambda: self._over(call_id), 15.0)
        await self._desk.command(f"/api/calls/{call_id}/wrap-up")

    def _over(self, call_id: str) -> dict[str, Any] | None:
        row = self._desk.rows.get(("call", call_id))
        return row if row is not None and row["state"] == "ended" else None

    async def _report(self, call_id: str, story: Story, event: Event) -> None:
        known = self._incidents.get(event.event_id)
        incident = self._desk.rows.get(("incident", known)) if known else None
        if known and incident is not None and incident["state"] == "open":
            await self._desk.command(f"/api/calls/{call_id}/link", {"incident_id": known})
            return
        spot = event.spot
        place = {"lat": spot.lat, "lon": spot.lon, "label": spot.name, "detail": ""}
        answer = await self._desk.command(
            "/api/incidents",
            {
                "call_id": call_id,
                "category": event.category,
                "priority": event.priority,
                "place": {**place, "ward_code": None, "source": "gazetteer"},
                "injured": event.injured,
                "hazards": list(event.hazards),
                "report": {
                    "summary": event.summary,
                    "caller_name": story.alias,
                    "access_notes": "",
                    "people": [],
                },
            },
        )
        incident_id = answer["incident_id"]
        self._incidents[event.event_id] = incident_id
        self._endings[incident_id] = event.disposition
        await self._send(incident_id)

    async def _send(self, incident_id: str) -> None:
        found = await self._desk.ask(f"/api/incidents/{incident_id}/recommendation")
        for unit in chosen_from(found["units"])[:UNITS_MAX]:
            reason = "recommended-unreachable" if unit["needs_reason"] else None
            body = {
                "unit_id": unit["unit_id"],
                "override_reason": reason,
                "override_note": None,
            }
            try:
                await self._desk.command(f"/api/incidents/{incident_id}/dispatch", body)
            except Refused as refused:
                log.info("robot's unit was refused", unit=unit["unit_id"], code=refused.code)

    async def _close_what_is_done(self) -> None:
        while True:
            await asyncio.sleep(CLOSE_EVERY_S)
            self._take_up_what_was_left()
            for incident_id in list(self._endings):
                try:
                    await self._go_on_with(incident_id)
                except Refused as refused:
                    log.info("robot was refused", incident=incident_id, code=refused.code)

    def _take_up_what_was_left(self) -> None:
        """Incidents of an earlier run: nobody else would close them."""
        for row in self._desk.of("incident"):
            if row["state"] == "open" and row["opened_by"] == self._desk.operator_id:
                self._endings.setdefault(row["incident_id"], "handled")

    async def _go_on_with(self, incident_id: str) -> None:
        row = self._desk.rows.get(("incident", incident_id))
        if row is None:
            return
        if row["state"] == "closed":
            del self._endings[incident_id]
            return
        silent = [unit["unit_id"] for unit in row["units"] if is_silent(unit, clock.now())]
        for unit_id in silent:
            body = {"unit_id": unit_id, "reason": "no-answer"}
            await self._desk.command(f"/api/incidents/{incident_id}/stand-down", body)
        if silent or not row["units"]:
            await self._send(incident_id)
        elif all(unit["released_at"] for unit in row["units"]):
            ending = {"disposition": self._endings[incident_id], "remarks": "Selesai (peraga)"}
            await self._desk.command(f"/api/incidents/{incident_id}/close", ending)


def chosen_from(units: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The recommended units; for one without a crew the soonest free one of its kind."""
    free = [unit for unit in units if not UNFIT & set(unit["reasons"])]
    chosen = [unit for unit in free if unit["recommended"]]
    for unit in units:
        if unit["recommended"] and unit not in chosen:
            others = [one for one in free if one["kind"] == unit["kind"] and one not in chosen]
            chosen += others[:1]
    return chosen


def is_silent(unit: dict[str, Any], now: datetime) -> bool:
    """Whether a unit's crew is long overdue, and somebody else must go."""
    due = datetime.fromisoformat(unit["ack_due_at"])
    waiting = unit["released_at"] is None and unit["acknowledged_at"] is None
    return waiting and now > due + SILENT_AFTER
