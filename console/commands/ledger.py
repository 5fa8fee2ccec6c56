"""``cardswitch ledger``: do the books agree, and why has a card what it has?"""

from dataclasses import asdict
from typing import Annotated

import typer

from console import show
from console.commands.common import DEFAULT_RUN_DIR, AsJson, Config, RunDir, core_of
from console.commands.output import Column, column, moment, print_json, print_rows
from console.commands.status import EXIT_STATUSES
from rating.money import format_amount

app = typer.Typer(help="The ledger: check it, explain a card.", no_args_is_help=True, epilog=EXIT_STATUSES)

ENTRY_COLUMNS = (
    moment("when", "at_us"),
    Column("amount", lambda entry: format_amount(entry.amount_micros), right=True),
    Column("balance", lambda entry: format_amount(entry.balance_micros), right=True),
    column("why", "sentence"),
)


@app.command("check")
def check(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Recomputes all balances: issued + refilled − charged − fees = posted. Exit status 1 when they do not add up."""
    found = core_of(run_dir, config).check()
    if as_json:
        print_json(asdict(found))
        raise typer.Exit(0 if found.ok else 1)
    for currency, sums in found.currencies.items():
        amounts = {name: format_amount(micros) for name, micros in sums.items()}
        show.plain(
            f"{currency}: issued {amounts['issued']} + refilled {amounts['refilled']} − charged {amounts['charged']} "
            f"− fees {amounts['fees']} = posted {amounts['posted']}; held {amounts['held']}"
        )
    for problem in found.problems:
        show.plain(problem)
    show.plain("the ledger adds up" if found.ok else "the ledger does NOT add up")
    raise typer.Exit(0 if found.ok else 1)


@app.command("explain", epilog="Example: cardswitch ledger explain 100001")
def explain(
    serial: Annotated[str, typer.Argument(help="The card's; leading zeros may be left out.")],
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tells a card's account line by line: amount, balance after it, and why. Exit status 1 when it does not add up."""
    core = core_of(run_dir, config)
    card = core.show_card(serial)
    lines = core.explain_card(card.card_id)
    total = lines[-1].balance_micros if lines else 0
    agrees = total == card.posted_micros
    if as_json:
        print_json({"card": asdict(card), "entries": [asdict(line) for line in lines], "ok": agrees})
        raise typer.Exit(0 if agrees else 1)
    print_rows(lines, ENTRY_COLUMNS, as_json=False, nothing="nothing was ever posted")
    posted, held = format_amount(card.posted_micros, card.currency), format_amount(card.held_micros, card.currency)
    available = format_amount(card.available_micros, card.currency)
    show.plain(f"posted {posted}, held for calls that run {held}, available {available}")
    if not agrees:
        show.plain(f"these lines sum to {format_amount(total, card.currency)}: they do NOT agree with the card")
    raise typer.Exit(0 if agrees else 1)
