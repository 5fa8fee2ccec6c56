"""Abuse: lock-outs after wrong PINs, and prefixes that nobody may call."""

import re

from rating.administration.base import (
    PAGE,
    InputError,
    NotFoundError,
    Operators,
    Page,
    build_all,
    checked_limit,
    page_of,
)
from rating.administration.values import BlockedPrefix, LockOut
from rating.store import fraud, network

SCOPES = ("ani", "trunk", "all")
_PREFIX = re.compile(r"[0-9]{1,15}", re.ASCII)


class Fraud(Operators):
    """Verbs about abuse."""

    def list_lock_outs(self, *, locked_only: bool = True, after: str | None = None, limit: int = PAGE) -> Page[LockOut]:
        """Who is locked out now; with ``locked_only`` False, everybody of whom wrong PINs are remembered."""
        scope, _, subject = (after or "").partition(":")
        rows = fraud.lock_outs(self._slow, self._now_us(), locked_only, (scope, subject), checked_limit(limit) + 1)
        return page_of(list(build_all(LockOut, rows)), limit, lambda each: f"{each.scope}:{each.subject}")

    def unlock(self, scope: str, subject: str = "") -> None:
        """Forgets the wrong PINs of a CallerID ("ani"), a trunk, or those of all together. Raises NotFoundError."""
        if scope not in SCOPES:
            raise InputError(f"{scope!r} is not a scope: {', '.join(SCOPES)}")
        if not fraud.unlock(self._slow, scope, subject):
            raise NotFoundError(f"no wrong PINs are remembered of {scope} {subject}".rstrip())

    def list_blocked_prefixes(self) -> tuple[BlockedPrefix, ...]:
        """By prefix."""
        return build_all(BlockedPrefix, fraud.blocked_prefixes(self._slow))

    def block_prefix(self, prefix: str, *, product: int | str | None = None, reason: str = "") -> None:
        """Calls to numbers that begin so are refused, whatever the deck says. Raises InputError, NotFoundError."""
        if not _PREFIX.fullmatch(prefix):
            raise InputError(f"{prefix!r} is not a prefix: 1 to 15 digits, E.164 without +")
        network.block_prefix(self._slow, prefix, 0 if product is None else self._product_id(product), reason)
        self._changed()

    def unblock_prefix(self, prefix: str, *, product: int | str | None = None) -> None:
        """Raises NotFoundError."""
        if not network.unblock_prefix(self._slow, prefix, 0 if product is None else self._product_id(product)):
            raise NotFoundError(f"prefix {prefix} is not blocked{'' if product is None else f' for {product}'}")
        self._changed()
