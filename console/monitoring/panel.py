"""What a panel is made of, and the building of a Grafana dashboard from panels."""

from dataclasses import dataclass, field
from enum import StrEnum

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphGradientMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DataSourceRef,
    RangeMap,
    ValueMappingResult,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24  # of Grafana's grid
STAT_HEIGHT, PANEL_HEIGHT = 4, 8
ENDLESS = 1e9  # Grafana calls what is above it by the panel's word: JSON has no infinity

AnyPanel = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel


class Unit(StrEnum):
    """Grafana's names of units."""

    COUNT = "short"
    CURRENCY = "none"  # the series say which
    PERCENT = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    PER_SECOND = "cps"
    PER_MINUTE = "cpm"
    YES_NO = "bool_yes_no"
    DAYS = "d"


class Kind(StrEnum):
    LINES = "timeseries"
    STACKED = "stacked"
    STAT = "stat"
    BARS = "bargauge"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and the name of its series. ``$__rate_interval`` is filled in by Grafana."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """``description`` says what is shown and what a change of it means."""

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    width: int = 8
    decimals: int | None = None
    endless: str = ""  # what infinity is called: of a number that may be without end


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """``name`` is the file's and the uid's."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...] = field(default=())

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)


def lines(title: str, description: str, unit: Unit, expr: str, legend: str = "", **more: str) -> Panel:
    """A time series of one query, and of those given by their legends: ``charged="rate(…)"``."""
    queries = (Query(expr, legend), *(Query(other, name.replace("_", " ")) for name, other in more.items()))
    return Panel(title, description, unit, queries)


def stacked(title: str, description: str, unit: Unit, expr: str, legend: str) -> Panel:
    return Panel(title, description, unit, (Query(expr, legend),), Kind.STACKED)


def single(
    title: str, description: str, unit: Unit, expr: str, legend: str = "", *, decimals: int | None = None
) -> Panel:
    """One number, large."""
    return Panel(title, description, unit, (Query(expr, legend),), Kind.STAT, 4, decimals)


def bars(title: str, description: str, unit: Unit, expr: str, legend: str) -> Panel:
    """Bars, longest first where the query sorts."""
    return Panel(title, description, unit, (Query(expr, legend),), Kind.BARS)


def to_json(board: Board) -> str:
    """The dashboard as Grafana takes it from a provisioned file."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"cardswitch-{board.name}")
        .description(board.description)
        .tags(["cardswitch"])
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .link(dashboard.DashboardLink("Cardswitch").as_dropdown(True).tags(["cardswitch"]))
    )
    for row in board.rows:
        made = made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _panel(panel: Panel) -> AnyPanel:
    made = _of_kind(panel)
    made.title(panel.title).description(panel.description).unit(panel.unit).datasource(SOURCE)
    made.span(panel.width).height(STAT_HEIGHT if panel.kind is Kind.STAT else PANEL_HEIGHT)
    if panel.decimals is not None:
        made.decimals(panel.decimals)
    if panel.endless:
        made.mappings([RangeMap(DashboardRangeMapOptions(ENDLESS, None, ValueMappingResult(panel.endless)))])
    for place, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend or "__auto").ref_id(chr(65 + place))
        if panel.kind in (Kind.STAT, Kind.BARS, Kind.TABLE):
            target = target.instant()
        made.with_target(target.datasource(SOURCE))
    return made


def _of_kind(panel: Panel) -> AnyPanel:
    if panel.kind is Kind.STAT:
        return stat.Panel()
    if panel.kind is Kind.BARS:
        return bargauge.Panel()
    if panel.kind is Kind.TABLE:
        return table.Panel()
    made = (
        timeseries.Panel()
        .fill_opacity(12)
        .line_width(1)
        .gradient_mode(GraphGradientMode.NONE)
        .show_points(VisibilityMode.NEVER)
        .axis_soft_min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    return made.stacking(common.StackingConfig().mode(StackingMode.NORMAL)) if panel.kind is Kind.STACKED else made
