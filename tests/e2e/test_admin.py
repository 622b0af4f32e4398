"""The administrator's page: who may sign in, as what."""

import httpx
from chromium import opened
from playwright.async_api import Page, expect
from shift import LONG_MS

from demo import DemoCentre

PASSWORD, SECOND = "a long password", "another long one"


def may_enter(centre: DemoCentre, username: str, password: str) -> bool:
    """Whether this name and password open a session."""
    body = {"username": username, "password": password}
    with httpx.Client(base_url=centre.http, trust_env=False) as client:
        return client.post("/api/session", json=body).status_code == 200


async def shown(page: Page, username: str) -> None:
    """Finds the account and opens it."""
    await page.keyboard.press("Alt+l")
    await page.get_by_test_id("account-find").fill(username)
    await expect(page.get_by_test_id("account-row")).to_have_count(1)
    await page.get_by_test_id("account-row").get_by_role("button").click()


async def test_an_account_is_made_changed_closed_and_opened_again(centre: DemoCentre) -> None:
    """New people come at the change of shift, others leave; nobody should need a terminal."""
    async with opened(centre, "administrator", "/admin") as page:
        await page.get_by_test_id("account-new").click()
        await page.get_by_test_id("account-save").click()
        for field in ("username", "name", "roles", "password"):
            await expect(page.get_by_test_id(f"fault-{field}")).to_be_visible()
        await expect(page.locator('[name="username"]')).to_be_focused()
        await page.keyboard.type("petugas.baru")
        await page.locator('[name="name"]').fill("Petugas baru")
        await page.locator('[name="password"]').fill(PASSWORD)
        await page.get_by_test_id("role-agency_desk").check()
        await page.get_by_test_id("account-save").click()
        await expect(page.get_by_test_id("fault-agency_id")).to_be_visible()
        await page.locator('[name="agency_id"]').select_option("DAMKAR")
        await page.keyboard.press("Enter")
        await page.get_by_test_id("account-save").click()
        await expect(page.get_by_role("status")).to_contain_text("dibuat", timeout=LONG_MS)
        assert may_enter(centre, "petugas.baru", PASSWORD)
        await shown(page, "petugas.baru")
        await page.locator('[name="password"]').fill(SECOND)
        await page.get_by_test_id("role-supervisor").check()
        await page.get_by_test_id("account-save").click()
        await expect(page.get_by_test_id("account-row")).to_contain_text("Supervisor")
        assert not may_enter(centre, "petugas.baru", PASSWORD)
        assert may_enter(centre, "petugas.baru", SECOND)
        await shown(page, "petugas.baru")
        await page.get_by_test_id("account-close").click()
        await expect(page.get_by_test_id("account-row")).to_have_count(0)
        assert not may_enter(centre, "petugas.baru", SECOND)
        await page.get_by_test_id("closed-too").check()
        await shown(page, "petugas.baru")
        await page.get_by_test_id("account-reopen").click()
        await expect(page.get_by_role("status")).to_contain_text("dibuka kembali", timeout=LONG_MS)
        assert may_enter(centre, "petugas.baru", SECOND)
        await shown(page, "petugas.baru")
        await page.get_by_test_id("account-close").click()
        await expect(page.get_by_test_id("account-row")).to_contain_text("ditutup")


async def test_a_name_that_is_taken_and_the_last_administrator_are_said(centre: DemoCentre) -> None:
    """Locking out the only one who can open accounts would close the centre to the next shift."""
    async with opened(centre, "administrator", "/admin") as page:
        await expect(page.get_by_test_id("account-new")).to_be_enabled(timeout=LONG_MS)
        await page.keyboard.press("Alt+b")
        await page.locator('[name="username"]').fill("penerima")
        await page.locator('[name="name"]').fill("Penerima dua")
        await page.locator('[name="password"]').fill(PASSWORD)
        await page.get_by_test_id("role-call_taker").check()
        await page.get_by_test_id("account-save").click()
        await expect(page.get_by_test_id("fault-username")).to_contain_text("sudah dipakai")
        await page.keyboard.press("Escape")
        await page.get_by_test_id("account-find").fill("administrator")
        await page.get_by_test_id("account-row").get_by_role("button").click()
        await page.get_by_test_id("account-close").click()
        await expect(page.get_by_role("alert")).to_contain_text("administrator aktif terakhir")


async def test_administrators_come_to_their_page_and_others_do_not(centre: DemoCentre) -> None:
    """Signing on leads to one's work; a list of accounts is not everybody's."""
    async with opened(centre, "administrator", "/console") as page:
        await page.wait_for_url("**/admin")
        await page.goto("/")
        await page.get_by_role("link", name="Akun").click()
        await page.wait_for_url("**/admin")
    async with opened(centre, "call_taker", "/admin") as page:
        await expect(page.get_by_test_id("admin-problem")).to_contain_text("tidak mengizinkan")
        await expect(page.get_by_test_id("account-row")).to_have_count(0)
