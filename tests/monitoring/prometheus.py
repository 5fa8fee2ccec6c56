"""A small client of Prometheus' HTTP API, for the tests."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from console.monitoring.panel import Kind, Panel, Query
from console.monitoring.picture import Labels, Point

INTERVAL = "1m"  # what Grafana would put for $__rate_interval
STEP_S = 2


class BadQueryError(Exception):
    """Prometheus does not understand the query."""


class Prometheus:
    """``address`` is ``http://host:port``."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **parameters: str | float) -> Any:
        """The ``data`` of an answer. Raises BadQueryError."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise BadQueryError(error.read().decode()) from error

    def number(self, expr: str) -> float | None:
        """The one value of an instant query; None without any."""
        found = self.get("query", query=expr)["result"]
        assert len(found) <= 1, f"{expr} has {len(found)} series"
        return float(found[0]["value"][1]) if found else None

    def series(self, expr: str, start_s: float, end_s: float, step_s: float) -> list[tuple[Labels, list[Point]]]:
        """A query over a time: labels and points of each series."""
        found = self.get("query_range", query=expr, start=start_s, end=end_s, step=step_s)["result"]
        return [(one["metric"], [(float(at), float(value)) for at, value in one["values"]]) for one in found]

    def has_data(self, panel: Panel, query: Query, start_s: float, end_s: float) -> bool:
        """Whether a panel of that time would show a number."""
        expr = query.expr.replace("$__rate_interval", INTERVAL)
        if panel.kind in (Kind.BARS, Kind.TABLE):
            return bool(self.get("query", query=expr)["result"])
        series = self.series(expr, start_s, end_s, STEP_S)
        values = [value for _, points in series for _, value in points]
        return any(math.isfinite(value) or (panel.endless and math.isinf(value)) for value in values)
