"""Settings: everything is checked at start, every problem is said at once and names its setting."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tahuri.host.certificate import own_certificate
from tahuri.settings import Settings, SettingsError, load

PAGE = 'message_file = "messages.jsonl"\ncaller_page_url = "{}"'
BOTH = 'sip_other_address = "{sip}"\nmedia_other_address = "{media}"'
TRUNK = '[[trunks]]\nname = "telkom"\nsources = ["198.51.100.0/28"]\n'
RADIO = '[[gateways]]\nname = "HT Damkar"\nusername = "ht"\npassword = "a"\n'
SEAT = '[[sip_seats]]\nseat_id = "T1"\nusername = "t1"\npassword = "a"\naccount = "penerima"\n'


def loaded(text: str, folder: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from a file with this text."""
    file = folder / "centre.toml"
    file.write_text(text)
    return load(file, environ or {}, data=str(folder / "data"))


def problems(text: str, folder: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(SettingsError) as caught:
        loaded(text, folder, environ)
    return caught.value.problems


def test_the_environment_overrides_the_file_and_the_command_line_overrides_both(
    tmp_path: Path,
) -> None:
    """One file serves a city's real and its training centre."""
    environ = {"TAHURI_SIP_PORT": "5071", "TAHURI_HOST_NAMES": "a.example, b.example", "HOME": "/"}
    settings = loaded("sip_port = 5070\nhttp_port = 8000\ndata = 'x'", tmp_path, environ)
    assert (settings.sip_port, settings.http_port) == (5071, 8000)
    assert settings.host_names == ("a.example", "b.example")
    assert settings.folder == tmp_path / "data"


def test_a_production_like_file_is_accepted(tmp_path: Path) -> None:
    """The example of the manual must start a centre."""
    text = f'{TRUNK}host = "198.51.100.1:5060"\nout = true\n{SEAT}\n[directory]\npolri = "110"\n'
    settings = loaded(text, tmp_path)
    assert settings.trunks[0].out
    assert settings.directory == {"polri": "110"}


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """The engineer of a city office must not find fault after fault by starting again and again."""
    text = (
        'sip_address = "nowhere"\nhttp_port = 70000\noffer_s = "soon"\ncolour = "red"\n'
        '[[trunks]]\nsources = ["198.51.100.0/28"]\n[[trunks]]\nname = "b"\nsources = []\n'
    )
    found = problems(text, tmp_path, {"TAHURI_CALLS_MAX": "many", "TAHURI_FROB": "1"})
    named = sorted(line.split(":")[0] for line in found)
    rows = ["trunks[1].name", "trunks[b].sources"]
    plain = ["sip_address", "http_port", "offer_s", "colour", "calls_max", "TAHURI_FROB"]
    assert named == sorted([*plain, *rows])


def test_a_file_that_is_no_toml_hides_no_other_problem(tmp_path: Path) -> None:
    """A missing bracket is said with its line, next to what the environment has wrong."""
    found = problems('data = "x\n', tmp_path, {"TAHURI_SIP_PORT": "x"})
    assert len(found) == 2
    assert "line 1" in found[0]
    assert found[1].startswith("sip_port")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('http_address = "0.0.0.0"', "host_names"),
        ('sip_address = "::"', "sip_address"),
        ("session_expires_s = 60", "session_expires_s"),
        ('media_address = "0.0.0.0"', "media_address"),
        (BOTH.format(sip="127.0.0.2", media="::1"), "sip_other_address"),
        (BOTH.format(sip="::1", media="::"), "media_other_address"),
        ('sip_other_address = "::1"', "media_other_address"),
        ('media_other_address = "::1"', "sip_other_address"),
        ('host_names = ["kantor wali kota"]', "host_names"),
        ("signalling_port = 8112", "signalling_port"),
        ("sip_port = 8112", "sip_port"),
        ("webrtc_port = 5060", "webrtc_port"),
        ("webrtc_port = 20001", "webrtc_port"),
        ("sip_port = 29999", "sip_port"),
        ("rtp_last_port = 20001", "rtp_last_port"),
        ("rtp_last_port = 65536", "rtp_last_port"),
        ("rtp_first_port = 0", "rtp_first_port"),
        ("robot_after_s = 0", "robot_after_s"),
        ("calls_max = 0", "calls_max"),
        ("recording_reread_days = 0", "recording_reread_days"),
        ("recording_reread_mb_s = 1000", "recording_reread_mb_s"),
        ("spool_reserve_mb = -1", "spool_reserve_mb"),
        ("spool_reserve_mb = 5000", "spool_reserve_mb"),
        ("spool_max_mb = 63", "spool_max_mb"),
        ("call_back_after_s = 0", "call_back_after_s"),
        ("call_back_due_s = 100000", "call_back_due_s"),
        ("call_back_attempts = -1", "call_back_attempts"),
        ('country_code = "999"', "country_code"),
        ('country_code = "+62"', "country_code"),
        ('area_code = "0911"', "area_code"),
        ('message_url = "ftp://sms.example"', "message_url"),
        (PAGE.format("112.example"), "caller_page_url"),
        (PAGE.format("http://112.example/caller"), "caller_page_url"),
        (PAGE.format("https://112.example/caller?id={{id}}"), "caller_page_url"),
        ('caller_page_url = "https://112.example/caller"', "message_url"),
        ("caller_page_hours = 0.5", "caller_page_hours"),
        ('message_file = "../messages"', "message_file"),
        (TRUNK + 'caller_id = "112 Ambon"', "trunks[telkom].caller_id"),
        ('city = "atlantis"', "city"),
        ('certificate = "a.pem"', "certificate_key"),
        ('database_url = "nonsense"', "database_url"),
        ('database_url = "postgresql://u@h:99999/x"', "database_url"),
        ('database_url = "postgresql://u@a:5432,b:abc/x"', "database_url"),
        ("[directory]\npolri = ''", "directory"),
        (TRUNK + TRUNK.replace("100.0", "101.0"), "trunks"),
        (TRUNK + TRUNK.replace("telkom", "xl"), "trunks[xl].sources"),
        (TRUNK.replace("100.0/", "100.1/"), "trunks[telkom].sources"),
        (TRUNK.replace("telkom", ""), "trunks[].name"),
        (TRUNK + 'host = "a:b:c"', "trunks[telkom].host"),
        (TRUNK + 'host = "sbc..example"', "trunks[telkom].host"),
        (TRUNK + 'out = "yes"', "trunks[telkom].out"),
        (TRUNK + 'sorces = ["192.0.2.1"]', "trunks[telkom].sorces"),
        (TRUNK.replace("[[trunks]]", "[trunks]"), "trunks"),
        (
            "sip_tls_port = 5061\n" + TRUNK + 'host = "a"\nsrtp = "required"',
            "trunks[telkom].transport",
        ),
        (TRUNK + 'srtp = "optional"', "sip_tls_port"),
        ("[directory]\npln = 123", "directory.pln"),
        (TRUNK + "out = true", "trunks[telkom].host"),
        (TRUNK + 'transport = "sctp"', "trunks[telkom].transport"),
        (TRUNK + 'transport = "tls"\nauthority = "none.pem"', "trunks[telkom].authority"),
        (TRUNK + "verify = false", "trunks[telkom].transport"),
        (TRUNK + "options_every_s = 0.5", "trunks[telkom].options_every_s"),
        (TRUNK.replace("telkom", "t" * 65), f"trunks[{'t' * 65}].name"),
        ("sip_tls_port = 5060", "sip_tls_port"),
        ("sip_tls_port = 65536", "sip_tls_port"),
        (SEAT.replace("T1", "T-1"), "sip_seats[T-1].seat_id"),
        (SEAT.replace('"a"', '""'), "sip_seats[T1].password"),
        (SEAT + SEAT.replace("t1", "t2"), "sip_seats"),
        (SEAT + SEAT.replace("T1", "T2"), "sip_seats"),
        (SEAT + "colour = 1", "sip_seats[T1].colour"),
        (RADIO.replace('"a"', '""'), "gateways[HT Damkar].password"),
        (RADIO + RADIO.replace('"ht"', '"h2"'), "gateways"),
        (RADIO + RADIO.replace("HT D", "HT 2 D"), "gateways"),
        (RADIO + SEAT.replace('"t1"', '"ht"'), "gateways[HT Damkar].username"),
        (RADIO + '[directory]\n"ht damkar" = "113"', "gateways[HT Damkar].name"),
        (RADIO + "colour = 1", "gateways[HT Damkar].colour"),
        ("transfer_s = 0", "transfer_s"),
        ("park_s = 601", "park_s"),
        ('supervision_notice = "often"', "supervision_notice"),
    ],
)
def test_what_cannot_be_is_refused_and_named(tmp_path: Path, text: str, setting: str) -> None:
    """A centre that starts with a wrong setting loses calls later, when nobody looks."""
    assert setting in [line.split(":")[0] for line in problems(text, tmp_path)]


def test_a_data_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """What is recorded must be kept: no folder, no centre."""
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match="data: not a folder"):
        load(None, {}, data=str(file / "data"))


def https(folder: Path, **changed: Path) -> dict[str, Any]:
    """Settings that name a certificate and its key."""
    certificate, key = own_certificate(folder / "one", ("localhost",))
    files = {"certificate": certificate, "certificate_key": key} | changed
    return {name: str(file) for name, file in files.items()} | {"data": str(folder / "data")}


def test_a_certificate_with_its_key_is_accepted_and_served(tmp_path: Path) -> None:
    """Even on loopback, behind nothing: who gives a certificate wants HTTPS."""
    settings = load(None, {}, **https(tmp_path))
    assert settings.secure
    assert not settings.own_authority


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """After a renewal the two files are easily mixed up; no console could connect."""
    _, other = own_certificate(tmp_path / "other", ("localhost",))
    with pytest.raises(SettingsError, match="certificate_key: does not fit"):
        load(None, {}, **https(tmp_path, certificate_key=other))


def test_a_certificate_that_is_none_or_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Said at start, not by browsers."""
    garbage = tmp_path / "garbage"
    garbage.write_text("garbage")
    with pytest.raises(SettingsError, match=r"certificate_key: .*PEM"):
        load(None, {}, **https(tmp_path, certificate=garbage))
    with pytest.raises(SettingsError, match="certificate: cannot be read"):
        load(None, {}, **https(tmp_path, certificate=tmp_path / "none"))


def test_addresses_of_pages_are_such_as_browsers_understand() -> None:
    """IPv6 stands in brackets; from this machine a centre on every address is asked at loopback."""
    assert Settings(http_address="fd00::1").url == "https://[fd00::1]:8112"
    everywhere = Settings(http_address="0.0.0.0", host_names=("pusat112.example",))
    assert everywhere.url == "https://pusat112.example:8112"
    assert everywhere.near_url == "https://127.0.0.1:8112"
    assert Settings().url == "http://127.0.0.1:8112"
