"""Draws a dashboard's panels from a Prometheus as one SVG, for pages that cannot show Grafana."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from console.monitoring.panel import Board, Kind, Panel, Unit

Point = tuple[float, float]  # epoch seconds, value
Labels = dict[str, str]
Ask = Callable[[str, float, float, float], list[tuple[Labels, list[Point]]]]  # query, start, end, step

COLUMN, GAP, HEAD = 60, 10, 30
HEIGHTS = {Kind.STAT: 90}
HEIGHT, AXIS, LEGEND = 190, 50, 34
COLOURS = ("#3b7dd8", "#d9822b", "#3fa34d", "#b33a3a", "#7b5ea7", "#008b8b", "#8a6d3b", "#c2185b", "#546e7a", "#6d9f00")
POINTS = 200


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: list[Point]


def draw(board: Board, ask: Ask, start_s: float, end_s: float) -> str:
    """The whole board as SVG."""
    parts: list[str] = []
    top = HEAD + GAP
    for row in board.rows:
        parts.append(_text(GAP, top + 16, row.title, size=14, weight="bold"))
        top += 26
        left, tallest = 0, 0
        for panel in row.panels:
            if left + panel.width > 24:
                left, top, tallest = 0, top + tallest + GAP, 0
            height = HEIGHTS.get(panel.kind, HEIGHT)
            lines = _lines(panel, ask, start_s, end_s)
            parts.append(_panel(panel, lines, (left * COLUMN + GAP, top, panel.width * COLUMN - GAP, height)))
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest + GAP
    width = 24 * COLUMN + GAP
    title = _text(GAP, 24, board.title, size=18, weight="bold")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{width}" height="{top}" fill="#f4f5f7"/>', title, *parts, "</svg>", ""])


def _lines(panel: Panel, ask: Ask, start_s: float, end_s: float) -> list[Line]:
    step_s = max(2.0, (end_s - start_s) / POINTS)
    found = []
    for query in panel.queries:
        expr = query.expr.replace("$__rate_interval", "1m")
        for labels, points in ask(expr, start_s, end_s, step_s):
            finite = [point for point in points if panel.endless or math.isfinite(point[1])]
            if finite:
                found.append(Line(_name(query.legend, labels), finite))
    return found[: len(COLOURS)]


def _name(legend: str, labels: Labels) -> str:
    if not legend:
        return " ".join(value for name, value in sorted(labels.items()) if name != "__name__")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend).strip()


def _panel(panel: Panel, lines: Sequence[Line], box: tuple[int, int, int, int]) -> str:
    left, top, width, height = box
    parts = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="3" fill="white" stroke="#d8dbe0"/>',
        _text(left + 8, top + 17, panel.title, size=12, weight="bold"),
    ]
    if not lines:
        parts.append(_text(left + width / 2, top + height / 2, "no data", anchor="middle"))
    elif panel.kind is Kind.STAT:
        now_s = max(line.points[-1][0] for line in lines)
        last = [line for line in lines if line.points[-1][0] == now_s]
        value = "  ".join(f"{_value(panel, line.points[-1][1])} {line.name}".strip() for line in last[:2])
        parts.append(_text(left + width / 2, top + 60, value, size=26, anchor="middle", colour=COLOURS[2]))
    else:
        parts.append(_chart(panel, lines, (left + AXIS, top + 28, width - AXIS - 10, height - 28 - LEGEND - 6)))
        parts.append(_legend(lines, left + 8, top + height - LEGEND + 8, width - 16))
    return "\n".join(parts)


def _chart(panel: Panel, lines: Sequence[Line], box: tuple[int, int, int, int]) -> str:
    left, top, width, height = box
    values = [value for line in lines for _, value in line.points]
    times = [at for line in lines for at, _ in line.points]
    low, high = min(0.0, *values), max(values)
    high = high if high > low else low + 1
    first, last = min(times), max(times)
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = top + height * (1 - share)
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.0f}" y2="{y:.0f}" stroke="#eceef1"/>')
        parts.append(_text(left - 5, y + 4, number(low + share * (high - low), panel.unit), size=10, anchor="end"))
    for line, colour in zip(lines, COLOURS, strict=False):
        places = " ".join(
            f"{left + width * (at - first) / max(1.0, last - first):.1f},"
            f"{top + height * (high - value) / (high - low):.1f}"
            for at, value in line.points
        )
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return "\n".join(parts)


def _legend(lines: Sequence[Line], left: int, top: int, width: int) -> str:
    parts, x, y = [], left, top
    for line, colour in zip(lines, COLOURS, strict=False):
        wide = 20 + int(6.2 * len(line.name))
        if x > left and x + wide > left + width:
            x, y = left, y + 14
        if y > top + 14:
            break  # two rows must do
        parts.append(f'<rect x="{x}" y="{y}" width="9" height="9" fill="{colour}"/>')
        parts.append(_text(x + 13, y + 9, line.name, size=10))
        x += wide
    return "\n".join(parts)


def _value(panel: Panel, value: float) -> str:
    return panel.endless if math.isinf(value) else number(value, panel.unit)


def number(value: float, unit: Unit) -> str:
    """As people read it: "12.5 %", "3.2 ms", "78.9 GB", "yes"."""
    if unit is Unit.YES_NO:
        return "yes" if value else "no"
    if unit is Unit.PERCENT:
        return f"{100 * value:.3g} %"
    if unit is Unit.SECONDS and 0 < abs(value) < 1:
        return f"{1000 * value:.3g} ms"
    if unit is Unit.BYTES:
        power = min(4, int(math.log(max(1.0, abs(value)), 1000)))
        return f"{value / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"
    text = f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return text + {Unit.SECONDS: " s", Unit.DAYS: " d", Unit.PER_MINUTE: "/min", Unit.PER_SECOND: "/s"}.get(unit, "")


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 11,
    weight: str = "normal",
    anchor: str = "start",
    colour: str = "#333",
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(text)}</text>'
