"""Checks of what is kept or sent: the data folder, the city pack, messages, recordings."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tahuri.settings.model import Settings
from tahuri.settings.network import WEB_ADDRESS, is_authority

PACKS = Path(__file__).parents[1] / "city" / "packs"
STORE_ADDRESS = re.compile(r"https?://[^\s/@?#]+/?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
TEST_NUMBER = re.compile(r"\+?[0-9]{3,20}")
RECORDING_CLASSES = frozenset(
    ("normal", "informasi", "prank", "ghost", "abandoned", "ivr_prank", "unanswered", "test")
) | {"non_emergency"}
DAYS_MIN_REAL = 365
"""Recordings of real emergencies are evidence for a year at least."""


def messages(settings: Settings) -> Iterator[str]:
    """Where messages for callers go, and the page they link to."""
    url, page = settings.message_url, settings.caller_page_url
    if url is not None and not WEB_ADDRESS.fullmatch(url):
        yield f"message_url: not an http or https address: {url!r}"
    if page is not None:
        if not WEB_ADDRESS.fullmatch(page) or set("#?{}") & set(page):
            yield f"caller_page_url: not a web address without ? and #: {page!r}"
        elif not page.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            yield "caller_page_url: needs https: browsers tell no place to other pages"
        if url is None and settings.message_file is None:
            yield "message_url: needed with caller_page_url: who else would send the link?"
    if not 1 <= settings.caller_page_hours <= 168:
        yield "caller_page_hours: from 1 to 168"
    file = settings.message_file
    if file is not None and (not file or Path(file).is_absolute() or ".." in Path(file).parts):
        yield f"message_file: a file in the data folder, without ..: {file!r}"


def folder(folder: Path) -> Iterator[str]:
    """Whether it can be written, or made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield f"data: not a folder: {there}"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"data: cannot be written: {there}"


def recordings(settings: Settings) -> Iterator[str]:
    """Test numbers, the second folder of recordings, and how long they are kept."""
    numbers = {"test_number": settings.test_number}
    numbers |= {f"trunks[{one.name}].test_call_to": one.test_call_to for one in settings.trunks}
    for name, number in numbers.items():
        if number is not None and not TEST_NUMBER.fullmatch(number):
            yield f"{name}: 3 to 20 digits, perhaps after a +: {number!r}"
    for trunk in settings.trunks:
        if trunk.test_call_to is not None and trunk.host is None:
            yield f"trunks[{trunk.name}].host: needed with test_call_to"
    if settings.recordings_copy is not None:
        copy = Path(settings.recordings_copy)
        if not copy.is_absolute():
            yield f"recordings_copy: not an absolute path: {settings.recordings_copy!r}"
        elif copy == settings.folder / "recordings" or settings.folder in copy.parents:
            yield f"recordings_copy: lies in the data folder itself: {settings.recordings_copy!r}"
    if not 1 <= settings.recording_reread_days <= 365:
        yield "recording_reread_days: from 1 to 365 days"
    if not 0.1 <= settings.recording_reread_mb_s <= 100:
        yield "recording_reread_mb_s: from 0.1 to 100 million bytes a second"
    yield from _store(settings)
    for name, days in settings.recording_days.items():
        if name not in RECORDING_CLASSES:
            yield f"recording_days: no such class of call: {name!r}"
        elif days < (DAYS_MIN_REAL if name == "normal" else 1):
            least = DAYS_MIN_REAL if name == "normal" else 1
            yield f"recording_days: {name}: at least {least}"


def _store(settings: Settings) -> Iterator[str]:
    """The store for copies: all that belongs to it, and nothing without it."""
    if settings.recordings_store is None:
        if settings.recordings_store_bucket or settings.recordings_store_key:
            yield "recordings_store: needed with a bucket or a key"
        return
    if not STORE_ADDRESS.fullmatch(settings.recordings_store):
        yield f"recordings_store: neither https:// nor http://: {settings.recordings_store!r}"
    if not BUCKET.fullmatch(settings.recordings_store_bucket):
        yield (
            "recordings_store_bucket: 3 to 63 small letters, digits, dots and dashes: "
            f"{settings.recordings_store_bucket!r}"
        )
    if not settings.recordings_store_key:
        yield "recordings_store_key: empty"
    if not settings.recordings_store_region:
        yield "recordings_store_region: empty"
    if settings.recordings_store_secret and settings.recordings_store_secret_file is not None:
        yield "recordings_store_secret: either it or recordings_store_secret_file"
    elif not settings.store_secret:
        which = "_file" if settings.recordings_store_secret_file is not None else ""
        yield f"recordings_store_secret{which}: {'cannot be read, or ' if which else ''}empty"
    authority = settings.recordings_store_authority
    if authority is not None and not is_authority(authority):
        yield f"recordings_store_authority: not a readable PEM file: {authority}"


def city(city: str) -> Iterator[str]:
    """Whether there is such a city pack."""
    if not any((folder / "pack.toml").is_file() for folder in (PACKS / city, Path(city))):
        known = ", ".join(sorted(one.name for one in PACKS.iterdir()))
        yield f"city: neither a pack that comes with Tahuri ({known}) nor a pack's folder: {city!r}"
