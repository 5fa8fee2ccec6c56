"""Names, labels and bounds of all metrics, and that the dashboards and alerts ask for nothing else."""

import re

from console.monitoring.__main__ import BOARDS, generated
from console.monitoring.alerts import ALERTS
from tests.monitoring.catalogue import LABEL_VALUES, NOT_LABELS, PARTS, PREFIX, SERIES_MAX, SUFFIXES


def names_in(expr: str) -> set[str]:
    return set(re.findall(r"cardswitch_[a-z_]+", expr))


def known(name: str) -> bool:
    shown = {PREFIX + metric for metrics in PARTS.values() for metric in metrics}
    return any(name.endswith(suffix) and name.removesuffix(suffix) in shown for suffix in SUFFIXES)


def test_every_metric_is_bounded() -> None:
    for metrics in PARTS.values():
        for name, shown in metrics.items():
            assert set(shown.labels) <= LABEL_VALUES.keys(), name
            assert shown.bound <= SERIES_MAX, f"{name}: {shown.bound} series"


def test_no_label_is_somebodys() -> None:
    assert not NOT_LABELS & LABEL_VALUES.keys()


def test_panels_ask_for_metrics_that_exist() -> None:
    queries = [query for board in BOARDS for panel in board.panels for query in panel.queries]
    assert [name for query in queries for name in names_in(query.expr) if not known(name)] == []


def test_alerts_ask_for_metrics_that_exist() -> None:
    assert [name for alert in ALERTS for name in names_in(alert.expr) if not known(name)] == []


def test_panels_are_complete() -> None:
    """A title that is the board's only one, a sentence of description, a query; the unit is a type."""
    for board in BOARDS:
        titles = [panel.title for panel in board.panels]
        assert len(titles) >= 12
        for row in board.rows:
            in_row = [panel.title for panel in row.panels]
            assert len(set(in_row)) == len(in_row)
        for panel in board.panels:
            assert panel.title
            assert panel.description.endswith(".")
            assert panel.queries
            assert all(query.expr for query in panel.queries)


def test_generating_again_gives_the_committed_files() -> None:
    for path, text in generated().items():
        assert path.read_text() == text, f"{path.name} is not what the code says: run `python -m console.monitoring`"
        others = {file for file in path.parent.iterdir() if file not in generated()}
        assert not others, "files that nothing generates"
