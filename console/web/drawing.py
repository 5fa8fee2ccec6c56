"""Charts as SVG: classes instead of colours, so that the style sheet draws them dark or light; no style, no script."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 10, 26
TICKS = 4
GRID = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" x="{}" y="{}">{}</text>')


@dataclass(frozen=True, slots=True)
class Series:
    """Values by place; ``tone`` is the class that the style sheet colours."""

    name: str
    tone: str
    values: tuple[float, ...]


def chart(title: str, labels: Sequence[str], series: Sequence[Series], *, area: bool = False) -> Markup:
    """Bars (or, with ``area``, a filled line) over the labels, of which as many are written as there is room for."""
    high = nice_top(max((value for each in series for value in each.values), default=0))
    low = -nice_top(-min((value for each in series for value in each.values), default=0)) if not area else 0.0
    parts = [*_grid(low, high), *_labels(labels)]
    for number, each in enumerate(series):
        parts += [_area(each, high)] if area else _bars(each, (low, high), number, len(series))
    return Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )


def nice_top(value: float) -> float:
    """The least of 1, 2, 4, 5, 10, 20, … that is not below the value."""
    if value <= 0:
        return 0.0 if value < 0 else 1.0
    step = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 1.0
    while value < step:
        step /= 10
    return next(step * factor for factor in (1, 2, 4, 5, 10) if step * factor >= value - 1e-12)


def _y(value: float, low: float, high: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)


def _grid(low: float, high: float) -> list[Markup]:
    found = []
    for tick in range(TICKS + 1):
        value = low + (high - low) * tick / TICKS
        y = _y(value, low, high)
        found.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" x="{}" y="{}">{}</text>'
            ).format(LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, f"{value:,.4g}")
        )
    return found


def _labels(labels: Sequence[str]) -> list[Markup]:
    every = max(1, -(-len(labels) // 8))
    width = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    return [
        Markup('<text class="label" x="{}" y="{}">{}</text>').format(
            round(LEFT + width * (place + 0.5), 1), HEIGHT - 8, label
        )
        for place, label in enumerate(labels)
        if place % every == 0
    ]


def _bars(series: Series, reach: tuple[float, float], number: int, among: int) -> list[Markup]:
    low, high = reach
    room = (WIDTH - LEFT - RIGHT) / max(1, len(series.values))
    width = room * 0.76 / among
    found = []
    for place, value in enumerate(series.values):
        top, bottom = sorted((_y(value, low, high), _y(0, low, high)))
        if bottom - top >= 0.1:
            x = LEFT + room * place + room * 0.12 + width * number
            found.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>').format(
                    series.tone, round(x, 1), top, round(width, 1), round(bottom - top, 1)
                )
            )
    return found


def _area(series: Series, high: float) -> Markup:
    room = (WIDTH - LEFT - RIGHT) / max(1, len(series.values))
    points = [
        f"{round(LEFT + room * (place + 0.5), 1)},{_y(value, 0, high)}" for place, value in enumerate(series.values)
    ]
    base = HEIGHT - BOTTOM
    first, last = points[0].split(",")[0], points[-1].split(",")[0]
    return Markup('<polygon class="{} area" points="{} {} {}"/><polyline class="{} stroke" points="{}"/>').format(
        series.tone, f"{first},{base}", " ".join(points), f"{last},{base}", series.tone, " ".join(points)
    )
