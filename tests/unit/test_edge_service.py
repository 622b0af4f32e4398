"""Debian's Kamailio on a node: it must not take the switch's port, now or at the next boot."""

import subprocess
from pathlib import Path

import pytest
from test_launcher import launcher

from tahuri.doctor import edge_service
from tahuri.settings import Settings


def machine(root: Path, config: str | None) -> Path:
    """A machine on which Kamailio is enabled."""
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "kamailio.service").symlink_to("/lib/systemd/system/kamailio.service")
    if config is not None:
        (root / "etc/kamailio").mkdir()
        (root / "etc/kamailio/kamailio.cfg").write_text(config)
    return root


@pytest.mark.parametrize("config", [None, "listen=udp:0.0.0.0:5060"])
def test_a_kamailio_that_nobody_set_up_is_found(tmp_path: Path, config: str | None) -> None:
    """After a reboot every caller would hear a proxy that knows nobody."""
    found = edge_service(Settings(), machine(tmp_path, config))
    assert not found.ok
    assert "systemctl disable --now kamailio" in found.detail


def test_an_edge_of_ours_another_port_and_no_kamailio_are_fine(tmp_path: Path) -> None:
    """The check must not cry where all is well."""
    assert edge_service(Settings(), tmp_path).ok
    root = machine(tmp_path, 'server_header="Server: Tahuri edge"')
    assert edge_service(Settings(), root).ok
    (root / "etc/kamailio/kamailio.cfg").write_text("")
    assert edge_service(Settings(sip_port=5062), root).ok
    assert not edge_service(Settings(), root).ok


def test_the_launcher_installs_test_tools_without_their_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's machine must not become an edge by running the tests.

    Given apt-get and systemctl that only write down what they are asked; when kamailio is
    installed; then no service may start meanwhile, none starts at boot, and the ban is gone after.
    """
    seen = tmp_path / "seen"
    policy = tmp_path / "policy-rc.d"
    for name in ("apt-get", "systemctl"):
        tool = tmp_path / name
        look = f"test -x {policy} && echo forbidden >> {seen}\n"
        tool.write_text(f"#!/bin/sh\n{look}echo {name} $* >> {seen}\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    one = launcher()
    monkeypatch.setattr(one, "POLICY", str(policy))
    assert one.apt(["sip-tester", "kamailio"])
    lines = seen.read_text().splitlines()
    assert lines[0] == "forbidden"
    assert lines[1].endswith("sip-tester kamailio")
    assert lines[2] == "systemctl disable --quiet kamailio"
    assert not policy.exists()
    policy.write_text("of somebody else")
    assert one.apt(["kamailio"])
    assert policy.read_text() == "of somebody else"


def test_every_tool_with_a_service_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is added with a service of its own must be kept off as well."""
    one = launcher()
    for package in one.TEST_TOOLS.values():
        listed = subprocess.run(
            ["dpkg", "-L", package], capture_output=True, text=True, check=False
        ).stdout
        units = [line for line in listed.splitlines() if line.endswith(".service")]
        assert not units or package in one.SERVICES
