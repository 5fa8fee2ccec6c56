"""Exit statuses of the ``cardswitch`` command, and which error has which."""

from console.stack.errors import StackError
from rating.administration import CallerIdImportError, ConflictError, InputError, NotFoundError
from rating.deck import DeckError
from rating.deckcsv import DeckImportError
from rating.deckhours import WhenError
from rating.edges import EdgeUnavailableError
from rating.money import AmountError
from rating.outcome import LedgerUnavailableError
from rating.pins import PinDensityError
from rating.rate import RateError
from rating.settings import SettingsError

DONE = 0
FAILED = 1  # it could not be done as things are: in use, out of reach, files with errors; a check that found something
WRONG = 2  # what was asked for cannot be right; also what Typer says of wrong options
MISSING = 3  # there is no such thing; nothing runs
UNCONFIRMED = 4  # it asks first, and was not answered yes

EXIT_STATUSES = """
Exit status: 0 done · 1 it cannot be done as things are · 2 wrong input · 3 there is no such thing · 4 not confirmed.
"""


class UnconfirmedError(Exception):
    """A command that changes a lot was not confirmed."""


_STATUS_OF: dict[type[Exception], int] = {
    NotFoundError: MISSING,
    InputError: WRONG,
    AmountError: WRONG,
    WhenError: WRONG,
    PinDensityError: WRONG,
    UnconfirmedError: UNCONFIRMED,
    ConflictError: FAILED,
    CallerIdImportError: FAILED,
    DeckImportError: FAILED,
    DeckError: FAILED,
    RateError: FAILED,
    EdgeUnavailableError: FAILED,
    LedgerUnavailableError: FAILED,
    SettingsError: FAILED,
    StackError: FAILED,
    OSError: FAILED,
}
EXPECTED = tuple(_STATUS_OF)


def status_of(error: Exception) -> int:
    """The exit status of one of EXPECTED."""
    return next(status for kind, status in _STATUS_OF.items() if isinstance(error, kind))


def sentence_of(error: Exception) -> str:
    """What is said of it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
