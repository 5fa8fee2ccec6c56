"""`cardswitch operators` and `cardswitch tokens`."""

from console.commands.access import FIRST, first_password
from console.commands.status import DONE, FAILED, MISSING, UNCONFIRMED, WRONG
from console.web.accounts import Accounts
from rating.database import Database
from rating.settings import load_settings
from tests.console.conftest import Run

OWN = "a password of one's own"


def test_operators_are_added_changed_and_disabled(run: Run) -> None:
    made = run("operators", "add", "alice", "--role", "cashier", "--json").document
    assert len(made["one_time_password"]) == 19
    assert run("operators", "add", "alice").status == FAILED
    assert run("operators", "add", "Alice").status == WRONG
    assert run("operators", "add", "bob", "--role", "king").status == WRONG
    assert run("operators", "role", "nobody", "admin").status == MISSING
    assert run("operators", "role", "alice", "manager").status == DONE
    assert run("operators", "disable", "alice").status == UNCONFIRMED
    assert run("operators", "disable", "alice", "--yes").status == DONE
    (alice,) = [each for each in run("operators", "list", "--json").document if each["name"] == "alice"]
    assert (alice["role"], alice["disabled"], alice["must_change"]) == ("manager", True, True)
    assert run("operators", "enable", "alice").status == DONE
    again = run("operators", "reset-password", "alice", "--yes", "--json").document
    assert again["one_time_password"] != made["one_time_password"]


def test_a_token_is_shown_once_and_revoked(run: Run) -> None:
    token = run("tokens", "add", "shop", "--scope", "read", "--scope", "money", "--json").document["token"]
    assert run("tokens", "add", "other", "--scope", "everything").status == WRONG
    listed = run("tokens", "list", "--json")
    assert token not in listed.out
    assert listed.document[0]["scopes"] == "money read"
    assert run("tokens", "revoke", "shop", "--yes").status == DONE
    assert run("tokens", "revoke", "shop", "--yes").status == MISSING


def test_what_a_shell_did_is_in_the_trail(run: Run, config: object) -> None:
    run("operators", "add", "traced")
    database = Database(load_settings(str(config)).database)
    (row,) = database.rows("SELECT actor, action FROM audit WHERE subject = 'traced'")
    assert (row["actor"].split()[0], row["action"]) == ("shell", "operator.add")


def test_the_first_password_is_new_at_every_start_until_somebody_chose_one(config: object) -> None:
    settings = load_settings(str(config))
    first, second = first_password(settings), first_password(settings)
    assert first
    assert second
    assert first != second
    accounts = Accounts(Database(settings.database))
    assert accounts.log_in(FIRST, first, "") is None
    accounts.change_password(accounts.operator_named(FIRST)["operator_id"], OWN)
    assert first_password(settings) is None
