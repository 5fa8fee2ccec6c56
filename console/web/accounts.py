"""Operators, their passwords and second factors; sessions of operators and card holders; tokens of programs."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from console.web.rights import ROLES, Right
from rating.administration import ConflictError, InputError, NotFoundError
from rating.cards import now_us
from rating.database import Database, Row
from rating.store import accounts

S = 1_000_000
FAILURES_MAX = 5  # wrong passwords in a row; each further one locks, for longer and longer
LOCK_S = 60
PASSWORD_LENGTH_MIN = 12
PASSWORD_LENGTH_MAX = 128  # Argon2 takes longer ones, at the price of our time
NAME = re.compile(r"[a-z][a-z0-9._-]{1,23}", re.ASCII)
TOKEN_PREFIX = "csw_"  # noqa: S105 - so that scanners of repositories find a token that leaked
TOTP_PERIOD_S = 30
TOUCH_US = 30 * S  # a session or token is noted as seen that often at most


class Kind(StrEnum):
    """Whose session it is."""

    OPERATOR = "operator"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Seconds: without a request, and altogether."""

    idle_s: int
    most_s: int


REFUSED = (NotFoundError, ConflictError, InputError)  # what can be said of a wish about accounts
LIFETIMES = {Kind.OPERATOR: Lifetime(30 * 60, 12 * 3600), Kind.CARD: Lifetime(15 * 60, 4 * 3600)}


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session. ``cookie`` is the secret itself, known from the request only."""

    kind: Kind
    subject_id: int
    cookie: str

    @property
    def form_token(self) -> str:
        """What forms of this session carry (CSRF): of no use in any other, and not the cookie."""
        return _encoded(hmac.digest(self.cookie.encode(), b"form", hashlib.sha256))

    def owns(self, form_token: str) -> bool:
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token of a program."""

    name: str
    scopes: frozenset[Right]


class Accounts:
    """Over the ledger's database. Threads may share it."""

    def __init__(
        self, database: Database, *, clock_us: Callable[[], int] = now_us, hasher: PasswordHasher | None = None
    ) -> None:
        self._database, self._clock_us = database, clock_us
        self._hasher = hasher or PasswordHasher()
        # Verified when there is no such operator, so that an unknown name takes the same work.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    # operators

    def operators(self) -> list[Row]:
        """Without what is secret."""
        return [_shown(row) for row in accounts.operators(self._database)]

    def operator(self, operator_id: int) -> Row | None:
        """The operator, None when disabled or unknown. With ``totp_secret``."""
        row = accounts.operator_by_id(self._database, operator_id)
        return None if row is None or row["disabled"] else row

    def operator_named(self, name: str) -> Row:
        """Raises NotFoundError."""
        row = accounts.operator(self._database, name)
        if row is None:
            raise NotFoundError(f"there is no operator {name}")
        return row

    def add_operator(self, name: str, role: str) -> str:
        """A new operator's one-time password. Raises InputError, ConflictError."""
        if not NAME.fullmatch(name):
            raise InputError("a name has 2 to 24 small letters, digits, dots, dashes; a letter first")
        password = one_time_password()
        if not accounts.add_operator(self._database, name, checked_role(role), self._hash(password), self._clock_us()):
            raise ConflictError(f"there is an operator {name} already")
        return password

    def reset_password(self, name: str) -> str:
        """A one-time password in the place of the old one; all sessions end, a second factor stays."""
        password = one_time_password()
        accounts.set_password(self._database, self.operator_named(name)["operator_id"], self._hash(password), True)
        return password

    def change_password(self, operator_id: int, password: str) -> None:
        """The operator's own choice. Ends all sessions. Raises InputError."""
        row = accounts.operator_by_id(self._database, operator_id)
        check_password(password, "" if row is None else str(row["name"]))
        accounts.set_password(self._database, operator_id, self._hash(password), False)

    def password_is(self, operator_id: int, password: str) -> bool:
        row = accounts.operator_by_id(self._database, operator_id)
        return row is not None and self._verify(row["password_hash"], password)

    def set_role(self, name: str, role: str) -> None:
        row = self.operator_named(name)
        self._keep_an_admin(row, role)
        accounts.set_role(self._database, row["operator_id"], checked_role(role))

    def set_disabled(self, name: str, disabled: bool) -> None:
        row = self.operator_named(name)
        if disabled:
            self._keep_an_admin(row, "")
        accounts.set_disabled(self._database, row["operator_id"], disabled)

    def remove_totp(self, name: str) -> None:
        accounts.set_totp(self._database, self.operator_named(name)["operator_id"], "", 0)

    def set_totp(self, operator_id: int, secret: str, code: str) -> bool:
        """Turns the second factor on when the code proves that the operator has it."""
        step = _totp_step(secret, code, self._clock_us() // S)
        if step:
            accounts.set_totp(self._database, operator_id, secret, step)
        return bool(step)

    def log_in(self, name: str, password: str, code: str) -> Row | None:
        """The operator, or None: wrong name, password or code, locked, disabled are not told apart, and take the
        same work. A given (one-time) password is used up by this."""
        row = accounts.operator(self._database, name[:32])
        given = row["password_hash"] if row is not None else ""
        right = self._verify(given or self._nobody, password) and bool(given)
        now = self._clock_us()
        if row is None or row["disabled"] or row["locked_until_us"] > now:
            accounts.count_failure(self._database, 0, FAILURES_MAX, LOCK_S * S, now)  # nobody's: for the same work
            return None
        if right and row["totp_secret"]:
            step = _totp_step(row["totp_secret"], code, now // S)
            right = bool(step) and accounts.use_totp(self._database, row["operator_id"], step)
        if right and row["must_change"]:
            right = accounts.use_up_password(self._database, row["operator_id"], given)
        if not right:
            accounts.count_failure(self._database, row["operator_id"], FAILURES_MAX, LOCK_S * S, now)
            return None
        accounts.note_login(self._database, row["operator_id"], now)
        if not row["must_change"] and self._hasher.check_needs_rehash(given):
            accounts.rehash(self._database, row["operator_id"], given, self._hash(password))
        return row

    # sessions

    def begin_session(self, kind: Kind, subject_id: int) -> Session:
        """A new session, with a new secret: nothing that was known before the log-in is worth anything after it."""
        cookie, now = secrets.token_urlsafe(32), self._clock_us()
        accounts.forget_ended_sessions(self._database, now)
        values = (_digest(cookie), kind.value, subject_id, now, now, now + LIFETIMES[kind].most_s * S)
        accounts.add_session(self._database, values)
        return Session(kind, subject_id, cookie)

    def session(self, cookie: str, kind: Kind) -> Session | None:
        """The session of that cookie, when it goes on."""
        row = accounts.session(self._database, _digest(cookie)) if cookie else None
        now = self._clock_us()
        if row is None or row["kind"] != kind.value or row["ends_us"] <= now:
            return None
        if now - row["seen_us"] > LIFETIMES[kind].idle_s * S:
            accounts.end_session(self._database, _digest(cookie))
            return None
        if now - row["seen_us"] > TOUCH_US:
            accounts.touch_session(self._database, _digest(cookie), now)
        return Session(kind, row["subject_id"], cookie)

    def end_session(self, cookie: str) -> None:
        accounts.end_session(self._database, _digest(cookie))

    # tokens

    def add_token(self, name: str, scopes: list[str], made_by: str, days: int = 0) -> str:
        """The new token, which is shown this once. ``days`` 0: without end. Raises InputError, ConflictError."""
        if not NAME.fullmatch(name):
            raise InputError("a name has 2 to 24 small letters, digits, dots, dashes; a letter first")
        unknown = set(scopes) - set(Right)
        if unknown or not scopes:
            raise InputError(f"scopes are some of {', '.join(Right)}")
        token, now = TOKEN_PREFIX + secrets.token_urlsafe(32), self._clock_us()
        ends_us = now + days * 86_400 * S if days else 0
        values = (name, _digest(token), " ".join(sorted(set(scopes))), made_by, now, ends_us)
        if not accounts.add_token(self._database, values):
            raise ConflictError(f"there is, or was, a token {name} already")
        return token

    def token(self, text: str) -> Token | None:
        row = accounts.token(self._database, _digest(text)) if text.startswith(TOKEN_PREFIX) else None
        now = self._clock_us()
        if row is None or row["revoked_us"] or (row["ends_us"] and row["ends_us"] <= now):
            return None
        if now - (row["last_used_us"] or 0) > TOUCH_US:
            accounts.touch_token(self._database, row["token_id"], now)
        return Token(row["name"], frozenset(Right(scope) for scope in row["scopes"].split()))

    def tokens(self) -> list[Row]:
        return accounts.tokens(self._database)

    def revoke_token(self, name: str) -> None:
        if not accounts.revoke_token(self._database, name, self._clock_us()):
            raise NotFoundError(f"there is no token {name} that is valid")

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password[:PASSWORD_LENGTH_MAX])
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False

    def _keep_an_admin(self, row: Row, role: str) -> None:
        """Raises ConflictError when nobody could manage operators any more."""
        admins = [one for one in accounts.operators(self._database) if one["role"] == "admin" and not one["disabled"]]
        if role != "admin" and [one["name"] for one in admins] == [row["name"]]:
            raise ConflictError(f"{row['name']} is the only administrator")


def check_password(password: str, name: str) -> None:
    """Length counts, nothing else (NIST SP 800-63B), but not one's own name. Raises InputError."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise InputError(f"a password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters")
    if len(set(password)) < 5 or (name and name in password.lower() and len(password) < len(name) + 8):
        raise InputError("this password is too easy to guess")


def checked_role(role: str) -> str:
    if role not in ROLES:
        raise InputError(f"a role is one of {', '.join(ROLES)}")
    return role


def one_time_password() -> str:
    """Sixteen letters and digits in groups, 80 bits: ``k3vq-9xwm-…``."""
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def totp_uri(name: str, secret: str) -> str:
    """What an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Cardswitch")


def new_totp_secret() -> str:
    return pyotp.random_base32()


def _totp_step(secret: str, code: str, now_s: int) -> int:
    """The period (RFC 6238) whose code it is, one before or after ours included; 0: none of them."""
    for step in range(now_s // TOTP_PERIOD_S - 1, now_s // TOTP_PERIOD_S + 2):
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step).encode(), code.replace(" ", "").encode()):
            return step
    return 0


def _shown(row: Row) -> Row:
    kept = ("operator_id", "name", "role", "must_change", "disabled", "created_us", "last_login_us", "locked_until_us")
    return {key: row[key] for key in kept} | {"totp": bool(row["totp_secret"])}


def _digest(secret: str) -> bytes:
    """Of 256 random bits, so that neither salt nor a slow function is needed."""
    return hashlib.sha256(secret.encode()).digest()


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
