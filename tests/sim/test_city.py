"""The synthetic city against a whole centre: callers are heard, helped and accounted for."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import Api, DemoCentre, wait_for

WAIT_S = 420.0


@pytest.fixture(scope="module")
def city() -> Iterator[DemoCentre]:
    """A centre with callers, crews and the robot, of a seed whose first two callers are genuine."""
    with tempfile.TemporaryDirectory(prefix="tahuri-sim-") as place:
        running = DemoCentre(Path(place) / "data", options=("--seed", "1", "--speed", "60"))
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.mark.timeout(700)
def test_a_caller_is_heard_and_an_incident_is_worked_to_its_end(city: DemoCentre) -> None:
    """Without a person in the room the screens live: call, incident, crews, closing, proof."""
    api = city.client("supervisor")

    def wrapped_up() -> list[dict[str, Any]]:
        return [one for one in api.rows("call").values() if one["wrapped_up_at"]]

    calls = wait_for(wrapped_up, WAIT_S, 2.0)
    assert all(one["robot"] and one["call_class"] for one in calls)
    assert any(one["incident_ids"] for one in calls)
    closed = wait_for(lambda: closed_incidents(api), WAIT_S, 3.0)
    for incident in closed:
        assert incident["disposition"]
        assert any(one["on_scene_at"] for one in incident["units"])
        assert all(one["released_at"] for one in incident["units"])
    status, said = city.verify()
    assert status == 0, said


def closed_incidents(api: Api) -> list[dict[str, Any]]:
    """Incidents that the robot has closed."""
    return [one for one in api.rows("incident").values() if one["state"] == "closed"]
