"""The embedded database's folder, as a kill or a power cut left it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedPostgres:
    """With a folder for its cluster."""
    made = EmbeddedPostgres(DataFolder(tmp_path))
    made.cluster.mkdir()
    return made


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """(folder, pid) of a program that is called as a server of that folder is."""
    folder = tmp_path / "another"
    folder.mkdir()
    (tmp_path / "bin").mkdir()
    shell = shutil.copy("/bin/sh", tmp_path / "bin" / "postgres")
    words = ["postgres", "-c", "read line", "-D", str(folder)]
    with subprocess.Popen(words, executable=shell, stdin=subprocess.PIPE) as process:
        yield folder, process.pid
        process.kill()


def left(server: EmbeddedPostgres, content: str) -> bool:
    """Whether a pid file with this in it is believed."""
    file = server.cluster / "postmaster.pid"
    file.write_text(content)
    server.forget_dead()
    return file.exists()


@pytest.mark.parametrize("content", ["", "\n", "no number\n"])
def test_a_pid_file_without_a_pid_is_forgotten(server: EmbeddedPostgres, content: str) -> None:
    """Given what a full disk left of the file; then PostgreSQL starts, and with it the centre."""
    assert not left(server, content)


def test_the_pid_of_another_cluster_s_server_is_forgotten(
    server: EmbeddedPostgres, program: tuple[Path, int]
) -> None:
    """Given a power cut, after which the number belongs to the machine's other PostgreSQL; then
    that one is not stopped in ours' place, and ours starts."""
    assert not left(server, f"{program[1]}\n{server.cluster}\n")


def test_the_server_of_this_cluster_is_left_alone_also_by_another_path(
    server: EmbeddedPostgres, program: tuple[Path, int]
) -> None:
    """Given one that runs, started by a link to the folder; then a command beside it does not take
    its pid file away, at which it would end."""
    server.cluster.rmdir()
    server.cluster.symlink_to(program[0])
    assert left(server, f"{program[1]}\n{server.cluster}\n")
