"""The console beside real calls: a batch is issued, its card calls, the call is seen live, hung up, and charged."""

import csv
import re
from pathlib import Path

from playwright.sync_api import expect

from console.demo.network import DESTINATION
from console.pictures import TIMEOUT_MS, chromium, new_page
from console.stack.plan import TRUSTED_CALLER_HOST
from rating.money import format_amount
from tests.edge.sipp import Sipp, ack, invite, receive, reply_in_dialog
from tests.support.stack import RunningStack

ANI = "12025550194"
PASSWORD = "chosen at the first log-in"
CALLER = [
    invite(f"011{DESTINATION}", ANI),
    receive(100, optional=True),
    receive(180, optional=True),
    receive(183, optional=True),
    receive(200, rrs=True),
    ack(f"011{DESTINATION}", ANI),
    receive("BYE", timeout_ms=90_000),
    reply_in_dialog(),
]


def test_a_call_is_seen_live_hung_up_and_charged(stack: RunningStack, tmp_path: Path) -> None:
    """From the password that `up` printed to the charge on the card's page, in a browser, with a real call."""
    found = re.search(r"Web console on (http://\S+): log in as (\w+) with (\S+)", stack.output())
    assert found, stack.output()
    url, name, password = found.groups()
    expect.set_options(timeout=TIMEOUT_MS)
    with chromium() as browser:
        page = new_page(browser, url, dark=False)
        page.goto("/login")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", password)
        page.click("main button")
        page.wait_for_url("**/account")
        page.fill("input[name=new]", PASSWORD)
        page.fill("input[name=again]", PASSWORD)
        page.get_by_role("button", name="Save the password").click()
        page.wait_for_url("**/live")

        page.goto("/batches")
        page.fill("input[name=cards]", "2")
        page.get_by_label("Active at once").check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Issue and download").click()
        file = tmp_path / "cards.csv"
        download.value.save_as(file)
        serial = next(csv.DictReader(file.open()))["serial"]

        page.goto(f"/cards/{serial}")
        page.fill("input[name=ani]", ANI)
        page.get_by_role("button", name="Register").click()
        page.get_by_text("Registered: calls from there need no PIN.").wait_for()
        page.goto("/live")
        caller = Sipp("caller", CALLER, TRUSTED_CALLER_HOST, tmp_path, remote=stack.edge, timeout_s=100)
        caller.start()
        try:
            row = page.locator("#live tbody tr").filter(has_text=serial)
            expect(row.locator("[data-cell=state]")).to_have_text("connected")
            expect(row.locator("[data-cell=time]")).not_to_have_text("0:00")
            page.on("dialog", lambda dialog: dialog.accept())
            row.get_by_role("button").click()
            page.get_by_text("The call was hung up.").wait_for()
            assert caller.wait() == 0, caller.trouble()
        finally:
            caller.stop()
        card = stack.core.show_card(serial)
        record = stack.await_record(card.card_id)
        page.goto(f"/cards/{serial}")
        charge = format_amount(record["charge_micros"], "USD")
        page.get_by_text(f"{charge} charged for a call to {DESTINATION}").wait_for()
        assert record["charge_micros"] > 0
    deeds = [(row["actor"], row["action"]) for row in stack.core._slow.rows("SELECT actor, action FROM audit")]
    assert ("operator admin", "call.hangup") in deeds
