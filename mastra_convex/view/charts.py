"""Draws bars of durations and scores over time as numbers for inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mastra_convex.view.shown import moment_of

WIDTH: Final = 1000.0
"""The width of a drawing, in its own units."""
HEIGHT: Final = 200.0
_LEAST: Final = 4.0
_SERIES: Final = 6
"""So many lines differ in colour and in the shape of their dots."""


@dataclass(frozen=True)
class Bar:
    """Places a duration between the first start and the last end, in units of `WIDTH`."""

    x: float
    width: float
    milliseconds: float | None


@dataclass(frozen=True)
class Dot:
    """Places one score."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Line:
    """Holds the scores of one scorer over time, oldest first."""

    name: str
    style: int
    dots: list[Dot]

    @property
    def points(self) -> str:
        """Returns the corners of the line."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


@dataclass(frozen=True)
class Chart:
    """Holds lines, and what the ends of the axes stand for."""

    lines: list[Line]
    least: float
    most: float
    first: Any
    last: Any


def bars(spans: Iterable[tuple[Any, Any]]) -> list[Bar | None]:
    """Returns a bar for each start and end; None without a start. What has not ended goes on to the last end."""
    times = [(_milliseconds(start), _milliseconds(end)) for start, end in spans]
    known = [time for pair in times for time in pair if time is not None]
    if not known:
        return [None for _ in times]
    first, last = min(known), max(known)
    scale = WIDTH / ((last - first) or 1.0)
    return [None if start is None else _bar(start, end, first, last, scale) for start, end in times]


def _bar(start: float, end: float | None, first: float, last: float, scale: float) -> Bar:
    width = max(_LEAST, ((last if end is None else end) - start) * scale)
    x = max(0.0, min((start - first) * scale, WIDTH - width))
    return Bar(x, width, None if end is None else end - start)


def chart(scores: Sequence[tuple[str, Any, Any]]) -> Chart | None:
    """Returns the chart of scorer, time and score; None where nothing can be drawn."""
    found = [
        (name, time, float(score), at)
        for name, at, score in scores
        if (time := _milliseconds(at)) is not None and isinstance(score, int | float)
    ]
    if not found:
        return None
    found.sort(key=lambda each: each[1])
    first, last = found[0], found[-1]
    least, most = min(0.0, *(each[2] for each in found)), max(1.0, *(each[2] for each in found))
    lines: dict[str, Line] = {}
    for name, time, score, at in found:
        line = lines.setdefault(name, Line(name, len(lines) % _SERIES, []))
        x = WIDTH / 2 if last[1] == first[1] else (time - first[1]) / (last[1] - first[1]) * WIDTH
        y = HEIGHT - (score - least) / (most - least) * HEIGHT
        line.dots.append(Dot(x, y, f"{name}: {score:g} at {at}"))
    return Chart(list(lines.values()), least, most, first[3], last[3])


def _milliseconds(value: Any) -> float | None:
    time = moment_of(value)
    return None if time is None else time.timestamp() * 1000
