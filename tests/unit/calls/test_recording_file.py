"""Is the recording on disk what the log says it is?"""

import hashlib
from pathlib import Path

from tahuri.calls.recordings import file_fault

SOUND = b"RIFF" + bytes(64_000)


def test_a_recording_that_is_what_the_log_says_has_no_fault(tmp_path: Path) -> None:
    """A judge may ask for it in three years."""
    (tmp_path / "C1.wav").write_bytes(SOUND)
    assert file_fault(tmp_path / "C1.wav", hashlib.sha256(SOUND).hexdigest()) is None


def test_one_changed_byte_is_found(tmp_path: Path) -> None:
    """What was said must not be changed after the call."""
    (tmp_path / "C1.wav").write_bytes(SOUND[:-1] + b"\1")
    fault = file_fault(tmp_path / "C1.wav", hashlib.sha256(SOUND).hexdigest())
    assert fault is not None
    assert fault.startswith("has sha256 ")


def test_a_recording_that_is_gone_is_told(tmp_path: Path) -> None:
    """A missing file must be known on the day, not at the trial."""
    fault = file_fault(tmp_path / "C1.wav", "ab")
    assert fault == "cannot be read: No such file or directory"
    assert file_fault(tmp_path, "ab") == "cannot be read: Is a directory"
