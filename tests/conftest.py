"""Special suites are collected only when they are named: ``./cardswitch test deploy``."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMED_ONLY = ("deploy", "failover")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """True for a special suite that nobody asked for by its path."""
    for name in NAMED_ONLY:
        suite = HERE / name
        if collection_path.is_relative_to(suite):
            asked = [Path(argument.partition("::")[0]) for argument in config.invocation_params.args]
            return None if any((config.invocation_params.dir / path).is_relative_to(suite) for path in asked) else True
    return None
