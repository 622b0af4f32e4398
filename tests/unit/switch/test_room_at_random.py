"""A room in which everything happens at random, over kills of switch and media: no call is lost.

After each step no caller is in two places and no seat has two, the journal says what the switch
believes, and media has the ports and cells that the switch asked for; at the end each call has one
outcome and one recording's end, each transfer and supervision one end, and nothing is left behind.
Longer:
``TAHURI_FUZZ=100 pytest --timeout 0 tests/unit/switch/test_room_at_random.py`` tries new seeds,
``TAHURI_SEEDS=7,9`` those.
"""

import asyncio
import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from mortal import Death
from switch_bench import ADDRESS, Bench, Browser, bench, until
from test_queue import sound
from websockets.exceptions import ConnectionClosed

from ports import TCP, free_ports
from tahuri.kernel import clock
from tahuri.telephony import rpc
from tahuri.telephony.protocol.facts import Fact
from tahuri.telephony.protocol.operations import number_digest
from tahuri.telephony.sip import sdp, sessions
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.endpoint import Endpoint
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.model import Call
from tahuri.telephony.switch.recovery import newmedia
from tahuri.telephony.token import Skills

OFFER = sdp.offer(ADDRESS, 40000, 1)
SHORT = sessions.Times(4, 1)
"""Whom a kill has left on a line finds out by these timers."""
BROWSERS = {
    "M1": (("call_taker",), Skills(languages=("id", "en"))),
    "M2": (("call_taker",), Skills()),
    "V1": (("call_taker", "supervisor"), Skills()),
    "D1": (("agency_desk",), Skills(agency_id="DAMKAR", desk="agency-desk")),
}
SEATS = (*BROWSERS, "P1")
FIXED = "127.0.0.2"
HOUSE = "127.0.0.3"
"""Where a hospital has its telephones: no trunk's address, so that they may send callers on."""
MEASURED = "+6281234567890"
STEPS = 120
KILL_EVERY, MEDIA_EVERY = 23, 37
SEEDS = [1, 2, 3, 4]
if wanted := int(os.environ.get("TAHURI_FUZZ", "0")):
    SEEDS = [secrets.randbelow(1 << 30) for _ in range(wanted)]
if given := os.environ.get("TAHURI_SEEDS"):
    SEEDS = [int(seed) for seed in given.split(",")]

Asked = tuple[str, dict[str, object]]


def settings(station: int, chance: Random, notices: Path) -> dict[str, object]:
    """Two trunk groups, one with a kept seat; overflow to desk, supervisor and a number."""
    sound(notices, "gempa", 1.0)
    out = {"host": f"{ADDRESS}:{station}", "default_out": True, "options_every_s": 0}
    timers = {"session_expires_s": SHORT.expires_s, "session_least_s": SHORT.least_s}
    return {
        "sip": {"address": ADDRESS, "udp_port": 0, "tcp_port": free_ports(TCP), **timers},
        "trunks": [
            {"name": "telco", "sources": [f"{ADDRESS}/32"], **out},
            {"name": "fixed", "sources": [f"{FIXED}/32"], "reserved_seats": 1},
        ],
        "seats": [
            {
                "seat_id": "P1",
                "username": "p1",
                "password": "secret",
                "operator_id": "op-P1",
                "operator_name": "Telephone",
            }
        ],
        "overflow": [
            {"after_s": 0.3, "to": "agency-desks"},
            {"after_s": 0.5, "to": "number", "address": f"sip:kota@{ADDRESS}:{station}"},
            {"after_s": 0.6, "to": "supervisors"},
        ],
        "offer_s": 0.5,
        "park_s": 1,
        "transfer_s": 1,
        "seat_vanish_s": 20,
        "wrap_up_s": 0.2,
        "call_back_ring_s": 1,
        "listen_in_s": 1,
        "slow_lane_s": 1,
        "reserved_seat_wait_s": 1,
        "comfort_every_s": 1,
        "supervision_notice": True,
        "notice_folders": [str(notices)],
        "distribution": chance.choice(["longest-idle", "ring-all"]),
    }


@contextlib.contextmanager
def refusals(op: str = "") -> Iterator[None]:
    """The switch may say no, but not that it does not understand: such a move would try nothing."""
    try:
        yield
    except rpc.Failure as failure:
        if failure.code == "bad-request" and op not in ("ghost", "ghost_ask"):  # begin, or resume
            raise


class Room:
    """Seats of every kind, callers of two trunks, and a station that does as it likes."""

    def __init__(self, folder: Path, seed: int, network: float) -> None:
        self.chance = Random(seed)
        self.network = network
        self.folder = folder
        self.seats: dict[str, Browser] = {}
        self.calls: list[PhoneCall] = []
        self.rings: list[PhoneCall] = []
        self.station = Phone(None, self.rings.append)
        self.operator = Phone(None, self.rings.append)
        self.ward = Phone(None, self.rings.append)
        self.fixed = Phone()
        self.desk_phone = Phone(Account("p1", "secret"), self.rings.append)
        self.history: list[str] = []
        self.centre: Bench

    async def open(self) -> None:
        for phone, host in (
            (self.station, ADDRESS),
            (self.fixed, FIXED),
            (self.desk_phone, ADDRESS),
            (self.operator, HOUSE),
            (self.ward, HOUSE),
        ):
            await phone.start(host)
            self._fit_out(phone)

    def _fit_out(self, phone: Phone) -> None:
        phone.agent.times = SHORT
        self._worsen(phone._endpoint)

    def _worsen(self, endpoint: Endpoint) -> None:
        """Of the datagrams that it sends some are lost, some come twice, some late; connections
        break, with what was on its way."""
        if self.network == 0:
            return
        lives, chance, loop = endpoint._transports.send, self.chance, asyncio.get_running_loop()

        def sends(data: bytes, flow: Flow, instead: Flow | None = None) -> None:
            luck = chance.random() / self.network
            if flow.reliable:
                lives(data, flow, instead)
                if luck < 0.5:
                    loop.call_later(chance.random() * 0.1, self._break, endpoint, flow)
                return
            if luck < 1:
                return
            if luck < 3:
                loop.call_later(chance.random() * 0.3, lives, data, flow, instead)
            if luck > 2:
                lives(data, flow, instead)

        endpoint._transports.send = sends  # type: ignore[method-assign]

    def _break(self, endpoint: Endpoint, flow: Flow) -> None:
        stream = endpoint._transports._streams.get(flow)
        if stream is not None and stream.transport is not None:
            self.history.append("a connection breaks")
            stream.transport.abort()

    async def close(self) -> None:
        for seat in self.seats.values():
            await seat.leave()
        for phone in (self.station, self.fixed, self.desk_phone, self.operator, self.ward):
            await phone.stop()

    # ---- people ----

    async def sit(self) -> None:
        self._worsen(self.centre.switch.core.endpoint)
        for seat_id, (roles, skills) in BROWSERS.items():
            seat = Browser(self.centre, seat_id, f"op-{seat_id}", *roles, skills=skills)
            self.seats[seat_id] = seat
            await seat.sit(ready=False)
        with contextlib.suppress(CallFailed):
            await self.desk_phone.register(self.centre.flow)

    async def killed(self) -> None:
        """Orderly, as by SIGTERM, or by SIGKILL between any two things that the switch does."""
        if self.chance.random() < 0.3:
            self.history.append("stop")
            await self.centre.restart()
        else:
            death = Death(self.centre.switch, after := self.chance.randrange(30))
            self.history.append(f"kill after {after}")
            for _ in range(5):
                await self._until_death(death)
            await death.bury()
            self.history.append("dead")
            await self.centre.resume()
        await self.sit()

    async def _until_death(self, death: Death) -> None:
        """A step, of which the switch may see a part."""
        step, came = asyncio.create_task(self.step()), asyncio.create_task(death.came.wait())
        if not death.came.is_set():
            await asyncio.wait({step, came}, return_when=asyncio.FIRST_COMPLETED)
        for task in (step, came):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed, OSError):
                await task

    async def media_killed(self) -> None:
        """Every port and recording is gone; the browsers connect their sound anew."""
        self.history.append("media")
        media = self.centre.media
        await self.centre.kill_media()
        for seat_id, seat in self.seats.items():
            await until(lambda seat=seat: seat.state["seat"]["media"] == "down")  # type: ignore[misc]
            await seat.ask("webrtc", sdp="offer")
            port = media.port(f"seat {seat_id}")
            media.server.push({"event": "webrtc", "port": port, "state": "connected"})

    async def rings_in(self) -> None:
        """Somebody calls: of either trunk, with and without a number, measured, urgent."""
        chance = self.chance
        number = chance.choice([MEASURED, "+620001", "+620002", "anonymous"])
        headers = [("resource-priority", "esnet.2")] if chance.random() < 0.2 else []
        phone, host = (self.fixed, FIXED) if chance.random() < 0.3 else (self.centre.phone, ADDRESS)
        flow, over = self.centre.flow, ""
        if phone is self.centre.phone and chance.random() < 0.4:
            identity = self.centre.switch.core.endpoint.agent.identity
            flow, over = Flow("TCP", ADDRESS, identity.tcp_port), " over TCP"
        call = phone.call(
            f"sip:112@{ADDRESS}",
            flow,
            sdp.offer(host, 40000, 1),
            f"<sip:{number}@{host}>",
            "application/sdp",
            tuple(headers),
        )
        call.on_reoffer = lambda session: sdp.answer(sdp.parse(session or OFFER), host, 40000, 2)
        self.calls.append(call)
        if chance.random() < 0.1:
            call.hang_up()  # a CANCEL that crosses the answer
            self.history.append(f"call{over}, cancelled at once")
        else:
            self.history.append(f"call {number}{over}")
            with contextlib.suppress(CallFailed):
                await call.wait_answered(5)

    def _answer_somewhere(self) -> None:
        """A telephone outside, or the one of seat P1."""
        ring, chance = self.rings.pop(self.chance.randrange(len(self.rings))), self.chance
        what = chance.randrange(5)
        self.history.append(f"far end {what}")
        if ring.session is not None:
            ring.on_reoffer = lambda session: sdp.answer(
                sdp.parse(session or OFFER), ADDRESS, 40000, 2
            )
        match what:
            case 0:
                ring.reject(chance.choice([486, 480, 603, 404]))
            case 1:
                ring.ring()
                self.rings.append(ring)
            case 2:
                ring.accept(_answer_to(ring))
                ring.hang_up()
            case _:
                ring.accept(_answer_to(ring))
                self.calls.append(ring)

    def _refer(self) -> None:
        """A caller, a telephone of a seat or one outside presses its transfer key."""
        call, chance = self.chance.choice(self.calls), self.chance
        ward = f"sip:ward@{HOUSE}:{self.ward.agent.identity.udp_port}"
        replaces = "?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2"
        target = chance.choice([ward, ward, ward + replaces, "sip:M1@127.0.0.1", "tel:110"])
        self.history.append(f"refer {target}")
        call.refer(target)

    # ---- steps ----

    async def step(self) -> None:
        """Somebody does something; what is refused changes nothing."""
        chance, known = self.chance, list(self.centre.switch.core.calls)
        if len(known) < 6 and chance.random() < 0.25:
            await self.rings_in()
            return
        if self.rings and chance.random() < 0.35:
            self._answer_somewhere()
            return
        if self.calls and chance.random() < 0.1:
            self.calls.pop(chance.randrange(len(self.calls))).hang_up()
            self.history.append("hang up")
            return
        if chance.random() < 0.1:
            self._key()
            return
        if self.calls and chance.random() < 0.1:
            self._refer()
            return
        call_id = chance.choice(known) if known else "none"
        if chance.random() < 0.15:
            op, arguments = self._by_program(call_id)
            self.history.append(f"{op} {arguments}")
            with refusals():
                await self.centre.switch.answer(op, arguments)
            return
        seat_id = chance.choice(SEATS)
        op, arguments = self._by_seat(call_id)
        self.history.append(f"{seat_id} {op} {arguments}")
        with refusals(op):
            if seat_id in self.seats and op != "call_back":  # `serve` asks for that
                await self.seats[seat_id].ask(op, **arguments)
                if chance.random() < 0.05:
                    await self.seats[seat_id].ask(op, **arguments)  # the page repeats itself
            else:
                who = {"seat_id": seat_id, "operator_id": f"op-{seat_id}"}
                await self.centre.switch.answer(op, {**who, **arguments})

    def _key(self) -> None:
        ports = [
            port for port, (_, name) in self.centre.media.ports.items() if name.startswith("caller")
        ]
        if ports:
            port, digit = self.chance.choice(ports), self.chance.choice("159")
            self.centre.media.server.push({"event": "dtmf", "port": port, "digit": digit})
            self.history.append(f"key {digit}")

    def _by_program(self, call_id: str) -> Asked:
        chance = self.chance
        measure = {
            "digest": number_digest("salt", MEASURED),
            "measure_id": "S1",
            "until": (clock.now() + timedelta(hours=1)).isoformat(),
        }
        options: list[Asked] = [
            ("offer_call_back", {"callback_id": f"B{chance.randrange(9)}", "number": "+620009"}),
            ("measures", {"salt": "salt", "measures": chance.choice([[measure], []])}),
            (
                "set_precedence",
                {"call_id": call_id, "precedence": chance.randrange(5), "reason": "operator"},
            ),
            ("ask_skill", {"call_id": call_id, "language": chance.choice(["en", "nl", None])}),
            ("ask_skill", {"call_id": call_id, "agency_id": chance.choice(["DAMKAR", None])}),
            ("drain", {"on": False}),
            (
                "switch_surge",
                {"notice": chance.choice(["gempa", None]), "operator_id": "op-V1"},
            ),
        ]
        return chance.choice(options)

    def _by_seat(self, call_id: str) -> Asked:
        chance, port = self.chance, self.station.agent.identity.udp_port
        address = f"sip:damkar{chance.randrange(3)}@{ADDRESS}:{port}"
        if chance.random() < 0.5:
            address = f"sip:rs@{HOUSE}:{self.operator.agent.identity.udp_port}"
        if chance.random() < 0.3:
            identity = self.station.agent.identity
            address = f"sip:damkar@{ADDRESS}:{identity.tcp_port};transport=tcp"
        options: list[Asked] = [
            ("ready", {}),
            ("ready", {}),
            ("not_ready", {"reason": "break"}),
            ("answer", {"call_id": call_id}),
            ("answer", {"call_id": call_id}),
            ("pick_up", {"call_id": call_id}),
            ("take_back", {"call_id": call_id}),
            ("park", {}),
            ("transfer", {"address": address}),
            ("transfer", {"to_seat_id": chance.choice(SEATS)}),
            ("add_party", {"address": address}),
            ("complete_transfer", {}),
            ("supervise", {"call_id": call_id, "mode": chance.choice(["listen", "barge"])}),
            ("supervise", {"call_id": call_id, "mode": "whisper"}),
            ("end_supervision", {}),
            ("take_over", {"call_id": call_id}),
            ("hold", {}),
            ("resume", {}),
            ("mute", {}),
            ("unmute", {}),
            ("hang_up", {}),
            ("extend_wrap_up", {"for_s": 1.0}),
            ("ghost", {}),
            ("ghost_ask", {"question": "police"}),
            ("ghost_end", {}),
            ("call_back", {"callback_id": f"B{chance.randrange(9)}", "number": "+620009"}),
        ]
        return chance.choice(options)

    # ---- what holds after each step ----

    def check(self) -> None:
        core = self.centre.switch.core
        talking = Counter(
            call.seat_id for call in core.calls.values() if call.seat_id and call.phase != "ended"
        )
        assert not [seat for seat, calls in talking.items() if calls > 1], "a seat with two callers"
        for call in core.calls.values():
            places = [call.parked is not None, bool(call.offered_to), call.phase == "live"]
            if call.phase == "live":
                assert not call.rings_at or call.transfer is not None or call.turns, call
            assert call.phase == "ended" or sum(places) <= 2, call
        ports = Counter(
            port for call in core.calls.values() for port in _ports(call) if call.phase != "ended"
        )
        assert not [port for port, uses in ports.items() if uses > 1], "a port in two places"
        twice = [stream for stream, count in self.outcomes().items() if count > 1]
        assert not twice, "two outcomes of one call"

    async def settled(self) -> None:
        """What a kill would find: the journal, and media, as the switch believes them to be."""
        core, media = self.centre.switch.core, self.centre.media

        def ours() -> set[int]:
            return newmedia.known_ports(core)

        def kept() -> dict[str, dict[str, object]]:
            return {call.call_id: _essence(call) for call in core.journal.load_calls()}

        def known() -> dict[str, dict[str, object]]:
            return {call.call_id: _essence(call) for call in core.calls.values()}

        def mixed() -> bool:
            cells = {cell: gain for one in core.cells.values() for cell, gain in one.items()}
            held = {cell for cell in cells if media.ports.keys() >= set(cell)}
            return held == set(media.cells)

        for told, holds in (
            ("the journal is behind", lambda: kept() == known()),
            ("media has other ports", lambda: media.ports.keys() == ours()),
            ("media mixes otherwise", mixed),
        ):
            with contextlib.suppress(TimeoutError):
                await until(holds, 3)
            other = {port: media.ports.get(port) for port in media.ports.keys() ^ ours()}
            assert holds(), (told, other, dict(core.cells), media.cells, kept(), known())

    def outcomes(self) -> Counter[str]:
        ends = ("calls.call-ended", "calls.call-refused")
        return Counter(fact.stream for fact in self.centre.facts() if fact.type in ends)


def _essence(call: Call) -> dict[str, object]:
    """What the next process must know of a call; the rest is counted or looked at anew."""
    parties = [(one.leg_id, one.state, one.leg.state, one.audio.port) for one in call.parties]
    phone = call.phone
    return {
        "phase": call.phase,
        "leg": call.leg.state,
        "port": call.audio.port,
        "seat": (call.seat_id, call.operator_id, call.answered_at),
        "phone": phone and (phone.seat_id, phone.leg.state, phone.audio.port),
        "rings": (call.rings_at, [one.seat_id for one in call.ringing], call.turns),
        "parties": parties,
        "held": (call.on_hold, call.muted),
        "parked": call.parked and call.parked.slot,
        "transfer": call.transfer and (call.transfer.kind, call.transfer.target),
        "supervisors": [(one.seat_id, one.mode) for one in call.supervisors],
        "recording": call.recording and call.recording.recording_id,
        "queue": (call.precedence, call.language, call.agency_id, call.open_to, call.lane),
        "outside": (call.relief, call.overflow_next, call.overflow_done, call.handed_over_by),
        "ghost": call.ghost and (call.ghost.question, call.ghost.answers),
        "outgoing": call.outgoing and (call.outgoing.ringing, call.outgoing.over),
    }


def _ports(call: object) -> list[int]:
    audio = [call.audio] + [party.audio for party in call.parties]  # type: ignore[attr-defined]
    audio += [call.phone.audio] if call.phone else []  # type: ignore[attr-defined]
    audio += [phone.audio for phone in call.ringing]  # type: ignore[attr-defined]
    return [one.port for one in audio if one.port >= 0]


def _answer_to(ring: PhoneCall) -> bytes:
    if ring.session is None:
        return OFFER
    return sdp.answer(sdp.parse(ring.session), ADDRESS, 40000, 1)


@pytest.mark.parametrize("network", [0.0, 0.05], ids=["good", "lossy"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_in_the_room_no_call_is_lost(
    tmp_path: Path, seed: int, network: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given seats that answer, park, send on, pick up, take over, supervise, ask silent callers and
    call back at random, desks and telephones among them, callers who press keys and hang up when
    they like, and a switch and a media process that are killed now and then; when of all datagrams
    one in twenty is lost, comes twice, or late; then each caller who is still there is known at the
    end, and each call has one outcome."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.5)
    room = Room(tmp_path, seed, network)
    await room.open()
    made = settings(room.station.agent.identity.udp_port, room.chance, tmp_path / "notices")
    async with bench(tmp_path, **made) as centre:
        room.centre = centre
        room._fit_out(centre.phone)
        try:
            await room.sit()
            for number in range(1, STEPS):
                await room.step()
                room.check()
                await room.settled()
                if number % KILL_EVERY == 0:
                    await room.killed()
                if number % MEDIA_EVERY == 0:
                    await room.media_killed()
            await _over(room)
        except BaseException as error:
            error.add_note(f"seed {seed}\n" + "\n".join(room.history[-60:]))
            raise
        finally:
            await room.close()


async def _over(room: Room) -> None:
    """Everybody hangs up: what has begun has ended, once, and nothing is left."""
    core = room.centre.switch.core

    def known(call: PhoneCall) -> bool:
        legs = {one.leg.call_id for one in core.calls.values()}
        legs |= {party.leg.call_id for one in core.calls.values() for party in one.parties}
        legs |= {one.phone.leg.call_id for one in core.calls.values() if one.phone}
        if not call.leg.outgoing and not call.leg.confirmed:
            return True  # answered to a killed switch: without an ACK it gives up by itself
        return call.leg.state != "up" or call.ended.is_set() or call.leg.call_id in legs

    for call in room.calls:
        with contextlib.suppress(TimeoutError):
            await until(lambda call=call: known(call), 3 if room.network == 0 else 35)  # type: ignore[misc]
        assert known(call), f"the switch forgot {call.leg}"
    for call in room.calls:
        call.hang_up()
    for ring in room.rings:
        with contextlib.suppress(Exception):
            ring.reject(480)
    await until(lambda: not core.calls, 15 if room.network == 0 else 70)
    facts = room.centre.facts()
    outcomes = room.outcomes()
    arrived = {f.stream for f in facts if f.type in ("calls.call-arrived", "calls.call-back-begun")}
    refused = {fact.stream for fact in facts if fact.type == "calls.call-refused"}
    odd = set(outcomes) ^ (arrived | refused)
    assert not odd, [(fact.stream, fact.type, fact.body) for fact in facts if fact.stream in odd]
    assert set(outcomes.values()) <= {1}

    def count(kind: str, where: Callable[[Fact], bool] = lambda _: True) -> int:
        return sum(fact.type == f"calls.{kind}" and where(fact) for fact in facts)

    completed = count("transfer-completed", lambda fact: fact.body["kind"] != "warm")
    assert count("transfer-started") == completed + count("transfer-failed")
    assert count("supervision-started") == count("supervision-ended")
    left = Counter(str(f.body["leg_id"]) for f in facts if f.type == "calls.party-left")
    added = [f for f in facts if f.type == "calls.party-added"]
    stuck = {f.stream for f in added if left[str(f.body["leg_id"])] != 1}
    assert not stuck, [(f.stream, f.type, f.body) for f in facts if f.stream in stuck]
    ends = ("calls.recording-closed", "calls.recording-failed")
    over = {str(f.body["recording_id"]) for f in facts if f.type in ends}
    begun = [f for f in facts if f.type == "calls.recording-started"]
    open_ = {f.stream for f in begun if str(f.body["recording_id"]) not in over}
    assert not open_, [(f.stream, f.type, f.body) for f in facts if f.stream in open_]
    states = {seat.state for seat in core.seats.values()}
    assert states <= {"ready", "not_ready", "free", "vanished"}
    media = room.centre.media
    await until(lambda: {kind for kind, _ in media.ports.values()} <= {"play", "webrtc"})
    assert media.recordings == {}
    assert not media.cells
