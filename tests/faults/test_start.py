"""Starting, stopping, asking how it is: what an engineer does, and what goes wrong."""

import asyncio
import os
import resource
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_kill import connected, database_back, health, healthy

from demo import Api, DemoCentre, wait_for

ROLES = ("call_taker", "dispatcher", "supervisor", "agency_desk", "crew", "administrator")
PARTS = {"postgres", "media", "switch", "serve", "work"}
ENOUGH_S = 60.0


def test_demo_json_has_the_shape_that_other_tools_rely_on(centre: DemoCentre) -> None:
    """Names that are fixed; every account can sign in and every pid is a process."""
    found = centre.description
    assert set(found) == {"http", "sip", "accounts", "sip_seat", "pids"}
    assert found["http"] == f"http://127.0.0.1:{centre.http_port}"
    assert found["sip"] == f"127.0.0.1:{centre.sip_port}"
    assert tuple(found["accounts"]) == ROLES
    assert set(found["sip_seat"]) == {"username", "password"}
    assert set(found["pids"]) == PARTS
    for pid in found["pids"].values():
        os.kill(pid, 0)
    for role in ROLES:
        assert role in centre.client(role).operator["roles"]
    assert (centre.data / "demo.json").stat().st_mode & 0o777 == 0o600


def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_start_goes_on(
    centre: DemoCentre,
) -> None:
    """The engineer starts again: same accounts, same log, nothing in the way."""
    assert centre.process is not None
    before = centre.description
    answer = centre.client("supervisor").done(
        "/api/units/DMK-01/out-of-service", {"reason": "refuelling"}
    )
    centre.process.kill()
    centre.process.wait()
    for pid in before["pids"].values():
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists(), ENOUGH_S)
    centre.start()
    after = centre.description
    assert {**after, "pids": {}} == {**before, "pids": {}}
    units = centre.client("supervisor").rows("unit")
    assert units["DMK-01"]["state"] == "out_of_service"
    status, said = centre.verify()
    assert status == 0, said
    assert int(said) >= answer["seq"]
    centre.client("supervisor").done("/api/units/DMK-01/in-service")


def test_postgresql_comes_back_also_after_the_log_was_verified_beside_it(
    centre: DemoCentre,
) -> None:
    """The daily proof must not lock the database out of its own folder at its next crash."""
    assert centre.verify()[0] == 0
    centre.kill("postgres")
    wait_for(lambda: database_back(centre), ENOUGH_S)


def gone(centre: DemoCentre, part: str) -> bool:
    """Whether ``/healthz`` knows that a part is down."""
    parts = health(centre).get("parts", {})
    return part in parts and not parts[part]["ok"]


@pytest.mark.parametrize(
    ("process", "part", "status"),
    [("postgres", "database", 200), ("switch", "switch", 503), ("media", "media", 503)],
)
def test_health_says_whether_calls_can_be_taken_and_which_part_is_down(
    centre: DemoCentre, process: str, part: str, status: int
) -> None:
    """Without the log calls are still answered, so no load balancer may take the centre out."""
    assert centre.process is not None
    centre.process.send_signal(signal.SIGSTOP)  # else it would start the part again at once
    try:
        os.kill(centre.pid(process), signal.SIGKILL)
        wait_for(lambda: gone(centre, part), ENOUGH_S)
        answer = httpx.get(f"{centre.http}/healthz", trust_env=False, timeout=ENOUGH_S)
        measures = httpx.get(f"{centre.http}/metrics", trust_env=False, timeout=ENOUGH_S)
    finally:
        centre.process.send_signal(signal.SIGCONT)
    assert answer.status_code == status
    assert answer.json()["taking_calls"] is (status == 200)
    assert f'tahuri_part_up{{part="{part}"}} 0.0' in measures.text
    wait_for(lambda: healthy(centre) and database_back(centre), ENOUGH_S)


def limited(pids: list[int], octets: int) -> None:
    """No file of these processes may grow beyond it: what a full disk is to them."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


async def test_a_full_disk_takes_the_recording_but_not_the_call_nor_its_facts(
    centre: DemoCentre,
) -> None:
    """The caller is heard; the missing recording is said; the facts arrive when there is room."""
    assert centre.process is not None
    parts = [centre.process.pid, centre.pid("media"), centre.pid("switch")]
    work = centre.pid("work")
    api = await asyncio.to_thread(centre.client, "supervisor")
    known = set(await asyncio.to_thread(api.rows, "call"))
    limited(parts, 0)
    try:
        caller, seat = await connected(centre)
        assert (await asyncio.to_thread(health, centre))["taking_calls"]
        await caller.stop()
        await seat.stop()
        os.kill(work, signal.SIGKILL)  # the supervisor starts it again with a full disk
    finally:
        limited(parts, resource.RLIM_INFINITY)
    await asyncio.to_thread(wait_for, lambda: centre.pid("work") != work, ENOUGH_S)
    limited([centre.pid("work")], resource.RLIM_INFINITY)

    rows = await asyncio.to_thread(wait_for, lambda: over(api, known), ENOUGH_S)
    assert [row["outcome"] for row in rows] == ["answered"]
    assert rows[0]["recording"]["state"] == "failed"
    status, said = await asyncio.to_thread(centre.verify)
    assert status == 0, said


def over(api: Api, known: set[str]) -> list[dict[str, Any]]:
    """Calls that are not among the known ones and have ended."""
    new = [row for key, row in api.rows("call").items() if key not in known]
    return [row for row in new if row["state"] == "ended"]


async def test_ctrl_c_in_a_call_stops_everything_and_the_next_start_ends_the_call(
    centre: DemoCentre,
) -> None:
    """Whoever restarts a centre for an update leaves no call without an outcome."""
    api = await asyncio.to_thread(centre.client, "supervisor")
    known = set(await asyncio.to_thread(api.rows, "call"))
    caller, seat = await connected(centre)
    await asyncio.to_thread(centre.stop)
    await asyncio.to_thread(centre.start)
    await caller.stop()
    await seat.stop()
    api = await asyncio.to_thread(centre.client, "supervisor")
    rows = await asyncio.to_thread(wait_for, lambda: over(api, known), ENOUGH_S)
    assert len(rows) == 1
