"""Settings of the queue: each field's bad values are refused and named, its limits accepted."""

from pathlib import Path

import pytest

from tahuri.settings import SettingsError, load

TRUNK = '[[trunks]]\nname = "telkom"\nsources = ["198.51.100.0/28"]\n'
OUT = TRUNK + 'host = "198.51.100.1"\nout = true\n'
SEAT = '[[sip_seats]]\nseat_id = "T1"\nusername = "t1"\npassword = "a"\naccount = "penerima"\n'
NUMBER = '[[called_numbers]]\nnumber = "113"\n'
OVERFLOW = "[[overflow]]\n"


def problems(text: str, folder: Path) -> list[str]:
    """What is wrong with a file of this text; nothing if it can be."""
    file = folder / "centre.toml"
    file.write_text(text)
    try:
        load(file, {}, data=str(folder / "data"))
    except SettingsError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('distribution = "random"', "distribution"),
        ("skill_wait_s = -1", "skill_wait_s"),
        ("skill_wait_s = 601", "skill_wait_s"),
        ("wrap_up_s = -0.1", "wrap_up_s"),
        ("wrap_up_s = 3601", "wrap_up_s"),
        ("surge_notice_s = 0", "surge_notice_s"),
        ("surge_notice_s = 61", "surge_notice_s"),
        ("precedence_open_incident = -1", "precedence_open_incident"),
        ("precedence_open_incident = 10", "precedence_open_incident"),
        ("precedence_call_back = -1", "precedence_call_back"),
        ("precedence_call_back = 10", "precedence_call_back"),
        ("comfort_every_s = 9", "comfort_every_s"),
        ("comfort_every_s = 601", "comfort_every_s"),
        (OVERFLOW + 'after_s = -1\nto = "supervisors"', "overflow[1].after_s"),
        (OVERFLOW + 'after_s = 3601\nto = "supervisors"', "overflow[1].after_s"),
        (OVERFLOW + 'after_s = 30\nto = "everybody"', "overflow[1].to"),
        (OVERFLOW + 'to = "supervisors"', "overflow[1].after_s"),
        (OVERFLOW + 'after_s = 30\nto = "number"', "overflow[1].address"),
        (OVERFLOW + 'after_s = 30\nto = "number"\naddress = ""', "overflow[1].address"),
        (
            OUT + OVERFLOW + 'after_s = 30\nto = "agency-desks"\naddress = "110"',
            "overflow[1].address",
        ),
        (TRUNK + OVERFLOW + 'after_s = 30\nto = "number"\naddress = "110"', "overflow[1].address"),
        (
            TRUNK + OVERFLOW + 'after_s = 30\nto = "number"\naddress = "polri"\n'
            '[directory]\npolri = "110"',
            "overflow[1].address",
        ),
        (
            OVERFLOW + 'after_s = 30\nto = "supervisors"\n' + OVERFLOW + 'after_s = 9999\nto = "'
            'agency-desks"',
            "overflow[2].after_s",
        ),
        (NUMBER, "called_numbers[113]"),
        (NUMBER + 'language = "English"', "called_numbers[113].language"),
        (NUMBER.replace("113", "sip:113") + 'language = "en"', "called_numbers[sip:113].number"),
        ((NUMBER + 'language = "en"\n') * 2, "called_numbers"),
        (NUMBER + 'language = "en"\ncolour = 1', "called_numbers[113].colour"),
        (TRUNK + 'language = "E"', "trunks[telkom].language"),
        (SEAT + 'languages = ["id", "EN"]', "sip_seats[T1].languages"),
        (SEAT + 'desk = "agency-desk"', "sip_seats[T1].agency_id"),
        (SEAT + 'desk = "boss"', "sip_seats[T1].desk"),
        (TRUNK + "reserved_calls = -1", "trunks[telkom].reserved_calls"),
        (TRUNK + "reserved_calls = 200", "trunks.reserved_calls"),
        (TRUNK + 'reserved_calls = "many"', "trunks[telkom].reserved_calls"),
        (TRUNK + "reserved_seats = -1", "trunks[telkom].reserved_seats"),
        (TRUNK + "reserved_seats = 101", "trunks[telkom].reserved_seats"),
        (TRUNK + "reserved_seats = 1.5", "trunks[telkom].reserved_seats"),
        ("reserved_seat_wait_s = 0", "reserved_seat_wait_s"),
        ("reserved_seat_wait_s = 61", "reserved_seat_wait_s"),
        (
            "calls_max = 10\n" + TRUNK + "reserved_calls = 5\n"
            '[[trunks]]\nname = "xl"\nsources = ["203.0.113.0/28"]\nreserved_calls = 5',
            "trunks.reserved_calls",
        ),
    ],
)
def test_what_the_queue_cannot_be_told_is_refused_and_named(
    tmp_path: Path, text: str, setting: str
) -> None:
    """A rule that was mistyped would be missed on the night on which it is needed."""
    assert [line.split(": ")[0] for line in problems(text, tmp_path)] == [setting]


@pytest.mark.parametrize(
    "text",
    [
        "skill_wait_s = 0\nwrap_up_s = 0\ncomfort_every_s = 0\nsurge_notice_s = 1",
        "skill_wait_s = 600\nwrap_up_s = 3600\ncomfort_every_s = 600\nsurge_notice_s = 60",
        "precedence_open_incident = 0\nprecedence_call_back = 9\ncomfort_every_s = 10",
        OVERFLOW + 'after_s = 0\nto = "supervisors"',
        OVERFLOW + 'after_s = 3600\nto = "agency-desks"',
        OUT + OVERFLOW + 'after_s = 30\nto = "number"\naddress = "110"',
        OVERFLOW + 'after_s = 30\nto = "number"\naddress = "sip:112@192.0.2.1"',
        OUT + OVERFLOW + 'after_s = 30\nto = "number"\naddress = "polri"\n[directory]\npolri="110"',
        NUMBER + 'agency_id = "DAMKAR"',
        SEAT + 'languages = ["id", "en", "ms-ambon"]\nagency_id = "DAMKAR"\ndesk = "agency-desk"',
        "calls_max = 10\n" + TRUNK + "reserved_calls = 9",
        "reserved_seat_wait_s = 1\n" + TRUNK + "reserved_seats = 100",
    ],
)
def test_the_limits_themselves_are_accepted(tmp_path: Path, text: str) -> None:
    """A check that is one too strict keeps a centre from starting."""
    assert problems(text, tmp_path) == []
