"""The ``cardswitch`` command: its words and their options. What they do is in the modules beside it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from console import show
from console.commands import access, batches, callerids, calls, cards, decks, fraud, ledger, network, products
from console.commands.common import AsJson, Config, settings_of
from console.commands.status import EXIT_STATUSES, EXPECTED, sentence_of, status_of
from console.stack.errors import StackError
from console.stack.parts import python_module
from console.stack.plan import ROOT
from rating.quote_command import quote_command
from rating.settings import load_settings

app = typer.Typer(
    help="Prepaid calling cards for SIP carriers. Start with `demo`.",
    epilog=EXIT_STATUSES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, noun in {
    "products": products.app,
    "batches": batches.app,
    "cards": cards.app,
    "callerids": callerids.app,
    "decks": decks.app,
    "carriers": network.carriers,
    "gateways": network.gateways,
    "trunks": network.trunks,
    "access-numbers": network.access_numbers,
    "calls": calls.app,
    "ledger": ledger.app,
    "fraud": fraud.app,
    "operators": access.operators,
    "tokens": access.tokens,
}.items():
    app.add_typer(noun, name=name)
app.add_typer(decks.app, name="deck", hidden=True)  # as it was called first
app.command("quote")(quote_command)

RunDir = Annotated[Path, typer.Option("--run-dir", help="Where the stack keeps everything.", show_default=".run")]
DEFAULT_RUN_DIR = ROOT / ".run"


@app.command()
def demo(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    story: Annotated[list[int] | None, typer.Option(help="Only these stories (1 to 4); may be repeated.")] = None,
) -> None:
    """Starts everything, places real calls, shows what happened. Exit status 0 only if all of it held."""
    from console.demo.run import run_demo

    raise typer.Exit(run_demo(run_dir.resolve(), stories=tuple(story or ())))


@app.command()
def up(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    sip_port: Annotated[int | None, typer.Option(help="The edge's SIP port; without it, a free one.")] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Leave the ledger as it is: no demo network.")] = False,
    prompt_cache: Annotated[
        Path | None, typer.Option(help="Rendered prompts, shared between stacks; else in the run directory.")
    ] = None,
    monitoring: Annotated[bool, typer.Option("--monitoring", help="Start Prometheus, too.")] = False,
) -> None:
    """Starts the stack and keeps it in the foreground until Ctrl-C, with a live view."""
    from console.up import run_up

    raise typer.Exit(
        run_up(run_dir.resolve(), sip_port=sip_port, empty=empty, prompt_cache=prompt_cache, monitoring=monitoring)
    )


@app.command()
def down(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Ends the stack of the run directory (and its demo), also what a killed one left behind."""
    from console.stack.supervisor import take_down

    run_dir = run_dir.resolve()
    ended = [take_down(path, say=show.plain) for path in (run_dir, run_dir / "demo")]
    show.plain("stopped; nothing is left running" if any(ended) else f"nothing was running in {run_dir}")


@app.command()
def status(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable, one JSON document.")] = False,
) -> None:
    """Shows what runs: every address, port, access number, pid, version. Exit status 3 when nothing does."""
    from console.status import print_status

    raise typer.Exit(print_status(run_dir.resolve(), as_json=as_json))


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="kamailio, mediasrv, keeper, … Without it: all of them.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they grow, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many last lines of each.")] = 40,
) -> None:
    """Shows the parts' logs."""
    from console.logs import show_logs

    raise typer.Exit(show_logs(run_dir.resolve(), part, follow=follow, lines=lines))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    options_metavar="list|play|check|render|prune",
)
def prompts(context: typer.Context, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Lists, plays to a file, checks and renders what callers hear. `prompts -h` says more."""
    from console.prompts import run_prompts
    from console.stack.plan import RunDirectory

    raise typer.Exit(run_prompts(RunDirectory(run_dir.resolve()), context.args or ["-h"]))


@app.command()
def screenshots(
    directory: Annotated[Path, typer.Option("--to", help="Where the pictures go.")] = ROOT / "docs/pictures/console",
) -> None:
    """Takes pictures of the web console's main pages, of an invented month of calls."""
    from console.pictures import run_screenshots

    raise typer.Exit(run_screenshots(directory.resolve()))


@app.command()
def trace(
    call: Annotated[str, typer.Argument(help="The call's id, or the first six or more digits of it.")],
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Annotated[Path | None, typer.Option(help="A node's cardswitch.toml, instead of a stack's.")] = None,
) -> None:
    """Tells a call's whole story: SIP, the IVR's steps, money."""
    from console.trace import run_trace

    settings = load_settings(config or run_dir.resolve() / "cardswitch.toml")
    try:
        found = run_trace(settings, call)
    except ValueError as error:
        raise StackError(str(error)) from error
    if not found:
        raise StackError(f"nothing is known of call {call} by {settings.path}.")
    for line in found:
        show.plain(line)


@app.command(epilog="Example: cardswitch doctor --json | jq '.findings[] | select(.health != \"ok\")'")
def doctor(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Recompute all balances, too: seconds on millions.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Examines every part of a running stack and says what to do. Exit status 1 when there is a fault."""
    from console.doctor.report import examine, print_report

    settings = settings_of(run_dir, config)
    raise typer.Exit(print_report(examine(settings, settings.path.parent, deep=deep), as_json=as_json))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Runs the tests (arguments go to pytest), then ruff and mypy."""
    from console.check import run_tests

    raise typer.Exit(run_tests(context.args))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which one; without it they are listed.")] = None,
) -> None:
    """Lists the benchmarks, or runs one; its last line is one JSON object with its figures."""
    arguments = [name, *context.args] if name else []
    raise typer.Exit(subprocess.call([*python_module("bench"), *arguments]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. What is wrong is a sentence on standard error; statuses: console/commands/status.py."""
    try:
        app(None if arguments is None else list(arguments), prog_name="cardswitch", standalone_mode=True)
    except EXPECTED as error:
        show.error(sentence_of(error))
        sys.exit(status_of(error))
