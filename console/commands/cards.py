"""``cardswitch cards``: finding a card, its story, blocking, adjusting, refilling it."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from console import show
from console.commands import calls, ledger
from console.commands.common import (
    DEFAULT_RUN_DIR,
    After,
    AsJson,
    Config,
    Limit,
    Reference,
    RunDir,
    Yes,
    confirm,
    core_of,
)
from console.commands.output import amount, column, moment, print_done, print_fields, print_page, print_rows, when
from console.commands.status import EXIT_STATUSES
from rating.administration import ConflictError, InputError
from rating.administration.values import CardView
from rating.core import RatingCore
from rating.money import format_amount, parse_amount
from rating.outcome import Refusal

app = typer.Typer(help="Cards: find, show, block, adjust, refill.", no_args_is_help=True, epilog=EXIT_STATUSES)

COLUMNS = (
    column("serial", "serial"),
    column("product", "product"),
    column("state", "state"),
    amount("available", "available_micros"),
    amount("held", "held_micros"),
    column("batch", "batch_id", right=True),
    moment("first used", "first_used_us"),
)
Serial = Annotated[str, typer.Argument(help="As on the card; leading zeros may be left out.")]


@app.command("search", epilog="Examples: cardswitch cards search --ani '*0147'   cards search --state blocked")
def search(
    *,
    serial: Annotated[str, typer.Option(help="Whole, 0001* for a beginning, *123 for an ending.")] = "",
    ani: Annotated[str, typer.Option(help="A registered CallerID: whole, 1303* or *0147.")] = "",
    state: Annotated[str, typer.Option(help="inactive, active, blocked or exhausted.")] = "",
    batch: Annotated[int | None, typer.Option(min=1, help="Of this batch.")] = None,
    after: After = None,
    limit: Limit = 50,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Finds cards by serial, CallerID, state, batch. Part of a number is a beginning (44*) or an ending (*0147)."""
    page = core_of(run_dir, config).search_cards(
        serial=serial, ani=ani, state=state, batch_id=batch, after=after, limit=limit
    )
    print_page(page, COLUMNS, as_json=as_json, nothing="no such card")


@app.command("find", epilog="Example: cardswitch cards find 0147")
def find(
    digits: Annotated[str, typer.Argument(help="A serial, a CallerID, or digits of one.")],
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Finds cards by whatever digits one has: serial or CallerID, whole, or its end or beginning."""
    print_rows(core_of(run_dir, config).find_cards(digits), COLUMNS, as_json=as_json, nothing="no such card")


@app.command("show")
def show_card(
    serial: Serial,
    *,
    limit: Limit = 20,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tells a card's story: balance, CallerIDs, running calls, newest entries and calls."""
    story = core_of(run_dir, config).card_story(serial, limit=limit)
    if as_json:
        print_fields(story, {}, as_json=True)
        return
    print_fields(story.card, _fields(story.card), as_json=False)
    show.plain(f"CallerIDs  {', '.join(each.ani for each in story.caller_ids) or 'none'}")
    if story.holds:
        show.plain("\nrunning calls")
        print_rows(story.holds, calls.LIVE_COLUMNS, as_json=False)
    show.plain("\nnewest entries")
    print_rows(story.entries.items, ledger.ENTRY_COLUMNS, as_json=False)
    show.plain("\nnewest calls")
    print_rows(story.calls.items, calls.COLUMNS, as_json=False, nothing="none yet")


@app.command("block")
def block(
    serial: Serial,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Blocks an active card; a call that runs goes on to its limit (`calls hangup` ends it)."""
    core = core_of(run_dir, config)
    card = core.show_card(serial)
    confirm(f"Block card {card.serial}?", yes)
    done = core.block(card.serial)
    sentence = f"card {card.serial} is blocked" if done else f"card {card.serial} is {card.state}: nothing changed"
    print_done({"serial": card.serial, "changed": bool(done)}, sentence, as_json=as_json)


@app.command("unblock")
def unblock(
    serial: Serial, *, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False
) -> None:
    """Lets a blocked card be used again."""
    core = core_of(run_dir, config)
    card = core.show_card(serial)
    done = core.unblock(card.serial)
    sentence = f"card {card.serial} is active" if done else f"card {card.serial} is {card.state}: nothing changed"
    print_done({"serial": card.serial, "changed": bool(done)}, sentence, as_json=as_json)


@app.command(
    "adjust",
    context_settings={"ignore_unknown_options": True},  # -1.50 is an amount
    epilog="Example: cardswitch cards adjust 100001 -1.50 --reason 'wrong refill' --reference 'case 4711'",
)
def adjust(
    serial: Serial,
    value: Annotated[str, typer.Argument(help="As 1.50, or -1.50 to take it away.")],
    *,
    reason: Annotated[str, typer.Option(help="Why: shown with the entry for ever.")],
    reference: Reference,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Corrects a balance, with a reason, once per reference."""
    core = core_of(run_dir, config)
    card, micros = core.show_card(serial), parse_amount(value)
    if not reason.strip():
        raise InputError("--reason is empty: say why, it is shown with the entry for ever")
    word = "Credit" if micros >= 0 else "Take"
    confirm(f"{word} {format_amount(abs(micros), card.currency)} on card {card.serial} ({reason})?", yes)
    new = core.adjust(card.card_id, micros, reference=reference, note=reason.strip())
    _print_posting(core.show_card(card.serial), new, reference, as_json)


@app.command("refill", epilog="Example: cardswitch cards refill 100001 10.00 --reference 'till 4 receipt 8812'")
def refill(
    serial: Serial,
    value: Annotated[str | None, typer.Argument(help="As 10.00; without it, --voucher.")] = None,
    *,
    reference: Annotated[str, typer.Option(help="Of the payment: the same one again changes nothing.")] = "",
    note: Annotated[str, typer.Option(help="Shown with the entry.")] = "",
    voucher: Annotated[
        bool, typer.Option("--voucher", help="Asks for a voucher's PIN (or reads it from standard input) instead.")
    ] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Refills a card with what was paid for, or by a voucher's PIN."""
    core = core_of(run_dir, config)
    card = core.show_card(serial)
    if voucher:
        if value is not None:
            raise InputError("either an amount or --voucher, not both")
        _refill_by_voucher(core, card, as_json)
        return
    if value is None or not reference:
        raise InputError("say how much, and --reference of the payment; or --voucher")
    new = core.refill(card.card_id, parse_amount(value), reference=reference, note=note)
    _print_posting(core.show_card(card.serial), new, reference, as_json)


_VOUCHER_SENTENCES = {
    Refusal.WRONG_PIN: "this is not the PIN of any voucher or card",
    Refusal.LOCKED: "too many wrong PINs: nobody is believed for a while; see `cardswitch fraud locked`",
    Refusal.VOUCHER_USED: "the voucher is used up, inactive, expired or of another currency",
    Refusal.NOT_REFILLABLE: "this card cannot be refilled",
}


def _refill_by_voucher(core: RatingCore, card: CardView, as_json: bool) -> None:
    # Never an argument: those are in the shell's history, and in the list of processes.
    pin = typer.prompt("PIN of the voucher", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    found = core.refill_by_voucher(card.card_id, pin.strip(), ani=None, trunk="console")
    if isinstance(found, Refusal):
        raise ConflictError(_VOUCHER_SENTENCES.get(found, found.value))
    after = core.show_card(card.serial)
    added = format_amount(after.posted_micros - card.posted_micros, card.currency)
    print_done({"card": asdict(after)}, f"card {card.serial} refilled with {added}", as_json=as_json)


def _print_posting(card: CardView, new: bool, reference: str, as_json: bool) -> None:
    available = format_amount(card.available_micros, card.currency)
    sentence = f"card {card.serial} has {available} available"
    if not new:
        sentence = f"reference {reference!r} was posted before, nothing changed: {sentence}"
    print_done({"posted": new, "card": asdict(card)}, sentence, as_json=as_json)


def _fields(card: CardView) -> dict[str, str]:
    return {
        "serial": card.serial,
        "product": f"{card.product}, batch {card.batch_id}",
        "state": card.state,
        "available": format_amount(card.available_micros, card.currency),
        "held": f"{format_amount(card.held_micros, card.currency)} in {card.open_holds} calls",
        "first used": when(card.first_used_us) or "never",
        "expires": when(card.expires_us) or "no end",
        "language": card.language or "none chosen",
    }
