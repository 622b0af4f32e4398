"""Keys and files with passwords: whole or not at all, and the same for whoever reads them."""

from pathlib import Path
from threading import Barrier, Thread

from tahuri.host.folder import DataFolder
from tahuri.host.secretfile import stands, write_secret


def folder_in(place: Path) -> DataFolder:
    """A data folder that is ready."""
    made = DataFolder(place)
    made.make()
    return made


def test_what_a_power_cut_left_of_a_key_is_no_key(tmp_path: Path) -> None:
    """Given an empty file in its place; then a key is made, else no browser seat could sign on."""
    folder = folder_in(tmp_path)
    (folder.secrets / "seat.key").touch()
    key = folder.secret("seat.key")
    assert len(key) == 32
    assert folder.secret("seat.key") == key


def test_two_that_make_a_key_at_once_have_the_same(tmp_path: Path) -> None:
    """Given serve and switch at a first start; then one believes the other's tokens."""
    folder, together = folder_in(tmp_path), Barrier(8)
    found: set[bytes] = set()

    def ask() -> None:
        together.wait()
        found.add(folder.secret("seat.key"))

    askers = [Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(found) == 1
    assert [file.name for file in folder.secrets.iterdir()] == ["seat.key"]


def test_a_secret_is_its_owner_s_alone_and_stands_as_it_was_written(tmp_path: Path) -> None:
    """Also over what a killed writer left half-way."""
    file = tmp_path / "switch.json"
    (tmp_path / "switch.new").write_text("half")
    write_secret(file, {"a": 1})
    assert file.stat().st_mode & 0o777 == 0o600
    assert stands(file, {"a": 1})
    assert not stands(file, {"a": 2})
    assert not (tmp_path / "switch.new").exists()
