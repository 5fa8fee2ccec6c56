"""The operators' commands on a real ledger: what they say, what they refuse, and with which exit status."""

import io
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from rating.core import RatingCore
from rating.database import Database
from rating.settings import load_settings
from tests.console.conftest import Run
from tests.ledger.world import LONDON, PARIS, World

DONE, FAILED, WRONG, MISSING, UNCONFIRMED = range(5)


def serial_of(world: World, card_id: int) -> str:
    return world.core.card(card_id).serial  # type: ignore[union-attr]


def new_serial(world: World, micros: int = 5_000_000) -> str:
    return serial_of(world, world.new_card(micros))


def settled(world: World, serial: str, dnis: str = LONDON, ani: str = "14155550100") -> str:
    """A call of 61 s; its hold."""
    card_id = world.core.show_card(serial).card_id
    request = replace(world.call(card_id, dnis), ani=ani)
    world.core.authorise(request)
    world.core.capture(request.hold_id, 61)
    return request.hold_id


def test_products_are_created_changed_and_shown(run: Run) -> None:
    made = run("products", "create", "Night", "--currency", "usd", "--deck", "retail", "--languages", "en,es:0.05")
    assert made.status == DONE, made.err
    assert "languages        en, es (0.050000 USD)" in made.out
    again = run("products", "create", "Night", "--currency", "USD", "--deck", "retail")
    assert (again.status, again.err) == (
        FAILED,
        "cardswitch: there is a product 'Night' already; change it, or choose another name\n",
    )
    changed = run("products", "change", "Night", "--warning-s", "30", "--spend-per-day", "5", "--json").document
    assert (changed["warning_s"], changed["spend_per_day_micros"]) == (30, 5_000_000)
    assert run("products", "change", "Night").status == WRONG
    assert run("products", "change", "Night", "--refillable", "maybe").status == WRONG
    assert run("products", "show", "Day").status == MISSING
    assert "Night" in [product["name"] for product in run("products", "list", "--json").document]
    assert "Night" in run("products", "list").out


def test_a_batch_is_issued_to_a_new_file_that_only_its_owner_reads(run: Run, world: World, tmp_path: Path) -> None:
    out = tmp_path / "batch.csv"
    options = ("batches", "issue", "World", "--cards", 3, "--value", "10", "--out", out)
    asked = run(*options)
    assert (asked.status, out.exists()) == (UNCONFIRMED, False)
    assert asked.err == (
        "cardswitch: Issue 3 cards of World, worth 30.000000 USD together?"
        " Nobody is there to ask (no terminal): add --yes to do it.\n"
    )
    done = run(*options, "--yes")
    assert done.status == DONE, done.err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = out.read_text().splitlines()
    assert (lines[0], len(lines)) == ("serial,pin", 4)
    serials, pins = zip(*(line.split(",") for line in lines[1:]), strict=True)
    for said in (done.out, run("batches", "list").out, run("cards", "show", serials[0]).out):
        assert not any(pin in said for pin in pins)
    assert run(*options, "--yes").status == FAILED  # the file is there
    batch = run("batches", "list", "--limit", 1, "--json").document["items"][0]
    assert (batch["cards"], batch["first_serial"], batch["last_serial"]) == (3, serials[0], serials[2])
    assert run("batches", "activate", serials[0], serials[1], "--yes").out == "2 cards are active now\n"
    assert run("batches", "show", batch["batch_id"], "--json").document["states"] == {"active": 2, "inactive": 1}
    plain = tmp_path / "serials.csv"
    assert run("batches", "export", batch["batch_id"], "--out", plain).status == DONE
    assert plain.read_text().splitlines()[1] == f"{serials[0]},World,active,USD,10.000000,0.000000"
    assert run("batches", "issue", "Nothing", "--cards", 1, "--value", 1, "--out", plain, "--yes").status == MISSING
    assert run("batches", "issue", "World", "--cards", 1, "--value", "1,5", "--out", plain, "--yes").status == WRONG
    assert run("batches", "block", serials[0], serials[2], "--yes", "--json").document == {"blocked": 2}


def test_a_card_is_found_shown_blocked_and_explained(run: Run, world: World) -> None:
    serial = new_serial(world)
    assert run("callerids", "register", serial, "+1 415 555 0201").out == f"14155550201 calls with card {serial} now\n"
    settled(world, serial)
    for found in (
        run("cards", "search", "--serial", serial.lstrip("0"), "--json"),
        run("cards", "search", "--ani", "*50201", "--json"),
        run("cards", "search", "--ani", "1415555020*", "--json"),
    ):
        assert [card["serial"] for card in found.document["items"]] == [serial]
    assert serial in run("cards", "find", "50201").out
    story = run("cards", "show", serial, "--json").document
    assert story["card"]["available_micros"] == 4_880_000
    assert [call["dnis"] for call in story["calls"]["items"]] == [LONDON]
    text = run("cards", "show", serial.lstrip("0")).out
    assert "CallerIDs  14155550201" in text
    assert "captured  61       120  0.120000 USD" in text
    explained = run("ledger", "explain", serial)
    assert (explained.status, len(explained.out.splitlines())) == (DONE, 4)
    assert f"charged for a call to {LONDON} (Destination 44)" in explained.out
    assert run("ledger", "explain", serial, "--json").document["ok"] is True
    assert run("cards", "block", serial).status == UNCONFIRMED
    assert run("cards", "block", serial, "--yes").out == f"card {serial} is blocked\n"
    assert run("cards", "search", "--state", "blocked", "--serial", serial, "--json").document["items"]
    assert run("cards", "unblock", serial).out == f"card {serial} is active\n"
    for wrong in (("cards", "show", "12x"), ("cards", "search", "--state", "gone"), ("cards", "search", "--ani", "*1")):
        assert run(*wrong).status == WRONG
    assert run("cards", "show", "999999999999").status == MISSING


def test_money_moves_once_a_reference(run: Run, world: World) -> None:
    serial = new_serial(world)
    options = ("cards", "adjust", serial, "-1.50", "--reason", "wrong refill", "--reference", "case 1")
    assert run(*options).status == UNCONFIRMED
    assert run(*options, "--yes").out == f"card {serial} has 3.500000 USD available\n"
    assert "posted before, nothing changed" in run(*options, "--yes").out
    done = run("cards", "refill", serial, "2", "--reference", "till 9", "--json").document
    assert (done["posted"], done["card"]["posted_micros"]) == (True, 5_500_000)
    assert run("cards", "refill", serial, "3", "--reference", "till 9").status == FAILED
    assert run("cards", "refill", serial, "3").status == WRONG
    assert run("cards", "adjust", serial, "-9", "--reason", "x", "--reference", "y", "--yes").status == FAILED
    assert "wrong refill" in run("ledger", "explain", serial).out


def test_a_voucher_is_read_from_standard_input_and_named_nowhere(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucher = world.core.issue_batch(world.product_id, 1, 2_000_000)[0]
    serial = new_serial(world)
    monkeypatch.setattr("sys.stdin", io.StringIO(voucher.pin + "\n"))
    done = run("cards", "refill", serial, "--voucher")
    assert done.out == f"card {serial} refilled with 2.000000 USD\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(voucher.pin + "\n"))
    again = run("cards", "refill", serial, "--voucher")
    assert (again.status, again.err) == (
        FAILED,
        "cardswitch: the voucher is used up, inactive, expired or of another currency\n",
    )
    assert voucher.pin not in done.out + done.err + again.err


def test_callerids_are_moved_removed_and_imported(run: Run, world: World, tmp_path: Path) -> None:
    lost, new = new_serial(world), new_serial(world)
    file = tmp_path / "list.csv"
    file.write_text(f"serial,ani\n{lost},415-555-0301\n{lost},x\n{lost},415-555-0302\n7,4155550303\n")
    wrong = run("callerids", "import", file, "--country", "us")
    assert (wrong.status, wrong.err.splitlines()) == (
        FAILED,
        [
            "cardswitch: list.csv, line 3: 'x' is not a telephone number",
            "list.csv, line 5: there is no card 000000000007",
        ],
    )
    file.write_text(f"serial,ani\n{lost},415-555-0301\n{lost},415-555-0302\n")
    assert run("callerids", "import", file, "--country", "US").out == "2 registered, 0 were before\n"
    listed = run("callerids", "list", "1415555030*", "--json").document["items"]
    assert [(each["ani"], each["serial"]) for each in listed] == [("14155550301", lost), ("14155550302", lost)]
    moved = run("callerids", "move", lost, new, "--number", "+14155550301", "--yes")
    assert moved.out == f"moved to {new}: 14155550301\n"
    assert run("callerids", "move", lost, new, "--yes", "--json").document == {"moved": ["14155550302"]}
    assert run("callerids", "remove", "+14155550301").status == UNCONFIRMED
    assert run("callerids", "remove", "+14155550301", "--yes").status == DONE
    assert run("callerids", "remove", "+14155550301", "--yes").status == MISSING
    taken = run("callerids", "register", lost, "+14155550302")
    assert (taken.status, "it is on another card" in taken.err) == (FAILED, True)


def test_a_deck_is_imported_compared_and_exported(run: Run, tmp_path: Path) -> None:
    old, new, out = tmp_path / "old.csv", tmp_path / "new.csv", tmp_path / "out.csv"
    old.write_text("prefix,destination,rate_per_minute\n44,United Kingdom,0.02\n33,=HYPERLINK(),0.03\n")
    new.write_text("prefix,destination,rate_per_minute\n44,United Kingdom,0.04\n33,=HYPERLINK(),0.03\n")
    options = ("--name", "fancy", "--currency", "USD", "--json")
    assert run("decks", "import", old, *options, "--dry-run").document["counts"]["new"] == 2
    assert run("decks", "list", "--json").document[0]["name"] != "fancy"
    assert run("decks", "import", old, *options).document == {"deck": "fancy", "version": 1, "prefixes": 2}
    assert run("decks", "diff", "fancy", new, "--json").document["counts"]["dearer"] == 1
    assert run("decks", "diff", "fancy", new).out.startswith("0 new, 1 dearer, 0 cheaper, 0 changed, 0 gone, 1 as")
    assert run("decks", "export", "fancy", "--out", out).status == DONE
    assert out.read_text().splitlines()[1].startswith("33,'=HYPERLINK(),0.030000,")
    assert run("decks", "export", "nothing", "--out", tmp_path / "x.csv").status == MISSING
    assert not (tmp_path / "x.csv").exists()
    assert run("decks", "check", tmp_path / "y.csv").err == f"cardswitch: {tmp_path}/y.csv: No such file or directory\n"


def test_the_network_is_listed_changed_and_removed(run: Run) -> None:
    assert run("carriers", "add", "beta", "--deck", "beta-cost").status == DONE
    gateway = run("gateways", "add", "beta", "sip:192.0.2.9:5060", "--json").document
    assert run("gateways", "change", gateway["gateway_id"], "--enabled", "no", "--json").document["enabled"] is False
    assert "sip:192.0.2.9:5060" in run("gateways", "list", "beta").out
    assert run("gateways", "add", "beta", "192.0.2.9").status == WRONG
    assert run("carriers", "change", "beta", "--priority", 5, "--json").document["priority"] == 5
    assert run("carriers", "remove", "beta").status == UNCONFIRMED
    assert run("carriers", "remove", "beta", "--yes").status == DONE
    assert run("carriers", "remove", "beta", "--yes").status == MISSING
    assert run("trunks", "add", "north", "192.0.2.0/28", "--country", "ca", "--trusted").status == DONE
    assert run("trunks", "add", "south", "192.0.2.0/28", "--country", "CA").status == FAILED
    assert run("trunks", "change", "north", "--trusted", "no", "--json").document["ani_trusted"] is False
    assert "192.0.2.0/28" in run("trunks", "list").out
    assert run("trunks", "remove", "north", "--yes").status == DONE
    assert run("access-numbers", "add", "12025550199", "Test", "--country", "US", "--languages", "en,es").status == DONE
    changed = run("access-numbers", "change", "12025550199", "--surcharge", "0.25", "--json").document
    assert (changed["surcharge_micros"], changed["languages"]) == (250_000, ["en", "es"])
    assert "0.250000" in run("access-numbers", "list").out
    assert run("access-numbers", "remove", "12025550199", "--yes").status == DONE
    assert run("access-numbers", "add", "12x", "Test", "--country", "US").status == WRONG


def test_a_carrier_that_carried_calls_is_disabled_instead(run: Run, world: World) -> None:
    # What the keeper counts when it settles a call.
    label = f"{world.core.show_carrier('Acme').carrier_id}|GB|captured"
    Database(world.ledger).rows("INSERT INTO tally VALUES ('test', 'route_calls', %s, 1)", (label,))
    refused = run("carriers", "remove", "Acme", "--yes")
    assert (refused.status, "disable it instead" in refused.err) == (FAILED, True)


def test_calls_are_listed_searched_exported_and_summed_up(run: Run, world: World, tmp_path: Path) -> None:
    serial = new_serial(world)
    settled(world, serial, LONDON, "14155550401")
    settled(world, serial, PARIS, "14155550402")
    authorised = world.authorised(world.core.show_card(serial).card_id)
    (ringing,) = [each for each in run("calls", "live", "--json").document["items"] if each["serial"] == serial]
    assert (ringing["state"], ringing["left_s"], ringing["spent_micros"]) == ("ringing", authorised.limit_s, 0)
    assert "ringing" in run("calls", "live").out
    asked = run("calls", "hangup", ringing["call_id"])
    assert (asked.status, "Hang up the call from an unknown number" in asked.err) == (UNCONFIRMED, True)
    unanswered = run("calls", "hangup", ringing["call_id"], "--yes")
    assert (unanswered.status, "is not answered yet" in unanswered.err) == (FAILED, True)
    world.core.void(authorised.hold_id)
    assert run("calls", "hangup", ringing["call_id"], "--yes").status == MISSING
    assert run("calls", "hangup", "xyz", "--yes").status == WRONG

    def found(*options: str) -> list[str]:
        return [
            call["dnis"] for call in run("calls", "search", "--serial", serial, *options, "--json").document["items"]
        ]

    assert sorted(found()) == [PARIS, LONDON]
    assert found("--number", "331*") == found("--ani", "*0402") == [PARIS]
    assert found("--since", "2026-11-23") == found("--until", "2026-11-22") == []
    assert run("calls", "search", "--since", "yesterday").status == WRONG
    assert run("calls", "search", "--serial", "999999999999").status == MISSING
    out = tmp_path / "calls.csv"
    assert run("calls", "export", "--serial", serial, "--out", out).out == f"2 call records written to {out}\n"
    assert len(out.read_text().splitlines()) == 3
    assert run("calls", "export", "--serial", serial, "--out", out).status == FAILED
    usage = run("calls", "usage", "--by", "destination", "--days", 3660, "--json").document
    assert {"Destination 33", "Destination 44"} <= {each["group"] for each in usage}
    assert run("calls", "usage", "--by", "moon").status == WRONG


def test_lock_outs_and_blocked_prefixes(run: Run, config: Path) -> None:
    now = RatingCore.from_settings(load_settings(config))  # the world's clock stands still
    for _ in range(3):
        now.enter_pin("99999999", ani="14155550501", trunk="t")
    assert "14155550501" in run("fraud", "locked").out
    assert run("fraud", "locked", "--json").document["items"][0]["subject"] == "14155550501"
    assert run("fraud", "unlock", "ani", "14155550501").status == DONE
    assert run("fraud", "unlock", "ani", "14155550501").status == MISSING
    assert run("fraud", "unlock", "moon").status == WRONG
    assert run("fraud", "block-prefix", "88213", "--reason", "satellite").status == DONE
    assert "satellite" in run("fraud", "prefixes").out
    assert run("fraud", "allow-prefix", "88213").status == UNCONFIRMED
    assert run("fraud", "allow-prefix", "88213", "--yes").status == DONE
    assert run("fraud", "allow-prefix", "88213", "--yes").status == MISSING


def test_the_ledger_check_says_whether_the_books_agree(run: Run) -> None:
    assert run("ledger", "check").out.endswith("the ledger adds up\n")
    assert run("ledger", "check", "--json").document["ok"] is True


def test_without_a_stack_or_settings_it_says_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARDSWITCH_CONFIG")
    ended = run("cards", "search", "--run-dir", tmp_path)
    assert (ended.status, ended.err) == (
        FAILED,
        f"cardswitch: no stack runs in {tmp_path}: start one with `cardswitch up`, or pass --config.\n",
    )


def test_every_command_has_help_with_the_exit_statuses_or_an_example(run: Run) -> None:
    for noun in ("products", "batches", "cards", "callerids", "decks", "carriers", "gateways", "trunks",
                 "access-numbers", "calls", "ledger", "fraud"):  # fmt: skip
        ended = run(noun, "--help")
        assert (ended.status, "Exit status: 0 done" in ended.out) == (DONE, True), noun
