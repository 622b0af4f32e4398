"""The caller's page over a real database: who was lost says what they need; people read it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from callers import BUSY, NUMBER, SEAT, Centre, room_of, worked

from tahuri.callbacks.caller_page import CallerPages, page_of
from tahuri.callbacks.caller_routes import AT_ONCE_MAX, WAITING_MAX, Door
from tahuri.callbacks.decider import WORDS_MAX
from tahuri.callbacks.messages import FileGateway, Message
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.refusal import Unavailable

PAGES = CallerPages("https://112.example/caller", b"secret", 24)
PLACE = {"word": "location", "lat": -3.69, "lon": 128.18, "accuracy_m": 23.0}


@pytest.fixture
async def centre(database: Database, pack: CityPack) -> AsyncIterator[Centre]:
    async with room_of(database, pack) as one:
        yield one


async def linked(centre: Centre, callback_id: str = "C1") -> str:
    """The token in the link of a caller who was lost."""
    await centre.in_vain(callback_id)
    link = await PAGES.link(centre.database, callback_id, clock.now())
    return link.partition("#")[2]


async def say(
    centre: Centre, token: str, word: str = "call-me", key: str = "K1", **more: Any
) -> httpx.Response:
    body = {"word": word, **more}
    headers = _headers(token, key)
    return await centre.room.client.post("/api/caller", json=body, headers=headers)


async def seen(centre: Centre, token: str) -> httpx.Response:
    return await centre.room.client.get("/api/caller", headers=_headers(token))


def _headers(token: str, key: str = "") -> httpx.Headers:
    named = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return httpx.Headers(named, encoding="utf-8")


async def test_the_link_of_a_message_opens_the_page_of_its_item(
    centre: Centre, tmp_path: Path
) -> None:
    """Given a caller who cannot be reached; then the link in the message opens a page that tells
    when the call was lost and nothing of the caller; the database knows the token's digest alone,
    and a message that is sent again has the same link."""
    file = tmp_path / "messages.jsonl"
    await centre.in_vain("C1")
    await centre.called("C1", "O1", 42, **BUSY)
    await worked(centre, FileGateway(file), PAGES)
    message = msgspec.json.decode(file.read_text(), type=Message)
    assert message.link is not None
    token = message.link.partition("#")[2]
    assert await PAGES.link(centre.database, "C1", clock.now()) == message.link
    answer = await seen(centre, token)
    told = answer.json()
    assert (told["state"], told["number"], told["city"]) == ("waiting", "112", "Kota Ambon")
    assert told["lost_at"] == "2026-11-23T03:00:12Z"
    assert NUMBER not in answer.text
    assert "C1" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    kept = await centre.database.all("select * from caller_pages")
    assert token not in str(kept)


async def test_each_word_of_the_caller_is_seen_in_the_room(centre: Centre) -> None:
    """Given a link; when its holder cannot speak, writes and sends a place; then the item knows it,
    comes first and says why; text and place are erasable and stand in no event."""
    token = await linked(centre)
    assert (await say(centre, token, "cannot-speak")).json()["wish"] == "cannot-speak"
    text = "Ada orang di rumah saya"
    told = (await say(centre, token, "text", "K2", text=f"  {text} ")).json()
    assert (told["texts"], told["left"]) == (1, WORDS_MAX - 2)
    located = (await say(centre, token, key="K3", **PLACE)).json()
    assert located["located_at"] is not None
    item = await centre.item("C1")
    assert [one["word"] for one in item["said"]] == ["cannot-speak", "text", "location"]
    assert {one["code"] for one in item["reasons"]} == {
        "cannot-speak", "wrote", "located", "waited",
    }  # fmt: skip
    bodies = dict(await centre.database.all("select kind, body from personal"))
    assert bodies["caller-text"] == {"text": text}
    assert bodies["caller-place"] == {"lat": -3.69, "lon": 128.18, "accuracy_m": 23.0}
    assert text not in str(await centre.room.facts("callback/C1"))
    proof = await centre.room.get("taker", "/api/callbacks/C1/proof.json")
    assert {"text": text} in proof["personal"].values()
    assert [one["actor"] for one in proof["facts"]].count("caller") == 3


async def test_a_word_that_comes_twice_or_late_counts_once_and_when_it_was_said(
    centre: Centre,
) -> None:
    """A dead spot: the telephone sends again what was answered to nobody."""
    token = await linked(centre)
    before = clock.now()
    first = await say(centre, token, "text", text="tolong", age_s=600)
    again = await say(centre, token, "text", text="tolong", age_s=630)  # tried again, later
    assert (first.status_code, again.status_code) == (200, 200)
    (said,) = (await centre.item("C1"))["said"]
    late_s = (before - msgspec.convert(said["at"], type(before))).total_seconds()
    assert 590 < late_s < 610
    other = await say(centre, token, "text", text="lain")
    assert other.status_code == 422
    assert other.json()["code"] == "key-reused"


async def test_no_longer_needed_closes_nothing_and_can_be_taken_back(centre: Centre) -> None:
    """Somebody else may hold the telephone; a person closes the item, with an outcome."""
    token = await linked(centre)
    assert (await say(centre, token, "no-longer-needed")).json()["state"] == "waiting"
    item = await centre.item("C1")
    assert (item["state"], item["wish"], item["risk"]) == ("open", "no-longer-needed", 0)
    assert (await say(centre, token, "call-me", "K2")).json()["wish"] == "call-me"
    assert (await centre.item("C1"))["risk"] == 5


async def test_who_still_needs_help_opens_a_closed_item_again(centre: Centre) -> None:
    """Given an item that was closed as a prank; when its caller writes; then it is open again; when
    they had rung again meanwhile; then the word is on that item instead, for there is one."""
    token = await linked(centre)
    await centre.close("C1", "prank")
    assert (await seen(centre, token)).json()["state"] == "closed"
    await say(centre, token, "no-longer-needed")
    assert (await centre.item("C1"))["state"] == "closed"
    assert (await say(centre, token, "cannot-speak", "K2")).json()["state"] == "waiting"
    item = await centre.item("C1")
    assert (item["state"], item["reopened"], item["reason"]) == ("open", 1, None)
    await centre.close("C1", "prank")
    await centre.in_vain("C2", 300)
    assert (await say(centre, token, "text", "K3", text="tolong")).json()["state"] == "waiting"
    assert (await centre.item("C1"))["state"] == "closed"
    assert [one["word"] for one in (await centre.item("C2"))["said"]] == ["text"]


@pytest.mark.parametrize(("state", "expected"), [("calling", "calling"), ("reached", "reached")])
async def test_the_page_says_what_we_do(centre: Centre, state: str, expected: str) -> None:
    """Who waits sees that we are calling, and who was reached that we spoke."""
    token = await linked(centre)
    end = {"outcome": "answered", "by": "caller", "reason": "hung-up"}
    await centre.called("C1", "O1", 42, **(end if state == "reached" else {}))
    assert (await seen(centre, token)).json()["state"] == expected


async def test_strangers_learn_nothing(centre: Centre) -> None:
    """Guessed, broken, expired and missing tokens are answered alike, and nothing is written."""
    token = await linked(centre)
    answers = [
        await ask
        for bad in ("", "x", "A" * 22, token[:-1], f"{token}A", "é" * 11, PAGES.token("C2"))
        for ask in (seen(centre, bad), say(centre, bad))
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    gone = clock.now() + timedelta(hours=24, seconds=1)
    assert await page_of(centre.database, token, gone) is None
    assert (await centre.item("C1"))["said"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"word": "dance"}, "word"),
        ({}, "word"),
        ({"word": "text"}, "text"),
        ({"word": "text", "text": " \n"}, "text"),
        ({"word": "text", "text": "x" * 501}, "text"),
        ({"word": "call-me", "text": "x"}, "text"),
        ({"word": "location", "lat": 1.0}, "lon"),
        ({"word": "location", "lat": 91.0, "lon": 0.0}, "lat"),
        ({"word": "call-me", "lat": 1.0, "lon": 1.0}, "lat"),
        ({"word": "location", "lat": 1.0, "lon": 1.0, "accuracy_m": -1.0}, "accuracy_m"),
        ({"word": "call-me", "age_s": -5.0}, "age_s"),
        ({"word": "call-me", "callback_id": "C9"}, "callback_id"),
    ],
)
async def test_a_bad_word_is_named_and_nothing_is_kept(
    centre: Centre, body: dict[str, Any], field: str
) -> None:
    """The page says which; what was typed stays on the telephone."""
    token = await linked(centre)
    headers = _headers(token, "K1")
    answer = await centre.room.client.post("/api/caller", json=body, headers=headers)
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json()["errors"]]
    assert (await centre.item("C1"))["said"] == []


async def test_a_link_says_only_so_much(centre: Centre) -> None:
    """A program that holds a link cannot fill the log; it is told so, and the room still works."""
    token = await linked(centre)
    for number in range(WORDS_MAX):
        assert (await say(centre, token, key=f"K{number}")).status_code == 200
    refused = await say(centre, token, key="more")
    assert (refused.status_code, refused.json()["code"]) == (429, "caller-page-full")
    assert (await centre.close("C1", "prank")).status_code == 200


async def test_a_crowd_at_the_page_waits_for_itself_alone() -> None:
    """Given more strangers at once than may wait; then the rest are told to come again, and those
    who wait never hold more than a few of the room's connections."""
    door, inside, refused = Door(), [], 0
    most, go = 0, asyncio.Event()

    async def one() -> None:
        nonlocal refused, most
        try:
            async with door.passed():
                inside.append(1)
                most = max(most, len(inside))
                await go.wait()
                inside.pop()
        except Unavailable:
            refused += 1

    crowd = [asyncio.create_task(one()) for _ in range(WAITING_MAX + 7)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*crowd)
    assert (most, refused) == (AT_ONCE_MAX, 7)


async def test_an_answered_call_goes_on_whatever_the_page_says(centre: Centre) -> None:
    """Given a caller who rang again and was answered; when the page's word comes late; then the
    item is looked at once more: better one look too many."""
    token = await linked(centre)
    await centre.arrives("C2", 60)
    await centre.tell("C2", "call-answered", 65, robot=False, **SEAT)
    assert (await centre.item("C1"))["outcome"] == "answered-later"
    assert (await say(centre, token, "text", text="putus lagi")).json()["state"] == "waiting"
    assert (await centre.item("C1"))["state"] == "open"
