"""What processes say: one JSON object a line, and a full disk does not stop who speaks."""

import json
import subprocess
import sys

SPEAKS = """
import logging, structlog
from tahuri.host.logs import configure_logs
configure_logs()
structlog.get_logger().info("taken", calls=2)
logging.getLogger("tahuri.x").warning("media refused", extra={"code": "full"})
logging.getLogger("a.library").info("chatter")
print("went on")
"""


def test_every_line_is_json_with_its_fields_whoever_speaks() -> None:
    """Telephony logs by the standard library: what it adds must not get lost."""
    done = subprocess.run([sys.executable, "-c", SPEAKS], capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    said = [(line["event"], line["level"]) for line in lines]
    assert said == [("taken", "info"), ("media refused", "warning")]
    assert lines[0]["calls"] == 2
    assert lines[1]["code"] == "full"


def test_a_full_disk_under_the_log_stops_nobody() -> None:
    """A task that dies because it wanted to complain would take calls with it."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", SPEAKS]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True)
    assert done.stdout == "went on\n"
