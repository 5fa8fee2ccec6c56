"""``cardswitch batches``: issuing cards, their one export for print, activating them by serial range."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from console.commands.common import DEFAULT_RUN_DIR, After, AsJson, Config, Limit, RunDir, Yes, confirm, core_of
from console.commands.output import amount, column, moment, print_done, print_fields, print_page, when
from console.commands.status import EXIT_STATUSES
from rating.administration import InputError
from rating.export import write_serials
from rating.money import format_amount, parse_amount

app = typer.Typer(help="Batches of cards: issue, export, activate.", no_args_is_help=True, epilog=EXIT_STATUSES)

COLUMNS = (
    column("batch", "batch_id", right=True),
    column("product", "product"),
    column("cards", "cards", right=True),
    amount("face value", "face_value_micros"),
    column("first serial", "first_serial"),
    column("last serial", "last_serial"),
    moment("issued", "issued_us"),
    moment("exported", "exported_us"),
)
First = Annotated[str, typer.Argument(help="First serial of the range.")]
Last = Annotated[str, typer.Argument(help="Last serial of the range.")]


@app.command("list")
def list_batches(
    *,
    after: After = None,
    limit: Limit = 50,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lists batches, the newest first."""
    page = core_of(run_dir, config).list_batches(after=after, limit=limit)
    print_page(page, COLUMNS, as_json=as_json, nothing="no cards were issued yet")


@app.command("show")
def show_batch(
    batch: Annotated[int, typer.Argument(min=1, help="The batch's number.")],
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Shows a batch, and how many of its cards are in which state."""
    detail = core_of(run_dir, config).show_batch(batch)
    found = detail.batch
    states = ", ".join(f"{count:,} {state}" for state, count in detail.states.items())
    print_fields(
        asdict(detail),
        {
            "batch": str(found.batch_id),
            "product": found.product,
            "cards": f"{found.cards:,}: {states}",
            "face value": format_amount(found.face_value_micros, found.currency),
            "serials": f"{found.first_serial} to {found.last_serial}",
            "PIN digits": str(found.pin_length),
            "issued": when(found.issued_us),
            "exported": when(found.exported_us) or "no: the PINs were shown, not written for print",
        },
        as_json=as_json,
    )


@app.command(
    "issue", epilog="Example: cardswitch batches issue Worldwide --cards 5000 --value 10 --out batch.csv --yes"
)
def issue(
    product: Annotated[str, typer.Argument(help="The product's name.")],
    *,
    cards: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")],
    value: Annotated[str, typer.Option(help="Face value of each, as 10.00.")],
    out: Annotated[Path, typer.Option(help="New file for serials and PINs, readable by you only.")],
    pin_length: Annotated[int, typer.Option(min=8, max=20, help="Digits of the PINs.")] = 12,
    active: Annotated[bool, typer.Option("--active", help="They can be used at once.")] = False,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Makes cards and writes serials and PINs for print: the only time that the PINs can be seen.

    The file is new, of mode 0600, on disk before the batch counts; without it there is no batch.
    """
    micros = parse_amount(value)
    if micros < 0:
        raise InputError("a face value is not negative")
    core = core_of(run_dir, config)
    currency = core.show_product(product).currency
    total = format_amount(micros * cards, currency)
    confirm(f"Issue {cards:,} cards of {product}, worth {total} together?", yes)
    core.issue_batch_to_file(product, cards, micros, out, pin_length=pin_length, active=active)
    batch = core.list_batches(limit=1).items[0]
    print_done(
        {"batch": asdict(batch), "file": str(out)},
        f"batch {batch.batch_id}: {cards:,} cards, serials {batch.first_serial} to {batch.last_serial}; "
        f"serials and PINs are in {out}. Guard it: nobody can make it again.",
        as_json=as_json,
    )


@app.command("export", epilog="Example: cardswitch batches export 12 --out batch-12.csv")
def export(
    batch: Annotated[int, typer.Argument(min=1, help="The batch's number.")],
    *,
    out: Annotated[Path, typer.Option(help="New file, readable by you only.")],
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Writes a batch's serials with states and balances as CSV. PINs were written once, by `batches issue`."""
    core = core_of(run_dir, config)
    detail = core.show_batch(batch)
    written = write_serials(core.each_card(batch_id=batch), out)
    print_done({"cards": written, "file": str(out)}, f"{written:,} of {detail.batch.cards:,} cards written to {out}",
               as_json=as_json)  # fmt: skip


@app.command("activate", epilog="Example: cardswitch batches activate 000000100001 000000105000 --yes")
def activate(
    first: First,
    last: Last,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Makes the inactive cards of a range of serials usable."""
    core = core_of(run_dir, config)
    confirm(f"Activate the inactive cards {first} to {last}?", yes)
    done = core.activate(first, last)
    print_done({"activated": done}, f"{done:,} cards are active now", as_json=as_json)


@app.command("block")
def block(
    first: First,
    last: Last,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Blocks the active cards of a range of serials, as of a stolen box; calls that run go on to their limit."""
    core = core_of(run_dir, config)
    confirm(f"Block the active cards {first} to {last}?", yes)
    done = core.block(first, last)
    print_done({"blocked": done}, f"{done:,} cards are blocked now", as_json=as_json)
