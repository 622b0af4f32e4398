"""Recordings with their proof in one ZIP, and the check of such a file without any server.

``manifest.json`` names each file, its sha256, and the facts of its call with the log's digest
before and after each; ``SHA256SUMS`` is what ``sha256sum -c`` reads.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from tahuri.calls.recordings import UNREADABLE, file_fault, is_unreadable
from tahuri.kernel.db import Database
from tahuri.kernel.digest import fact_digest
from tahuri.kernel.event import Fact, StreamId, loaded
from tahuri.kernel.log import FACT_COLUMNS, fact_of

CALLS_MAX = 500
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
FOLDER = "recordings/"
FETCHED = ".fetched-"
"""Begins the name of a folder with recordings of other nodes, while an export is made."""


class Wanted(Struct, frozen=True):
    """A recording that is asked for, with the facts of its call."""

    row: dict[str, Any]
    facts: list[dict[str, Any]]


class Selection(Struct, frozen=True):
    """What goes into a ZIP, from one snapshot of the log."""

    city_id: str
    seq: int
    digest: str
    recordings: list[Wanted]


async def selected(
    db: Database,
    *,
    incident_id: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> Selection:
    """Recordings of an incident's calls, or of the calls that came from ``begin`` to ``end``."""
    async with db.connection() as connection:
        await connection.execute("set transaction isolation level repeatable read read only")
        city = await (
            await connection.execute(
                "select seq, digest from cities where city_id = %s", (db.city_id,)
            )
        ).fetchone()
        assert city is not None
        cursor = await connection.execute(
            "select body from view_rows where city_id = %s and view = 'call' "
            "and body #>> '{recording,state}' is not null "
            "and (%s::text is null or body -> 'incident_ids' ? %s) "
            "and (%s::timestamptz is null or ((body ->> 'arrived_at')::timestamptz >= %s "
            "and (body ->> 'arrived_at')::timestamptz < %s)) order by key limit %s",
            (db.city_id, incident_id, incident_id, begin, begin, end, CALLS_MAX + 1),
        )
        rows = [record[0] for record in await cursor.fetchall()]
        cursor = await connection.execute(
            f"select {FACT_COLUMNS}, digest, coalesce((select p.digest from facts p "  # noqa: S608
            "where p.city_id = f.city_id and p.seq = f.seq - 1), ''::bytea) from facts f "
            "where city_id = %s and stream = any(%s) order by seq".encode(),
            (db.city_id, [f"call/{row['call_id']}" for row in rows]),
        )
        facts: dict[str, list[dict[str, Any]]] = {}
        for *record, digest, before in await cursor.fetchall():
            line = _line(fact_of(tuple(record)), record[3], record[4], digest, before)
            facts.setdefault(line["stream"], []).append(line)
    wanted = [Wanted(row, facts.get(f"call/{row['call_id']}", [])) for row in rows]
    return Selection(db.city_id, city[0], bytes(city[1]).hex(), wanted)


def _line(
    fact: Fact, tag: str, body: dict[str, Any], digest: bytes, before: bytes
) -> dict[str, Any]:
    line: dict[str, Any] = msgspec.to_builtins(
        {
            "seq": fact.seq,
            "stream": str(fact.stream),
            "version": fact.version,
            "type": tag,
            "body": body,
            "actor": fact.actor,
            "at": fact.at,
            "recorded_at": fact.recorded_at,
            "command": fact.command,
            "personal": fact.personal,
            "before": bytes(before).hex(),
            "digest": bytes(digest).hex(),
        }
    )
    return line


def write_zip(
    target: Path,
    chosen: Selection,
    folder: Path,
    asked: dict[str, str],
    made_at: datetime,
    brought: Mapping[str, Path | str] = MappingProxyType({}),
) -> str:
    """Writes the ZIP; the sha256 of its manifest.  Reads every recording.

    A recording that is erased, missing, altered, short or out of reach is named as such, never left
    out silently; what was recorded before media died in mid-call has an entry of its own.

    Args:
        brought: of recordings that lie at other nodes: the file, or why there is none, by id.
    """
    root = folder.resolve()
    listed: list[dict[str, Any]] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for one in chosen.recordings:
            recording = one.row["recording"]
            entry = {
                "call_id": one.row["call_id"],
                "recording_id": recording["recording_id"],
                "state": recording["state"],
                "sha256": recording["sha256"],
                "duration_s": recording["duration_s"],
                "file": None,
                "fault": None,
                "facts": one.facts,
            }
            faults = _faults_told(one.facts)
            listed += [_cut_off(archive, root, part, one, faults) for part in _earlier(one)]
            if recording["state"] == "failed":
                listed.append(
                    _cut_off(archive, root, recording, one, faults) | {"facts": one.facts}
                )
                continue
            listed.append(entry)
            file = (root / recording["path"]).resolve()
            if recording["state"] != "closed" or not file.is_relative_to(root):
                entry["fault"] = recording["state"]
                continue
            elsewhere = brought.get(recording["recording_id"])
            if isinstance(elsewhere, str):
                entry["fault"] = elsewhere
                continue
            file = elsewhere or file
            unlike = file_fault(file, recording["sha256"])
            entry["fault"] = unlike or faults.get(recording["recording_id"])
            if not is_unreadable(unlike):
                entry["file"] = FOLDER + file.name
                archive.write(file, str(entry["file"]))
        manifest = {
            "made_at": made_at,
            "asked": asked,
            "city_id": chosen.city_id,
            "log": {"seq": chosen.seq, "digest": chosen.digest},
            "recordings": listed,
        }
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        archive.writestr(MANIFEST, content)
        digest = hashlib.sha256(content).hexdigest()
        sums = [f"{one['sha256'] or one['found']}  {one['file']}" for one in listed if one["file"]]
        archive.writestr(SUMS, "\n".join([*sums, f"{digest}  {MANIFEST}"]) + "\n")
    return digest


def _faults_told(facts: list[dict[str, Any]]) -> dict[str, str]:
    """Recording → what went wrong with it while it was made."""
    told = (fact["body"] for fact in facts if fact["type"] == "calls.recording-failed")
    return {body["recording_id"]: body["fault"] for body in told}


def _earlier(one: Wanted) -> list[dict[str, Any]]:
    """Bodies of `RecordingStarted` of the call's recordings before the one that its row names."""
    begun = (fact["body"] for fact in one.facts if fact["type"] == "calls.recording-started")
    last = one.row["recording"]["recording_id"]
    return [body for body in begun if body["recording_id"] != last]


def _cut_off(
    archive: zipfile.ZipFile,
    root: Path,
    begun: dict[str, Any],
    one: Wanted,
    faults: Mapping[str, str],
) -> dict[str, Any]:
    """The entry of a recording that was cut off: nothing proves its file, which is taken along."""
    file = (root / begun["path"]).resolve()
    name = found = unread = None
    if file.is_relative_to(root) and file.is_file() and one.row["recording"]["state"] != "erased":
        try:
            with file.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            unread = f"{UNREADABLE}: {error.strerror}"
        else:
            name = FOLDER + file.name
            archive.write(file, name)
    return {
        "call_id": one.row["call_id"],
        "recording_id": begun["recording_id"],
        "state": "failed",
        "sha256": None,
        "found": found,
        "duration_s": None,
        "file": name,
        "fault": unread or faults.get(begun["recording_id"], "cut off"),
        "facts": [],
    }


def zip_faults(file: Path) -> list[str]:
    """All that is wrong with an exported ZIP; needs nothing but the file.

    Each recording must have the sha256 that the fact of its closing has, and each fact must give
    the digest that stands after it.  Whether these digests are the log's own, ``log export`` of the
    centre tells.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
            if broken is not None:
                return [f"{broken}: damaged in the archive"]
            manifest = json.loads(archive.read(MANIFEST))
            return [*_files(archive, manifest), *_facts(manifest)]
    except (zipfile.BadZipFile, OSError) as error:
        return [f"not a readable ZIP: {error}"]
    except (KeyError, TypeError, ValueError) as error:
        return [f"{MANIFEST} is not what it must be: {error}"]


def _files(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> list[str]:
    named = {one["file"] for one in manifest["recordings"] if one["file"]}
    strange = set(archive.namelist()) - named - {MANIFEST, SUMS}
    faults = [f"{name}: not in the manifest" for name in sorted(strange)]
    for one in manifest["recordings"]:
        name = one["file"] or one["recording_id"]
        if one["fault"]:
            faults.append(f"{name}: {one['fault']} when it was exported")
        if one["file"] is None:
            continue
        if one["file"] not in archive.namelist():
            faults.append(f"{name}: missing")
            continue
        if one["sha256"] is None:
            continue  # cut off: its fault stands above, and no fact has its digest
        with archive.open(one["file"]) as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
        told = {
            fact["body"]["sha256"]
            for fact in one["facts"]
            if fact["type"] == "calls.recording-closed"
            and fact["body"]["recording_id"] == one["recording_id"]
        }
        if found != one["sha256"] or told != {found}:
            faults.append(f"{name}: is not what the log says")
    return faults


def _facts(manifest: dict[str, Any]) -> list[str]:
    faults: list[str] = []
    for one in manifest["recordings"]:
        for fact in one["facts"]:
            known = Fact(
                seq=fact["seq"],
                stream=StreamId.parse(fact["stream"]),
                version=fact["version"],
                at=msgspec.convert(fact["at"], datetime),
                recorded_at=msgspec.convert(fact["recorded_at"], datetime),
                actor=fact["actor"],
                command=fact["command"],
                personal=fact["personal"],
                event=loaded(fact["type"], fact["body"]),
            )
            before = bytes.fromhex(fact["before"])
            found = fact_digest(before, manifest["city_id"], known, fact["body"])
            if found.hex() != fact["digest"]:
                faults.append(f"fact {fact['seq']}: is not what was recorded")
    return faults


def names_of(chosen: Selection) -> Sequence[str]:
    """Ids of the recordings."""
    return [one.row["recording"]["recording_id"] for one in chosen.recordings]
