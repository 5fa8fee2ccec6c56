"""One file per language: its pack of nouns and all of its texts.

A new language: a file ``xx.py`` with a ``PACK`` after the model of ``en.py`` (loading it says what is missing), its
code in ``mediasrv.prompts.catalogue.LANGUAGES``, its rows in ``tests/ivr/test_spoken.py``.
"""
