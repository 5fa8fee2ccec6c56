"""Who may do what: rights, the roles made of them, and the actor who uses them."""

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """Also the scopes of a token."""

    READ = "read"  # look at cards, calls, decks, batches, charts
    CARE = "care"  # block and unblock cards, CallerIDs, hang up calls, unlock callers
    MONEY = "money"  # adjust, refill, issue cards
    RATES = "rates"  # decks, products, carriers, trunks, access numbers, blocked prefixes
    ADMIN = "admin"  # operators, tokens, the audit trail


ROLES: dict[str, frozenset[Right]] = {
    "support": frozenset({Right.READ, Right.CARE}),
    "cashier": frozenset({Right.READ, Right.CARE, Right.MONEY}),
    "manager": frozenset({Right.READ, Right.CARE, Right.MONEY, Right.RATES}),
    "admin": frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever acts: ``name`` as the audit trail has it ("operator alice", "token shop", "card 000000100001")."""

    name: str
    address: str
    rights: frozenset[Right] = frozenset()

    def may(self, right: Right) -> bool:
        return right in self.rights
