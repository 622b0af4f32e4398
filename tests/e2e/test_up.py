"""``tahuri up`` as a city office runs it: its own PostgreSQL, HTTPS by our authority, no demo."""

import asyncio
import base64
import contextlib
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from chromium import FLAGS, sit_down
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import async_playwright

from demo import BUILT, wait_for
from ports import free_port
from tahuri.host.certificate import fingerprint
from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres

NAME = "pusat112.example"
PASSWORD = "kata sandi yang panjang"
READY_S = 120.0
STOP_S = 60.0
ANYWHERE = "0.0.0.0"
"""Not loopback, so that browsers need HTTPS; the tests speak to it by loopback all the same."""


def tahuri(*words: str, environ: Mapping[str, str], said: str = "") -> tuple[int, str]:
    """A command: exit status and what it printed."""
    command = [sys.executable, "-m", "tahuri.cli", *words]
    done = subprocess.run(
        command, input=said, capture_output=True, text=True, env={**os.environ, **environ}
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def other_postgres(place: Path) -> Iterator[str]:
    """A PostgreSQL that is not the centre's; address for a role that is not superuser."""
    folder = DataFolder(place)
    folder.make()
    server = EmbeddedPostgres(folder)
    server.prepare(lambda _: None)
    with (folder.log / "postgres.log").open("ab") as output:
        process = subprocess.Popen(
            server.command(), user=server.owner, cwd="/", stdout=output, stderr=output
        )
    try:
        asyncio.run(server.ready())
        yield server.url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_S)


@dataclass
class Centre:
    """A centre that is up, and how it was started."""

    data: Path
    environ: dict[str, str]
    port: int
    process: subprocess.Popen[bytes]
    sips: int
    """Port of SIP over TLS."""

    @property
    def printed(self) -> str:
        """On the engineer's terminal."""
        return (self.data / "terminal").read_text()

    def client(self) -> httpx.Client:
        """Trusts the centre's own root and nothing else, as strictly as can be."""
        trust = ssl.create_default_context(cafile=str(self.data / "secrets/https/root.pem"))
        trust.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        base = f"https://localhost:{self.port}"
        return httpx.Client(base_url=base, verify=trust, trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    """From nothing: accounts by command, then up; settings from a file and the environment."""
    with tempfile.TemporaryDirectory(prefix="tahuri-up-") as place, contextlib.ExitStack() as stack:
        url = stack.enter_context(other_postgres(Path(place) / "other"))
        data, port, sips = Path(place) / "data", free_port(), free_port()
        seat = 'seat_id = "T1"\nusername = "t1"\npassword = "x y z"\naccount = "penerima"\n'
        file = Path(place) / "centre.toml"
        file.write_text(
            f'http_address = "{ANYWHERE}"\nhttp_port = {port}\nsignalling_port = {free_port()}\n'
            f'host_names = ["{NAME}"]\nsip_port = 1\nwebrtc_port = {free_port()}\n'
            f"sip_tls_port = {sips}\n"
            '[[trunks]]\nname = "telkom"\nsources = ["127.0.0.0/8"]\n'
            '[[trunks]]\nname = "putus"\nsources = ["192.0.2.0/24"]\nhost = "127.0.0.1:9"\n'
            f"[[sip_seats]]\n{seat}"
        )
        environ = {
            "TAHURI_SETTINGS": str(file),
            "TAHURI_DATA": str(data),
            "TAHURI_DATABASE_URL": url,
            "TAHURI_SIP_PORT": str(free_port()),
        }
        data.mkdir()
        if BUILT.exists():
            (data / "cache").symlink_to(BUILT)
        for role, name in (("administrator", "kepala"), ("call_taker", "penerima")):
            words = ("account", "add", "--role", role, name)
            assert tahuri(*words, environ=environ, said=PASSWORD)[0] == 0
        with (data / "terminal").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tahuri.cli", "up"],
                env={**os.environ, **environ},
                stdout=output,
                stderr=output,
            )
        running = Centre(data, environ, port, process, sips)
        try:
            wait_for(
                lambda: "fingerprint" in running.printed or process.poll() is not None, READY_S
            )
            assert process.poll() is None, running.printed
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S) == 0


def test_an_account_of_an_agency_that_the_city_does_not_have_is_not_made(centre: Centre) -> None:
    """A desk of a misspelt agency would wait for incidents that never come."""
    words = ("account", "add", "--role", "agency_desk", "--agency", "DAMKARR", "petugas")
    status, said = tahuri(*words, environ=centre.environ, said=PASSWORD)
    assert status == 1
    assert "agency_id: no agency 'DAMKARR' in this city" in said


def test_a_strict_client_that_trusts_the_root_signs_in_over_https(centre: Centre) -> None:
    """The first administrator, made by a command, gets in; calls can be taken; no demo accounts."""
    with centre.client() as client:
        health = client.get("/healthz")
        assert health.status_code == 200
        assert health.json()["parts"]["database"]["ok"]
        account = {"username": "kepala", "password": PASSWORD}
        answer = client.post("/api/session", json=account)
        assert answer.status_code == 200
        assert "secure" in answer.headers["set-cookie"].lower()
        assert client.get("/api/demo").json() == {"accounts": {}}
        assert client.get("/api/session").json()["operator"]["roles"] == ["administrator"]


def test_the_root_is_offered_to_browsers_and_its_fingerprint_is_printed(centre: Centre) -> None:
    """A console must come to trust it without a stick carried from the server room."""
    kept = centre.data / "secrets" / "https" / "root.pem"
    with centre.client() as client:
        answer = client.get("/root.pem")
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    assert answer.content == kept.read_bytes()
    assert b"PRIVATE" not in answer.content
    assert f"https://{NAME}:{centre.port}/root.pem" in centre.printed
    assert fingerprint(kept) in centre.printed


def test_the_log_in_the_city_s_own_postgresql_verifies(centre: Centre) -> None:
    """The proof does not depend on whose database server it is."""
    status, said = tahuri("log", "verify", environ=centre.environ)
    assert status == 0, said
    assert int(said) > 0
    assert not (centre.data / "postgres").exists()


def test_a_second_up_on_the_same_data_folder_is_refused(centre: Centre) -> None:
    """Two switches on one journal would take each other's calls."""
    assert tahuri("up", environ=centre.environ) == (1, f"already running on {centre.data}\n")


def test_a_node_is_drained_and_takes_calls_again(centre: Centre) -> None:
    """Before maintenance no caller may be lost; everybody at a seat sees what goes on."""

    def alarms() -> list[str]:
        with centre.client() as client:
            found: list[str] = client.get("/healthz").json()["parts"]["switch"]["alarms"]
            return found

    status, said = tahuri("drain", "--wait", environ=centre.environ)
    assert (status, said[:12]) == (1, "not drained:"), "this centre has no other node"
    status, said = tahuri("drain", "--wait", "--anyway", environ=centre.environ)
    assert (status, said) == (0, "· new calls go elsewhere; calls in hand: 0\n")
    assert "draining" in alarms()
    status, said = tahuri("drain", "--off", environ=centre.environ)
    assert (status, said) == (0, "· new calls are taken again; calls in hand: 0\n")
    assert "draining" not in alarms()


def test_what_cannot_be_had_is_said_before_anything_is_started(centre: Centre) -> None:
    """Ports of a running centre: another one beside it takes none of its calls."""
    other = {**centre.environ, "TAHURI_DATA": str(centre.data.parent / "second")}
    status, said = tahuri("up", environ=other)
    assert status == 1
    for setting in ("http_port", "signalling_port", "sip_port", "webrtc_port"):
        assert f"setting {setting}: " in said
    assert "media: starting" not in said


def test_a_trunk_that_does_not_answer_is_an_alarm(centre: Centre) -> None:
    """Monitoring must wake somebody before the first caller hears nothing."""

    def switch() -> dict[str, Any]:
        with centre.client() as client:
            part: dict[str, Any] = client.get("/healthz").json()["parts"]["switch"]
            return part

    wait_for(lambda: "trunk-down" in switch()["alarms"], 30)
    states = {trunk["name"]: trunk["state"] for trunk in switch()["trunks"]}
    assert states == {"telkom": "unknown", "putus": "down"}
    with centre.client() as client:
        assert 'tahuri_trunk_up{trunk="putus"} 0.0' in client.get("/metrics").text


def test_sip_over_tls_is_vouched_for_by_the_root(centre: Centre) -> None:
    """A carrier that trusts the centre's root connects to its address, with today's protocol."""
    trust = ssl.create_default_context(cafile=str(centre.data / "secrets/https/root.pem"))
    trust.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", centre.sips), 10) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        assert secured.version() == "TLSv1.3"
        secured.sendall(b"\r\n\r\n")
        assert secured.recv(2) == b"\r\n"


def spki(certificate: Path) -> str:
    """What Chromium calls a certificate by."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def ready_seats(centre: Centre) -> int:
    """Seats that calls can be offered to."""
    with centre.client() as client:
        return int(client.get("/healthz").json()["parts"]["switch"]["seats_ready"])


async def test_a_console_by_name_gets_the_microphone_and_speaks_with_the_switch_by_wss(
    centre: Centre,
) -> None:
    """Off loopback a browser gives the microphone to HTTPS alone: no HTTPS, no answered call."""
    trusted = spki(centre.data / "secrets" / "https" / "server.pem")
    flags = (
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={trusted}",
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS, *flags]
        )
        page = await browser.new_page(base_url=f"https://{NAME}:{centre.port}")
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        await page.goto("/")
        assert await page.evaluate("isSecureContext")
        await page.get_by_test_id("root").wait_for()
        await page.fill("input[name=username]", "penerima")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("[data-testid=sign-on] button")
        await page.wait_for_url("**/console")
        await sit_down(page, "M1")
        await asyncio.to_thread(wait_for, lambda: ready_seats(centre) == 1)
        banner = page.get_by_test_id("switch-alarm").filter(has_text="putus")
        await banner.wait_for()
        await browser.close()
    assert sockets
    assert all(url.startswith(f"wss://{NAME}:") for url in sockets)
