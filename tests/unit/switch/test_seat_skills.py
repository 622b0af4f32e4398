"""What the log is told of a seat's skills, so that it can be proved why a call rang there."""

from pathlib import Path

from msgspec.structs import replace
from switch_bench import Browser, bench, phone_seat, until

from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone
from tahuri.telephony.token import Skills

TOLD = "seat-skills-told"
ENGLISH = Skills(languages=["id", "en"])


async def test_a_seat_tells_its_skills_once_and_again_when_they_change(tmp_path: Path) -> None:
    """Given an operator who speaks English; then the log is told at sign-on and not at each
    reload; when the account has another language since; then it is told anew."""
    async with bench(tmp_path, offer_s=5) as one:
        seat = Browser(one, "M1", "op1", skills=ENGLISH)
        await seat.sit()
        first = await one.told(TOLD)
        assert first.stream == "seat/M1"
        assert (first.body["desk"], first.body["languages"]) == ("taker", ["id", "en"])
        await seat.leave()
        again = Browser(one, "M1", "op1", skills=ENGLISH)
        await again.sit()
        assert one.types().count(TOLD) == 1
        await again.leave()
        other = Browser(one, "M1", "op1", skills=Skills(languages=["nl"], agency_id="pmi"))
        await other.sit()
        second = await one.told(TOLD, 2)
        assert (second.body["languages"], second.body["agency_id"]) == (["nl"], "pmi")
        await other.leave()


async def test_nothing_is_told_of_an_ordinary_seat(tmp_path: Path) -> None:
    """Silence means a call taker's seat without a language or an agency."""
    async with bench(tmp_path, offer_s=5) as one:
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await one.told("seat-ready")
        assert TOLD not in one.types()
        await seat.leave()


async def test_a_phones_skills_are_those_of_the_settings_and_changed_ones_are_told(
    tmp_path: Path,
) -> None:
    """Given an agency's phone; then the log is told when it registers; when the settings say
    another language at the next start; then that is told as well, while the phone sits there."""
    desk = {"desk": "agency-desk", "agency_id": "pmi", "languages": ["id"]}
    phone = Phone(Account("d1", "secret-D1"), lambda _: None)
    async with bench(tmp_path, offer_s=5, seats=[phone_seat("D1", skills=desk)]) as one:
        await phone.start()
        assert await phone.register(one.flow) == 200
        told = await one.told(TOLD)
        assert told.body == {
            "operator_id": "op-D1",
            "desk": "agency-desk",
            "agency_id": "pmi",
            "languages": ["id"],
        }
        await until(lambda: one.switch.core.seats["D1"].operator_id is not None)
        await one.restart()
        assert one.types().count(TOLD) == 1
        [settings] = one.settings.seats
        changed = replace(settings, skills=Skills(desk="agency-desk", agency_id="pmi"))
        one.settings = replace(one.settings, seats=[changed])
        await one.restart()
        assert (await one.told(TOLD, 2)).body["languages"] == []
    await phone.stop()
