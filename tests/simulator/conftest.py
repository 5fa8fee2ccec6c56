"""``./cardswitch test simulator --calls 1000000 --seed 7``: how many calls, and from which seed on."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--calls", type=int, help="how many calls the long run of the simulator places")
    parser.addoption("--seed", type=int, help="what decides everything in it")
