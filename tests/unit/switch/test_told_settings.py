"""What `up` tells the switch is what the switch reads, the edge included."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from cryptography import x509

from tahuri.centre import Centre
from tahuri.host.folder import DataFolder
from tahuri.host.secretfile import write_secret
from tahuri.kernel.roles import Role
from tahuri.operators.queries import Account
from tahuri.settings import Settings, SipSeat, Trunk
from tahuri.telephony.switch import config
from tahuri.telephony.switch.edge.trunks import flow_of
from tahuri.told import answering, switch_config


def told(
    tmp_path: Path, answering: dict[str, tuple[str, str]] | None = None, **settings: Any
) -> config.Settings:
    """The switch's settings of a centre with these."""
    city = SimpleNamespace(number="112", country_code="62", area_code="21")
    pack = cast("Any", SimpleNamespace(city=city, folder=tmp_path))
    folder = DataFolder(tmp_path)
    folder.make()
    centre = Centre(Settings(data=str(tmp_path), **settings), folder, pack)
    file = tmp_path / "switch.json"
    file.write_bytes(msgspec.json.encode(switch_config(centre, answering or {})))
    return config.load(file)


def test_a_trunk_over_tls_reaches_the_switch_whole(tmp_path: Path) -> None:
    """A setting that is lost on the way would be a call in the clear, or none."""
    trunk = Trunk(
        name="ims",
        sources=("2001:db8::/32",),
        host="[2001:db8::5]",
        out=True,
        transport="tls",
        verify=False,
        authority="carrier.pem",
        nat=True,
        options_every_s=12,
    )
    found = told(tmp_path, trunks=(trunk,), session_expires_s=600)
    [line] = found.trunks
    assert flow_of(line) is not None
    assert (line.transport, line.verify, line.nat) == ("tls", False, True)
    assert line.authority == Path("carrier.pem").absolute()
    assert line.options_every_s == 12
    assert found.sip.session_expires_s == 600
    assert (found.sip.tls_port, found.sip.tls) == (None, None)


def test_the_certificate_for_sip_names_the_address_of_sip(tmp_path: Path) -> None:
    """On loopback pages need no certificate; SIP over TLS has one all the same."""
    found = told(tmp_path, sip_tls_port=5061, sip_address="192.0.2.7")
    assert found.sip.tls_port == 5061
    assert found.sip.tls is not None
    assert found.sip.tls.cert.is_file()
    assert found.websocket.tls is None
    again = told(tmp_path, sip_tls_port=5061, sip_address="192.0.2.7")
    assert again.sip.tls == found.sip.tls


def test_addresses_of_both_families_reach_the_switch_and_its_certificate(tmp_path: Path) -> None:
    """Who calls over TLS by IPv6 compares the address with the certificate."""
    both = {"sip_other_address": "2001:db8::7", "media_other_address": "2001:db8::8"}
    found = told(tmp_path, sip_tls_port=5061, sip_address="192.0.2.7", **both)
    assert (found.sip.other_address, found.other_public_address) == ("2001:db8::7", "2001:db8::8")
    assert found.test_sources == {"192.0.2.7": "edge-ipv4", "2001:db8::7": "edge-ipv6"}
    assert found.test_lines == ["edge-ipv4", "edge-ipv6"]
    assert found.sip.tls is not None
    read = x509.load_pem_x509_certificate(found.sip.tls.cert.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(one) for one in names.get_values_for_type(x509.IPAddress)}
    assert {"192.0.2.7", "2001:db8::7", "2001:db8::8"} <= addresses


def test_numbers_are_dialled_as_in_the_city_unless_settings_say_otherwise(tmp_path: Path) -> None:
    """Given a city with area code 21; then the switch knows it, and one that has none of it."""
    assert (told(tmp_path).country_code, told(tmp_path).area_code) == ("62", "21")
    assert told(tmp_path, area_code="").area_code == ""
    assert told(tmp_path, country_code="673").country_code == "673"


def test_what_is_kept_for_a_trunk_group_reaches_the_switch(tmp_path: Path) -> None:
    """A reserve that is lost on the way would be missed in the flood it was made for."""
    trunk = Trunk("telkom", ("192.0.2.0/28",), group="fixed", reserved_calls=4, reserved_seats=2)
    found = told(tmp_path, trunks=(trunk,), reserved_seat_wait_s=7.5)
    [line] = [one for one in found.trunks if one.name == "telkom"]
    assert (line.group, line.reserved_calls, line.reserved_seats) == ("fixed", 4, 2)
    assert found.reserved_seat_wait_s == 7.5


def test_the_room_for_facts_reaches_the_switch(tmp_path: Path) -> None:
    """A reserve that is asked for and not made would be missed on the worst day."""
    found = told(tmp_path, spool_reserve_mb=9, spool_max_mb=77)
    assert (found.spool_reserve_mb, found.spool_max_mb) == (9, 77)


def test_settings_that_stand_there_already_are_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a full disk and settings as they were; then the centre's next start does not fail on
    them; changed ones must be written, or the start says why it cannot."""
    file = tmp_path / "switch.json"
    write_secret(file, {"a": 1})

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", refuse)
    write_secret(file, {"a": 1})
    with pytest.raises(OSError, match="full"):
        write_secret(file, {"a": 2})
    assert msgspec.json.decode(file.read_bytes()) == {"a": 1}


def account(username: str, *roles: Role, active: bool = True) -> Account:
    """An account as the log has it."""
    return Account(f"O-{username}", username, "Nama", "", roles, None, None, active)


def test_a_seat_whose_account_will_not_do_is_left_out_and_said_and_the_others_are_told(
    tmp_path: Path,
) -> None:
    """Given an account that was closed in the browser, one that nobody made and one that takes no
    calls; when the centre starts again after a power cut; then the seats of the others ring."""
    names = ("tetap", "pergi", "tiada", "regu", "awas")
    seats = [SipSeat(f"T{n}", name, "a b c", name) for n, name in enumerate(names)]
    seats.append(SipSeat("S1", "meja", "a b c", "tetap", desk="supervisor"))
    accounts = [
        account("tetap", Role.CALL_TAKER),
        account("pergi", Role.CALL_TAKER, active=False),
        account("regu", Role.CREW),
        account("awas", Role.SUPERVISOR, Role.CALL_TAKER),
    ]
    said: list[str] = []
    found = answering(seats, accounts, said.append)
    assert found == {"T0": ("O-tetap", "Nama"), "T4": ("O-awas", "Nama")}
    assert said == [
        "SIP seat T1 is left out: account 'pergi' is closed",
        "SIP seat T2 is left out: no account 'tiada': ./tahuri account add makes it",
        "SIP seat T3 is left out: account 'regu' is no call taker",
        "SIP seat S1 is left out: account 'tetap' is no supervisor",
    ]
    switch = told(tmp_path, found, sip_seats=tuple(seats))
    assert [one.seat_id for one in switch.seats] == ["T0", "T4"]
