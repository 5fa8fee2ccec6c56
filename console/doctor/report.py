"""Runs all checks of the doctor and prints what they found."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from console import show
from console.commands.output import print_json
from console.commands.status import sentence_of
from console.doctor import books, machine, processes
from console.doctor.finding import Finding, Health, fault
from rating.core import RatingCore
from rating.settings import Settings

STYLES = {Health.OK: "green", Health.NOTE: "yellow", Health.FAULT: "bold red"}


def examine(settings: Settings, run_dir: Path, *, deep: bool) -> list[Finding]:
    """All findings, in the order of a call: edge, media, ledger. One check that breaks is a fault of its own."""
    core = RatingCore.from_settings(settings)
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "processes": lambda: processes.processes(run_dir),
        "edge": lambda: processes.edge(settings),
        "mediasrv": lambda: processes.media_server(settings),
        "rtpengine": lambda: processes.rtpengine(settings),
        "keeper": lambda: processes.keeper(settings),
        "console": lambda: processes.web_console(settings),
        "ledger": lambda: books.ledger(settings),
    }
    of_ledger: dict[str, Callable[[], Iterable[Finding]]] = {
        "journal": lambda: books.journal(settings),
        "configuration": lambda: books.configured(core),
        "decks": lambda: books.decks_of_node(core, settings),
        "fraud": lambda: books.lock_outs(core),
        "prompts": lambda: machine.prompts(settings, books.languages(core)),
    }
    of_machine: dict[str, Callable[[], Iterable[Finding]]] = {
        "clock": machine.clock,
        "disk": lambda: machine.disk(settings),
        "certificates": lambda: machine.certificates(settings),
    }
    found = _run(checks)
    if not any(each.part == "ledger" and each.health is Health.FAULT for each in found):
        found += _run(of_ledger | ({"books": lambda: books.agrees(core)} if deep else {}))
    return found + _run(of_machine)


def print_report(findings: list[Finding], *, as_json: bool) -> int:
    """Prints it; 1 when there is a fault, else 0."""
    faults = [each for each in findings if each.health is Health.FAULT]
    if as_json:
        print_json({"ok": not faults, "findings": [asdict(each) for each in findings]})
        return 1 if faults else 0
    for each in findings:
        line = Text.assemble((f"{each.health:<6}", STYLES[each.health]), f"{each.part:<16}{each.found}")
        show.terminal.print(line)
        if each.advice:
            show.plain(f"{'':<22}→ {each.advice}")
    show.plain(f"{len(faults)} faults" if faults else "no faults")
    return 1 if faults else 0


def _run(checks: dict[str, Callable[[], Iterable[Finding]]]) -> list[Finding]:
    found: list[Finding] = []
    for name, check in checks.items():
        try:
            found += check()
        except Exception as error:  # whatever it is, the other checks go on
            found.append(
                fault(name, f"could not be examined: {sentence_of(error)}", "this should not happen: report it")
            )
    return found
