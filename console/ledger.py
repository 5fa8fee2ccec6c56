"""``cardswitch ledger check``: recomputes every balance of the running stack's ledger."""

import json
from dataclasses import asdict
from pathlib import Path

from console import show
from console.stack.errors import StackError
from console.stack.state import running_states
from rating.core import RatingCore
from rating.money import format_amount
from rating.settings import load_settings


def check_ledger(run_dir: Path, *, config: Path | None, as_json: bool) -> int:
    """0 when all adds up, 1 when not. Raises StackError without a ledger to check."""
    if config is None:
        states = running_states(run_dir)
        if not states:
            raise StackError(f"no stack runs in {run_dir}: start one with `cardswitch up`, or pass --config.")
        config = Path(states[0].run_dir) / "cardswitch.toml"
    check = RatingCore.from_settings(load_settings(config)).check()
    if as_json:
        print(json.dumps(asdict(check), indent=2))
        return 0 if check.ok else 1
    for currency, sums in check.currencies.items():
        amounts = {name: format_amount(micros) for name, micros in sums.items()}
        show.plain(
            f"{currency}: issued {amounts['issued']} + refilled {amounts['refilled']} − charged {amounts['charged']} "
            f"− fees {amounts['fees']} = posted {amounts['posted']}; held {amounts['held']}"
        )
    for problem in check.problems:
        show.plain(problem)
    show.plain("the ledger adds up" if check.ok else "the ledger does NOT add up")
    return 0 if check.ok else 1
