"""What operators do, one module a theme; ``Administration`` is all of it, and the operators' half of ``RatingCore``.

Values are in ``values.py``. What can be wrong is NotFoundError, ConflictError or InputError (``base.py``), whose
messages are sentences for the operator; and LedgerUnavailableError. Listings that can be long come in pages:
``after`` is the ``next`` of the page before.
"""

from rating.administration.base import PAGE, ConflictError, InputError, NotFoundError, Page
from rating.administration.batches import Batches
from rating.administration.books import Books
from rating.administration.callerids import CallerIdImport, CallerIdImportError, CallerIds
from rating.administration.callfile import ALL_TIMES_US, CallFile
from rating.administration.cardfile import CardFile
from rating.administration.fraud import Fraud
from rating.administration.network import Network
from rating.administration.products import Products
from rating.administration.ratedecks import RateDecks
from rating.administration.values import CardStory, LedgerCheck

__all__ = [
    "ALL_TIMES_US",
    "Administration",
    "CallerIdImport",
    "CallerIdImportError",
    "ConflictError",
    "InputError",
    "LedgerCheck",
    "NotFoundError",
    "Page",
]


class Administration(Products, Batches, CardFile, CallerIds, RateDecks, Network, CallFile, Fraud, Books):
    """Amounts in micro-units. Making what is there already changes it, unless ``replace`` is False."""

    def card_story(self, serial: str | int, *, limit: int = PAGE) -> CardStory:
        """A card on one page: its newest entries and calls, its CallerIDs, its open holds. Raises NotFoundError."""
        card = self.show_card(serial)
        return CardStory(
            card,
            self.card_caller_ids(card.card_id),
            self.card_entries(card.card_id, limit=limit),
            self.search_calls(card_id=card.card_id, limit=limit),
            self.card_live_calls(card.card_id),
        )
