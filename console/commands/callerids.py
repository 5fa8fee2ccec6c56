"""``cardswitch callerids``: the numbers whose owners are not asked for a PIN."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from console.commands.common import DEFAULT_RUN_DIR, After, AsJson, Config, Limit, RunDir, Yes, confirm, core_of
from console.commands.output import column, moment, print_done, print_page
from console.commands.status import EXIT_STATUSES
from rating.administration import ConflictError, InputError
from rating.numbers import normalise_ani
from rating.outcome import Refusal

app = typer.Typer(help="CallerIDs: register, move, remove, import.", no_args_is_help=True, epilog=EXIT_STATUSES)

COLUMNS = (column("CallerID", "ani"), column("serial", "serial"), moment("registered", "registered_us"))
Country = Annotated[str, typer.Option(help="Country of numbers without + (as US); without it they are E.164.")]
Number = Annotated[str, typer.Argument(help="The CallerID, as +13035550147.")]
_REFUSED = {
    Refusal.ANI_TAKEN: "it is on another card, or the card has as many CallerIDs as its product allows",
    Refusal.UNKNOWN_CARD: "there is no such card",
    Refusal.BAD_NUMBER: "it is not a telephone number",
}


@app.command("list", epilog="Example: cardswitch callerids list '*0147'")
def list_caller_ids(
    part: Annotated[str, typer.Argument(help="Whole, 1303* for a beginning, *0147 for an ending.")] = "",
    *,
    after: After = None,
    limit: Limit = 50,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lists CallerIDs and their cards, by number."""
    page = core_of(run_dir, config).list_caller_ids(part, after=after, limit=limit)
    print_page(page, COLUMNS, as_json=as_json, nothing="no such CallerID")


@app.command("register", epilog="Example: cardswitch callerids register 100001 +13035550147")
def register(
    serial: Annotated[str, typer.Argument(help="The card's.")],
    number: Number,
    *,
    country: Country = "",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lets a CallerID call with a card without the PIN."""
    core, ani = core_of(run_dir, config), number_of(number, country)
    card = core.show_card(serial)
    refused = core.register_ani(card.card_id, ani)
    if refused is not None:
        raise ConflictError(f"CallerID {ani} was not registered: {_REFUSED.get(refused, refused.value)}")
    print_done({"ani": ani, "serial": card.serial}, f"{ani} calls with card {card.serial} now", as_json=as_json)


@app.command("remove")
def remove(
    number: Number,
    *,
    country: Country = "",
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Takes a CallerID off its card: it is asked for a PIN again."""
    core, ani = core_of(run_dir, config), number_of(number, country)
    confirm(f"Remove CallerID {ani}?", yes)
    core.remove_caller_id(ani)
    print_done({"ani": ani}, f"{ani} is asked for a PIN from now on", as_json=as_json)


@app.command(
    "move", epilog="Example: cardswitch callerids move 100001 100002 --yes  (a lost card's to its replacement)"
)
def move(
    from_serial: Annotated[str, typer.Argument(help="The card they are on.")],
    to_serial: Annotated[str, typer.Argument(help="The card they go to.")],
    *,
    number: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Moves all CallerIDs of a card, or some, to another card."""
    core = core_of(run_dir, config)
    confirm(f"Move {'all CallerIDs' if not number else ', '.join(number)} of {from_serial} to {to_serial}?", yes)
    moved = core.move_caller_ids(from_serial, to_serial, [number_of(each, "") for each in number or ()])
    print_done({"moved": list(moved)}, f"moved to {to_serial}: {', '.join(moved) or 'none'}", as_json=as_json)


@app.command("import", epilog="Example: cardswitch callerids import list.csv --country US")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with the columns serial and ani.")],
    *,
    country: Country = "",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Registers many CallerIDs, all of a file or none: every error is told with its line."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        done = core_of(run_dir, config).import_caller_ids(lines, file.name, country=country.upper())
    print_done(asdict(done), f"{done.added:,} registered, {done.unchanged:,} were before", as_json=as_json)


def number_of(text: str, country: str) -> str:
    """E.164 digits. Raises InputError."""
    ani = normalise_ani(text, country.upper())
    if ani is None:
        raise InputError(f"{text!r} is not a telephone number; write it as +13035550147, or give --country")
    return ani
