"""``cardswitch operators`` and ``cardswitch tokens``: who may use the web console and the HTTP API."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from console.commands.common import DEFAULT_RUN_DIR, AsJson, Config, RunDir, Yes, confirm, settings_of
from console.commands.output import column, moment, print_done, print_rows
from console.commands.status import EXIT_STATUSES
from rating.settings import Settings

operators = typer.Typer(help="Who may log in to the web console.", no_args_is_help=True, epilog=EXIT_STATUSES)
tokens = typer.Typer(help="Tokens of programs for the HTTP API.", no_args_is_help=True, epilog=EXIT_STATUSES)

FIRST = "admin"

Name = Annotated[str, typer.Argument(help="2 to 24 small letters, digits, dots, dashes; a letter first.")]
Role = Annotated[str, typer.Option(help="support, cashier, manager or admin.")]


@dataclass(frozen=True, slots=True)
class OperatorView:
    """``must_change``: the password was given by somebody else. ``totp``: has a second factor."""

    name: str
    role: str
    totp: bool
    disabled: bool
    must_change: bool
    last_login_us: int | None


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without what is secret of it."""

    name: str
    scopes: str
    made_by: str
    created_us: int
    ends_us: int
    last_used_us: int | None
    revoked_us: int | None


OPERATOR_COLUMNS = (
    column("name", "name"),
    column("role", "role"),
    column("second factor", "totp"),
    column("disabled", "disabled"),
    moment("last log-in", "last_login_us"),
)
TOKEN_COLUMNS = (
    column("token", "name"),
    column("scopes", "scopes"),
    column("made by", "made_by"),
    moment("last used", "last_used_us"),
    moment("ends", "ends_us"),
    moment("revoked", "revoked_us"),
)


@operators.command("list")
def list_operators(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists them with role, second factor, last log-in."""
    found = _Desk(run_dir, config).accounts.operators()
    print_rows([_view(OperatorView, row) for row in found], OPERATOR_COLUMNS, as_json=as_json)


@operators.command("add", epilog="Example: cardswitch operators add alice --role cashier")
def add_operator(
    name: Name,
    *,
    role: Role = "support",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Adds one and prints a one-time password: the first log-in asks for an own one."""
    desk = _Desk(run_dir, config)
    password = desk.accounts.add_operator(name, role)
    desk.note("operator.add", name, role)
    _print_password(name, password, as_json=as_json)


@operators.command("reset-password")
def reset_password(
    name: Name,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Prints a one-time password in the place of the old one; all sessions of the operator end."""
    desk = _Desk(run_dir, config)
    desk.accounts.operator_named(name)
    confirm(f"Give {name} another password?", yes)
    password = desk.accounts.reset_password(name)
    desk.note("operator.reset", name)
    _print_password(name, password, as_json=as_json)


@operators.command("role", epilog="Example: cardswitch operators role alice manager")
def set_role(
    name: Name,
    role: Annotated[str, typer.Argument(help="support, cashier, manager or admin.")],
    *,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Gives an operator another role, from the next click on."""
    desk = _Desk(run_dir, config)
    desk.accounts.set_role(name, role)
    desk.note("operator.role", name, role)
    print_done({"name": name, "role": role}, f"{name} is {role} now", as_json=as_json)


@operators.command("disable")
def disable(
    name: Name,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Nobody can log in by that name any more; its sessions end at once."""
    desk = _Desk(run_dir, config)
    desk.accounts.operator_named(name)
    confirm(f"Disable {name}?", yes)
    desk.accounts.set_disabled(name, True)
    desk.note("operator.disable", name)
    print_done({"name": name, "disabled": True}, f"{name} is disabled", as_json=as_json)


@operators.command("enable")
def enable(name: Name, *, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lets a disabled operator log in again."""
    desk = _Desk(run_dir, config)
    desk.accounts.set_disabled(name, False)
    desk.note("operator.enable", name)
    print_done({"name": name, "disabled": False}, f"{name} may log in again", as_json=as_json)


@operators.command("remove-totp")
def remove_totp(
    name: Name,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Takes the second factor away, for somebody who lost the telephone."""
    desk = _Desk(run_dir, config)
    desk.accounts.operator_named(name)
    confirm(f"Let {name} in by the password alone?", yes)
    desk.accounts.remove_totp(name)
    desk.note("operator.totp", name)
    print_done({"name": name, "totp": False}, f"{name} logs in without a second factor now", as_json=as_json)


@tokens.command("list")
def list_tokens(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists them with their scopes; a token itself is nowhere to be read."""
    found = _Desk(run_dir, config).accounts.tokens()
    print_rows([_view(TokenView, row) for row in found], TOKEN_COLUMNS, as_json=as_json)


@tokens.command("add", epilog="Example: cardswitch tokens add shop --scope read --scope money")
def add_token(
    name: Name,
    *,
    scope: Annotated[list[str], typer.Option(help="read, care, money, rates, admin; may be repeated.")],
    days: Annotated[int, typer.Option(min=0, help="Valid for so many days; 0: without end.")] = 365,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Makes a token and prints it, this once."""
    desk = _Desk(run_dir, config)
    token = desk.accounts.add_token(name, scope, desk.actor.name, days)
    desk.note("token.add", name, " ".join(scope))
    print_done({"name": name, "token": token}, token, as_json=as_json)


@tokens.command("revoke")
def revoke_token(
    name: Name,
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """The token is refused from now on."""
    desk = _Desk(run_dir, config)
    confirm(f"Revoke token {name}?", yes)
    desk.accounts.revoke_token(name)
    desk.note("token.revoke", name)
    print_done({"name": name, "revoked": True}, f"token {name} is revoked", as_json=as_json)


def first_password(settings: Settings) -> str | None:
    """A one-time password of the operator ``admin``, who is made when there is none; None once somebody chose one."""
    from console.web.accounts import Accounts
    from rating.database import Database

    accounts = Accounts(Database(settings.database))
    found = [row for row in accounts.operators() if row["name"] == FIRST]
    if not found:
        return accounts.add_operator(FIRST, "admin")
    return accounts.reset_password(FIRST) if found[0]["must_change"] else None


class _Desk:
    """The accounts of a ledger, and the trail that says who at this shell did what."""

    def __init__(self, run_dir: Path, config: Path | None) -> None:
        # Only here: Argon2 and the web's texts are of no use to the other commands, which should start quickly.
        from console.web.accounts import Accounts
        from console.web.rights import Actor
        from console.web.trail import Trail
        from rating.database import Database

        database = Database(settings_of(run_dir, config).database)
        self.accounts = Accounts(database)
        self.actor = Actor(f"shell {_who()}", "")
        self._trail = Trail(database)

    def note(self, action: str, subject: str, detail: str = "") -> None:
        self._trail.note(self.actor, action, subject, detail=detail)


def _who() -> str:
    """As the kernel knows us: LOGNAME may say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _view(kind: Any, row: dict[str, Any]) -> Any:
    """A dataclass of a row; the database's 0 and 1 become False and True."""
    hints = {name: field.type for name, field in kind.__dataclass_fields__.items()}
    return kind(**{name: bool(row[name]) if hint is bool else row[name] for name, hint in hints.items()})


def _print_password(name: str, password: str, *, as_json: bool) -> None:
    sentence = f"{name} logs in with {password} (good for one log-in)"
    print_done({"name": name, "one_time_password": password}, sentence, as_json=as_json)
