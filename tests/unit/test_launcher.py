"""The launcher, as somebody meets it who has only cloned the repository."""

import fcntl
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import IO

import pytest

from tahuri.cli import parser

ROOT = Path(__file__).parents[2]


def launcher() -> ModuleType:
    """The script as a module; it does nothing by being imported."""
    loader = importlib.machinery.SourceFileLoader("launcher", str(ROOT / "tahuri"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The launcher alone in a folder: it must not need to set up anything to say this."""
    shutil.copy(ROOT / "tahuri", folder)
    command = [sys.executable, str(folder / "tahuri"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_help_names_every_command_and_sets_nothing_up(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The first thing that is typed must not download anything."""
    done = run(tmp_path, *words)
    assert done.returncode == 0
    for command in launcher().COMMANDS:
        assert command in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_an_unknown_command_is_refused_in_one_line_and_sets_nothing_up(tmp_path: Path) -> None:
    """A slip of the finger costs a second, not a minute."""
    done = run(tmp_path, "dmeo")
    assert done.returncode == 1
    assert done.stderr.startswith("tahuri: no command 'dmeo'")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / ".venv").exists()


def test_the_launcher_knows_every_command_of_the_program() -> None:
    """A command that only the program knows could not be reached."""
    actions = [action for action in parser()._actions if action.choices]
    assert set(dict(actions[0].choices or {})) <= set(launcher().COMMANDS)


@pytest.mark.parametrize(
    ("version", "taken"), [("v20.19.0", True), ("v24.1.0", True), ("v20.10.0", False), ("", False)]
)
def test_an_old_node_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    """Else the pages fail to build with an error that names neither Node nor its version."""
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    module = launcher()

    class FromWheel(Exception):  # noqa: N818
        """It went on to the wheel."""

    def install(lock: str) -> None:
        assert lock == "node"
        raise FromWheel

    monkeypatch.setattr(module, "install", install)
    if taken:
        assert module.node_found() == (str(tmp_path / "node"), [str(tmp_path / "npm")])
    else:
        with pytest.raises(FromWheel):
            module.node_found()


def test_a_venv_whose_python_is_gone_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade of the system's Python, the next start repairs itself."""
    module = launcher()
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/nowhere/python3.9")
    (venv / "tahuri-stamps.json").write_text("{}")
    monkeypatch.setattr(module, "VENV", str(venv))
    monkeypatch.setattr(module, "PYTHON", str(venv / "bin" / "python"))
    monkeypatch.setattr(module, "python_found", lambda: "/bin/true")
    module.make_venv()
    assert not (venv / "tahuri-stamps.json").exists()


def test_locks_hold_hashes_and_name_no_host() -> None:
    """What is installed is what was tested, from wherever the machine gets its packages."""
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert "--index-url" not in text, lock.name
        packages = [line for line in text.splitlines() if line and line[0] not in " #-"]
        assert packages
        assert all(line.rstrip().endswith("\\") for line in packages), lock.name
        assert text.count("--hash=sha256:") >= len(packages)


def test_two_that_set_up_at_once_do_so_one_after_the_other(tmp_path: Path) -> None:
    """A second terminal must not break the packages that the first is just installing.

    Given a launcher that sets a folder up; when another begins there; then it says that it waits,
    and goes on when the first is done.
    """
    shutil.copy(ROOT / "tahuri", tmp_path)
    program = (
        "import importlib.machinery as m\n"
        f"m.SourceFileLoader('launcher', {str(tmp_path / 'tahuri')!r}).load_module().alone()\n"
        "print('mine', flush=True)\n"
    )
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    command = [sys.executable, "-W", "ignore", "-B", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert "waiting" in other.stdout.readline()
        os.close(held)
        assert other.stdout.readline() == "mine\n"


def test_what_is_installed_is_known_also_after_a_power_cut_in_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next start would fetch everything again, perhaps without a network."""
    module = launcher()
    monkeypatch.setattr(module, "STAMPS", str(tmp_path / "stamps.json"))
    module.stamp("run", "one")

    def cut(known: dict[str, str], file: IO[str]) -> None:
        file.write('{"run"')
        raise KeyboardInterrupt

    monkeypatch.setattr(module.json, "dump", cut)
    with pytest.raises(KeyboardInterrupt):
        module.stamp("web", "two")
    assert module.stamps() == {"run": "one"}
