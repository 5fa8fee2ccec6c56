"""What the desk counts."""

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from rating.authorising import Answer
from rating.model import Authorised
from rating.outcome import LedgerUnavailableError, Refusal

CALLS = Counter("cardswitch_desk_calls", "Calls by what the desk answered", ["outcome"])
GROUPS = Histogram("cardswitch_desk_group_calls", "Calls in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64))
SECONDS = Histogram(
    "cardswitch_desk_group_seconds",
    "Time from a group's collection to its answers",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
LATE = Counter("cardswitch_desk_late", "Calls that had waited too long when the desk came to them")
CLIENTS = Gauge("cardswitch_desk_clients", "Connections to the desk")

_OUTCOMES = {outcome: CALLS.labels(outcome) for outcome in ("OK", "ASK_PIN", "LEDGER_UNAVAILABLE", "FAILED", *Refusal)}


def note(answers: Sequence[Answer | Exception], took_s: float) -> None:
    """Counts a group that was answered."""
    GROUPS.observe(len(answers))
    SECONDS.observe(took_s)
    for answer in answers:
        _OUTCOMES[_outcome(answer)].inc()


def _outcome(answer: Answer | Exception) -> str:
    if isinstance(answer, Authorised):
        return "OK"
    if isinstance(answer, Refusal):
        return answer.value
    if answer is None:
        return "ASK_PIN"
    return "LEDGER_UNAVAILABLE" if isinstance(answer, LedgerUnavailableError) else "FAILED"
