"""The ledger as a whole: do its books agree?"""

from rating.administration.base import Operators
from rating.administration.values import LedgerCheck
from rating.database import Row
from rating.store import reports


class Books(Operators):
    """Verbs about the ledger."""

    def check(self) -> LedgerCheck:
        """Recomputes all balances from the entries and all held amounts from the holds. Takes seconds on millions."""
        currencies = {
            row["currency"]: {key.removesuffix("_micros"): int(row[key]) for key in row if key != "currency"}
            for row in reports.totals(self._slow)
        }
        sums = {
            key: sum(amounts[key] for amounts in currencies.values())
            for key in ("issued", "refilled", "charged", "fees", "posted", "held")
        }
        problems = [_sentence(row) for row in reports.problems(self._slow)]
        for currency, amounts in currencies.items():
            expected = amounts["issued"] + amounts["refilled"] - amounts["charged"] - amounts["fees"]
            if expected != amounts["posted"]:
                problems.append(f"{currency}: entries sum to {expected} micro-units, cards to {amounts['posted']}")
        return LedgerCheck(**sums, ok=not problems, problems=tuple(problems), currencies=currencies)


def _sentence(row: Row) -> str:
    return (
        f"card {row['card_id']}: posted {row['posted_micros']}, its entries sum to {row['entries_micros'] or 0};"
        f" held {row['held_micros']} in {row['open_holds']}, its holds sum to {row['holds_micros'] or 0}"
        f" in {row['holds'] or 0}"
    )
