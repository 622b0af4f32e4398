"""RFC 4475: messages made to break parsers.  Survival is the rule, the preferred reply the goal."""

from itertools import count
from pathlib import Path

import pytest

from tahuri.telephony.sip import events
from tahuri.telephony.sip.agent import Agent
from tahuri.telephony.sip.dialogs import Identity
from tahuri.telephony.sip.message import Malformed, parse
from tahuri.telephony.sip.transaction import Flow, Send

FOLDER = Path(__file__).parents[2] / "telephony" / "torture"
FLOW = Flow("UDP", "192.0.2.9", 5060)

INVITED = "invited"
REGISTER = "register"
SILENCE = "silence"
# wsinv carries a To tag: it is inside a dialog, and that dialog is not ours
PREFERRED: dict[str, str | int] = {
    "badaspec": 200,
    "badbranch": 200,
    "baddate": INVITED,
    "baddn": 200,
    "badinv01": 400,
    "badvers": 505,
    "bcast": SILENCE,
    "bext01": 420,
    "bigcode": SILENCE,
    "clerr": 400,
    "cparam01": REGISTER,
    "cparam02": REGISTER,
    "dblreq": REGISTER,
    "esc01": INVITED,
    "esc02": 501,
    "escnull": REGISTER,
    "escruri": 400,
    "insuf": 400,
    "intmeth": 501,
    "inv2543": INVITED,
    "invut": 415,
    "longreq": INVITED,
    "ltgtruri": 400,
    "lwsdisp": 200,
    "lwsruri": 400,
    "lwsstart": 400,
    "mcl01": 400,
    "mismatch01": 400,
    "mismatch02": 400,
    "mpart01": 405,
    "multi01": 400,
    "ncl": 400,
    "noreason": SILENCE,
    "novelsc": 416,
    "quotbal": 400,
    "regaut01": REGISTER,
    "regbadct": 400,
    "regescrt": REGISTER,
    "scalar02": 400,
    "scalarlg": SILENCE,
    "sdp01": 406,
    "semiuri": 200,
    "transports": 200,
    "trws": 400,
    "unkscm": 416,
    "unksm2": REGISTER,
    "unreason": SILENCE,
    "wsinv": 481,
    "zeromf": 200,
}


def reply(data: bytes) -> str | int:
    """What an agent makes of a message: a final status, or what it passes on to its owner."""
    numbers = count()
    agent = Agent(Identity("192.0.2.1", 5060, 5060), lambda: f"t{next(numbers)}")
    try:
        outputs = agent.receive(parse(data), FLOW, 0.0)
    except Malformed as error:
        outputs = agent.malformed(error, FLOW)
    for output in outputs:
        if isinstance(output, events.Incoming):
            return INVITED
        if isinstance(output, events.Registering):
            return REGISTER
    for output in outputs:
        if isinstance(output, Send):
            assert output.data.startswith(b"SIP/2.0 ")
            return int(output.data[8:11])
    return SILENCE


@pytest.mark.parametrize("name", sorted(PREFERRED))
def test_a_torture_message_gets_its_preferred_reply(name: str) -> None:
    """One odd phone must never take the emergency number down."""
    assert reply((FOLDER / f"{name}.dat").read_bytes()) == PREFERRED[name]


def test_every_torture_message_is_played() -> None:
    """A message nobody plays proves nothing."""
    assert {path.stem for path in FOLDER.glob("*.dat")} == set(PREFERRED)
