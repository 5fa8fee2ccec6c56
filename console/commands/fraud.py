"""``cardswitch fraud``: who is locked out after wrong PINs, and prefixes that nobody may call."""

from typing import Annotated

import typer

from console.commands.common import DEFAULT_RUN_DIR, After, AsJson, Config, Limit, RunDir, Yes, confirm, core_of
from console.commands.output import Column, column, moment, print_done, print_page, print_rows
from console.commands.status import EXIT_STATUSES

app = typer.Typer(help="Abuse: lock-outs, blocked prefixes.", no_args_is_help=True, epilog=EXIT_STATUSES)

LOCK_COLUMNS = (
    column("scope", "scope"),
    column("who", "subject"),
    column("wrong PINs", "failures", right=True),
    column("lock-outs", "lockouts", right=True),
    moment("last wrong PIN", "last_failure_us"),
    Column("locked", lambda each: "yes" if each.locked else "no"),
    moment("until", "locked_until_us"),
)
PREFIX_COLUMNS = (
    column("prefix", "prefix"),
    Column("product", lambda each: each.product or "all"),
    column("reason", "reason"),
)
Prefix = Annotated[str, typer.Argument(help="E.164 digits without +.")]
Product = Annotated[str | None, typer.Option(help="Only for this product.")]


@app.command("locked")
def locked(
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Also those who are not locked out (any more).")] = False,
    after: After = None,
    limit: Limit = 50,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lists CallerIDs and trunks that are locked out after wrong PINs."""
    page = core_of(run_dir, config).list_lock_outs(locked_only=not everybody, after=after, limit=limit)
    print_page(page, LOCK_COLUMNS, as_json=as_json, nothing="nobody is locked out")


@app.command("unlock", epilog="Examples: cardswitch fraud unlock ani 13035550147   fraud unlock all")
def unlock(
    scope: Annotated[str, typer.Argument(help="ani, trunk or all.")],
    subject: Annotated[str, typer.Argument(help="The CallerID or the trunk's name.")] = "",
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Forgets the wrong PINs of a CallerID, a trunk, or of all together."""
    core_of(run_dir, config).unlock(scope, subject)
    print_done({"scope": scope, "subject": subject}, f"{scope} {subject} may try again".replace("  ", " "),
               as_json=as_json)  # fmt: skip


@app.command("prefixes")
def prefixes(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists prefixes that nobody may call, whatever the deck says."""
    found = core_of(run_dir, config).list_blocked_prefixes()
    print_rows(found, PREFIX_COLUMNS, as_json=as_json, nothing="no prefix is blocked")


@app.command("block-prefix", epilog="Example: cardswitch fraud block-prefix 88213 --reason satellite")
def block_prefix(
    prefix: Prefix,
    *,
    product: Product = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Refuses new calls to numbers that begin so."""
    core_of(run_dir, config).block_prefix(prefix, product=product, reason=reason)
    print_done({"prefix": prefix, "product": product}, f"calls to {prefix}… are refused now", as_json=as_json)


@app.command("allow-prefix")
def allow_prefix(
    prefix: Prefix,
    *,
    product: Product = None,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Takes a prefix off that list."""
    core = core_of(run_dir, config)
    confirm(f"Allow calls to {prefix}… again?", yes)
    core.unblock_prefix(prefix, product=product)
    print_done({"prefix": prefix, "product": product}, f"calls to {prefix}… are allowed again", as_json=as_json)
