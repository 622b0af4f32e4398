"""Seats that move calls about at random, over kills of the switch: no call is lost, each has one
outcome, each transfer and supervision has one end, and nothing is left behind."""

import contextlib
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import Phone, PhoneCall

OFFER = sdp.offer(ADDRESS, 40000, 1)
SEATS = ("M1", "M2", "V1")
STEPS = 110
KILL_EVERY = 27


class Room:
    """Three seats, callers, and a station that answers, refuses or lets it ring."""

    def __init__(self, centre: Bench, chance: Random) -> None:
        self.centre, self.chance = centre, chance
        self.seats: dict[str, Browser] = {}
        self.calls: list[PhoneCall] = []
        self.rings: list[PhoneCall] = []
        self.station = Phone(None, self.rings.append)

    async def sit(self) -> None:
        for seat_id in SEATS:
            roles = ("call_taker", "supervisor") if seat_id == "V1" else ("call_taker",)
            seat = self.seats[seat_id] = Browser(self.centre, seat_id, f"op-{seat_id}", *roles)
            await seat.sit(ready=False)

    async def killed(self) -> None:
        await self.centre.restart()
        await self.sit()

    async def step(self) -> None:
        """Somebody does something; what is refused changes nothing."""
        chance, known = self.chance, list(self.centre.switch.core.calls)
        if len(known) < 5 and chance.random() < 0.25:
            self.calls.append(await self.centre.call())
            return
        if self.rings and chance.random() < 0.3:
            self._station(self.rings.pop(0))
            return
        if self.calls and chance.random() < 0.08:
            self.calls.pop(chance.randrange(len(self.calls))).hang_up()
            return
        seat_id = chance.choice(SEATS)
        call_id = chance.choice(known) if known else "none"
        port = self.station.agent.identity.udp_port
        address = f"sip:damkar{chance.randrange(3)}@{ADDRESS}:{port}"
        asked = chance.choice(
            [
                ("ready", {}),
                ("answer", {"call_id": call_id}),
                ("pick_up", {"call_id": call_id}),
                ("pick_up", {"call_id": call_id}),
                ("take_back", {"call_id": call_id}),
                ("park", {}),
                ("transfer", {"address": address}),
                ("transfer", {"to_seat_id": chance.choice(SEATS)}),
                ("add_party", {"address": address}),
                ("complete_transfer", {}),
                ("supervise", {"call_id": call_id, "mode": chance.choice(["listen", "barge"])}),
                ("end_supervision", {}),
                ("take_over", {"call_id": call_id}),
                ("hold", {}),
            ]
        )
        with contextlib.suppress(rpc.Failure):
            await self.seats[seat_id].ask(asked[0], **asked[1])

    def _station(self, ring: PhoneCall) -> None:
        match self.chance.randrange(3):
            case 0:
                ring.accept(OFFER)
            case 1:
                ring.reject(486)
            case _:
                ring.accept(OFFER)
                ring.hang_up()


def ends(centre: Bench, started: str, *ended: str) -> tuple[int, int]:
    told = Counter(f.type.partition(".")[2] for f in {f.id: f for f in centre.facts()}.values())
    return told[started], sum(told[kind] for kind in ended)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_whatever_seats_do_with_calls_none_is_lost(tmp_path: Path, seed: int) -> None:
    """Given seats that park, send on, pick up, take over and supervise at random, and a switch that
    is killed now and then; then each caller who is still there can be answered at the end."""
    settings = {"offer_s": 1, "park_s": 1, "transfer_s": 1, "seat_vanish_s": 20}
    async with bench(tmp_path, **settings) as centre:
        room = Room(centre, Random(seed))
        await room.station.start()
        await room.sit()
        for number in range(1, STEPS):
            await room.step()
            if number % KILL_EVERY == 0:
                await room.killed()
        for call in room.calls:
            if not call.ended.is_set():
                core = centre.switch.core
                legs = {one.leg.call_id: one for one in core.calls.values()}
                assert call.leg.call_id in legs, "a caller is on the line and the switch forgot"
            call.hang_up()
        await until(lambda: not centre.switch.core.calls, 10)
        outcomes = Counter(
            fact.stream
            for fact in {f.id: f for f in centre.facts()}.values()
            if fact.type in ("calls.call-ended", "calls.call-refused")
        )
        arrived = {f.stream for f in centre.facts() if f.type == "calls.call-arrived"}
        assert set(outcomes) == arrived
        assert set(outcomes.values()) == {1}
        started, ended = ends(centre, "transfer-started", "transfer-completed", "transfer-failed")
        warm = sum(
            f.body["kind"] == "warm" for f in centre.facts() if f.type == "calls.transfer-completed"
        )
        assert started == ended - warm
        began, over = ends(centre, "supervision-started", "supervision-ended")
        assert began == over
        states = {seat.state for seat in centre.switch.core.seats.values()}
        assert states <= {"ready", "not_ready"}
        await until(lambda: {kind for kind, _ in centre.media.ports.values()} == {"play", "webrtc"})
        assert centre.media.recordings == {}
        used = {port for cell in centre.media.cells for port in cell}
        assert not used
        for seat in room.seats.values():
            await seat.leave()
        await room.station.stop()
