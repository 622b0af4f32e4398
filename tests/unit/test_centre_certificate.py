"""What a centre says of its own certificate, before browsers and carriers do."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tahuri.centre import Centre
from tahuri.host.certificate import ENDS_SOON, LEAF_LIFE, own_certificate
from tahuri.host.folder import DataFolder
from tahuri.kernel import clock
from tahuri.settings import CalledNumber, Settings, SipSeat, Trunk

DAY = timedelta(days=1)


def centre(folder: Path, **settings: Any) -> Centre:
    """A centre of a city with one agency."""
    pack = cast("Any", SimpleNamespace(agencies=[SimpleNamespace(agency_id="DAMKAR")]))
    return Centre(Settings(data=str(folder), **settings), DataFolder(folder), pack)


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Settings with a certificate for one name."""
    pem, key = own_certificate(tmp_path / "pki", ("konsol.example",))
    return {"certificate": str(pem), "certificate_key": str(key)}


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(0), None),
        (LEAF_LIFE - ENDS_SOON - 2 * DAY, None),
        (LEAF_LIFE - 5 * DAY, "certificate-ending"),
        (LEAF_LIFE + DAY, "certificate-expired"),
    ],
)
def test_a_certificate_is_found_to_end_while_it_can_still_be_renewed(
    tmp_path: Path, given: dict[str, str], age: timedelta, code: str | None
) -> None:
    """On that day every console would refuse the page, at midnight, all at once."""
    assert centre(tmp_path, **given).certificate_finding(clock.now() + age) == code


def test_a_file_that_was_spoilt_is_found(tmp_path: Path, given: dict[str, str]) -> None:
    """What is shown is in memory: nobody would notice before the next start."""
    Path(given["certificate"]).write_text("")
    assert centre(tmp_path, **given).certificate_finding(clock.now()) == "certificate-spoilt"


def test_a_centre_without_a_certificate_has_none_to_renew(tmp_path: Path) -> None:
    """Pages on loopback need none."""
    assert centre(tmp_path).certificate_finding(clock.now()) is None
    assert centre(tmp_path).certificate_faults(clock.now()) == []


def test_the_names_by_which_consoles_come_must_be_in_it(
    tmp_path: Path, given: dict[str, str]
) -> None:
    """The address of the pages counts where no name is set; for trunks alone no name does."""
    now = clock.now()
    named = centre(tmp_path, **given, host_names=("konsol.example",))
    assert named.certificate_faults(now) == []
    other = centre(tmp_path, **given, http_address="192.0.2.7")
    assert other.certificate_faults(now) == ["is not for 192.0.2.7"]
    anywhere = centre(tmp_path, **given, http_address="0.0.0.0", host_names=("lain.example",))
    assert anywhere.certificate_faults(now) == ["is not for lain.example"]
    assert centre(tmp_path, sip_tls_port=5061).certificate_faults(now) == []


def test_an_agency_that_the_city_does_not_have_is_named_with_its_setting(tmp_path: Path) -> None:
    """A call for it would wait for a seat that nobody ever takes."""
    found = centre(
        tmp_path,
        trunks=(Trunk(name="t", sources=("192.0.2.0/24",), agency_id="DAMKR"),),
        called_numbers=(CalledNumber(number="113", agency_id="DAMKAR"),),
        sip_seats=(SipSeat("T1", "t1", "p", "rina", agency_id="X"),),
    ).unknown_agencies()
    assert found == [
        "trunks[t].agency_id: no agency 'DAMKR' in this city",
        "sip_seats[T1].agency_id: no agency 'X' in this city",
    ]
