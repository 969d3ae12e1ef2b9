"""Figures that tests find on the way; a run prints them at its end, and docs/reliability.md quotes them."""

from __future__ import annotations

_figures: dict[str, str] = {}


def figure(name: str, value: object) -> None:
    """Keeps a figure for the end of the run. A name that comes again replaces the earlier figure."""
    _figures[name] = str(value)


def lines() -> list[str]:
    return [f"{name}: {value}" for name, value in _figures.items()]
