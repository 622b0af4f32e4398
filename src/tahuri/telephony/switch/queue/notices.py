"""Recorded notices that a supervisor may switch on: WAV files, named by their file names."""

import re
import wave
from contextlib import closing
from pathlib import Path

from tahuri.telephony.protocol.snapshot import NoticeView
from tahuri.telephony.switch.config import Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
NOTICES_MAX = 100


def available(settings: Settings) -> list[NoticeView]:
    """Every notice, by name, also those that will not do; reads the files' heads."""
    found: dict[str, Path] = {}
    for folder in settings.notice_folders:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if file.suffix.lower() == ".wav":
                found.setdefault(_name(file), file)
    names = sorted(found)[:NOTICES_MAX]
    return [_seen(name, found[name], settings.surge_notice_s) for name in names]


def file_of(settings: Settings, name: str) -> Path | None:
    """Where the notice is; None where it is no more."""
    if not NAME.fullmatch(name):
        return None
    files = (folder / f"{name}.wav" for folder in settings.notice_folders)
    return next((file for file in files if file.is_file()), None)


def _name(file: Path) -> str:
    """What it is called by; a file that cannot be, by its whole name."""
    return file.stem if file.suffix == ".wav" and NAME.fullmatch(file.stem) else file.name


def _seen(name: str, file: Path, longest_s: float) -> NoticeView:
    if name != file.stem:
        return NoticeView(name=name, duration_s=0.0, fault="bad-name")
    try:
        with closing(wave.open(str(file), "rb")) as sound:
            form = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            duration_s = sound.getnframes() / sound.getframerate()
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return NoticeView(name=name, duration_s=0.0, fault="unreadable")
    duration_s = round(duration_s, 1)
    if form != (8000, 1, 2):
        return NoticeView(name=name, duration_s=duration_s, fault="not-8khz-mono")
    if duration_s > longest_s:
        return NoticeView(name=name, duration_s=duration_s, fault="too-long")
    return NoticeView(name=name, duration_s=duration_s)
