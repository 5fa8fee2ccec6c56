"""The rating core: rate decks, quotes, holds, the ledger, LCR and call records. It knows no SIP."""
