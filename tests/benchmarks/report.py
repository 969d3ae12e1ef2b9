"""Times the operations on every side, round by round in turn, and prints one table.

python -m tests.benchmarks.report [--before CHECKOUT] [--rounds N] [--best] [NAME ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from fnmatch import fnmatchcase
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median

from .operations import OPERATIONS, Operation, raw_name
from .sides import Side, others, python_side

WARM_UP = 2
"""Rounds that do not count: the first prepares the data and opens files."""

Figures = dict[str, float]
"""Seconds of one call by the names of the sides."""
Statistic = Callable[[list[float]], float]
"""Makes one figure of those of all rounds."""


def measure(
    group: Sequence[Operation], sides: Mapping[str, Side], rounds: int, statistic: Statistic
) -> dict[Operation, Figures]:
    """Times the operations of a group in turn, so that these too can be compared; each round another side begins."""
    seconds: dict[Operation, dict[str, list[float]]] = {operation: {} for operation in group}
    for round in range(WARM_UP + rounds):
        for operation in group:
            contenders = contenders_of(operation, sides)
            begins = round % len(contenders)
            for name, side, asked in contenders[begins:] + contenders[:begins]:
                found = side.seconds(operation.group, asked, round * operation.times, operation.times)
                if found is not None and round >= WARM_UP:
                    seconds[operation].setdefault(name, []).append(found)
    return {
        operation: {name: statistic(times) for name, times in of_sides.items()}
        for operation, of_sides in seconds.items()
    }


def contenders_of(operation: Operation, sides: Mapping[str, Side]) -> list[tuple[str, Side, str]]:
    """Lists the columns to measure: each with the side to ask and the name to ask it for."""
    found = [(name, sides[name], operation.name) for name in ("ours", "before") if name in sides]
    if operation.beside:
        found.append(("raw", sides["ours"], raw_name(operation.name)))
    else:
        found.append(("raw", sides["raw"], operation.name))
    if operation.other and operation.other in sides:
        found.append(("other", sides[operation.other], operation.name))
    return found


def table(results: Mapping[Operation, Figures], *, before: bool) -> list[list[str]]:
    head = ["operation", "raw", "ours", "ours/raw", "other", "other/ours"]
    if before:
        head += ["before", "before/raw", "ours/before", "other/before"]
    lines = [head]
    for operation, found in results.items():
        other = found.get("other")
        line = [
            operation.title,
            time(found.get("raw")),
            time(found.get("ours")),
            ratio(found, "ours", "raw"),
            f"{operation.other} {time(other)}" if other else "-",
            ratio(found, "other", "ours"),
        ]
        if before:
            line.append(time(found.get("before")))
            line += [ratio(found, *names) for names in (("before", "raw"), ("ours", "before"), ("other", "before"))]
        lines.append(line)
    return lines


def time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"


def ratio(found: Figures, above: str, below: str) -> str:
    return f"{found[above] / found[below]:.2f}" if above in found and below in found else "-"


def derived(results: Mapping[Operation, Figures]) -> list[str]:
    """What follows from two figures of one side: growth with the thread, and the import without the interpreter."""
    by_name = {operation.name: found for operation, found in results.items()}
    lines: list[str] = []
    for total in ("", "_total"):
        long, short = by_name.get(f"page_200000{total}", {}), by_name.get(f"page_2000{total}", {})
        growth = [f"{name} {long[name] / short[name]:.2f}" for name in long if name in short]
        if growth:
            lines.append(f"page 0 of 200,000 / of 2,000, {'total' if total else 'no total'}: {', '.join(growth)}")
    if started := by_name.get("import"):
        alone = [f"{name} {time(started[name] - started['raw'])}" for name in ("ours", "before") if name in started]
        lines.append(f"import without the bare interpreter: {', '.join(alone)}")
    return lines


def show(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


def chosen(names: Sequence[str]) -> list[Operation]:
    """Finds the operations by names or patterns such as `vector_*`; without any, those of a usual run."""
    if not names:
        return [operation for operation in OPERATIONS if operation.by_default]
    return [operation for operation in OPERATIONS if any(fnmatchcase(operation.name, name) for name in names)]


def main() -> None:
    available = ", ".join(operation.name for operation in OPERATIONS)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report", description=__doc__, epilog=available)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="another checkout to measure as well")
    parser.add_argument("--rounds", type=int, default=20, help="rounds that count, of each operation")
    parser.add_argument(
        "--best", action="store_true", help="show the fastest round, not the median: for a busy machine"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="operations, by names or patterns such as vector_*")
    options = parser.parse_args()
    operations = chosen(options.names)
    if not operations:
        parser.error(f"no such operation; there are {available}")
    results: dict[Operation, Figures] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory, ExitStack() as stack:
        root = Path(directory)
        sides = {"ours": python_side("ours", root / "ours"), "raw": python_side("raw", root / "raw"), **others(root)}
        if options.before:
            sides["before"] = python_side("ours", root / "before", options.before.resolve())
        for side in sides.values():
            stack.enter_context(closing(side))
        for name, group in groupby(operations, key=attrgetter("group")):
            print(f"measuring {name}", file=sys.stderr)
            results |= measure(list(group), sides, options.rounds, min if options.best else median)
    show(table(results, before=options.before is not None))
    print("", *derived(results), sep="\n")


if __name__ == "__main__":
    main()
