"""The fake has to be there before kemi/ksr.py is imported."""

import pytest

from tests.kemi.fake_ksr import FakeKsr

FakeKsr().install()


@pytest.fixture
def ksr() -> FakeKsr:
    """A fresh fake, installed."""
    return FakeKsr().install()
