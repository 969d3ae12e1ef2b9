"""Says in our words what pydantic refused: the path in Python's spelling, what is allowed, what was given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pydantic

from mastra_convex.errors import ValidationError
from mastra_convex.rows.explain import A_TIME, AS_JSON, kind_of, one_of, shown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_EXPECTED = {
    "string_type": "must be a string, not {kind}",
    "float_type": "must be a number, not {kind}",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be >= {ge}, not {shown}",
    "less_than_equal": "must be <= {le}, not {shown}",
    "dict_type": "must be a mapping, not {kind}",
    "list_type": "must be a list, not {kind}",
    "model_type": "must be a {class_name} or a mapping, not {kind}",
    "datetime_type": f"must be {A_TIME}, or its ISO text, not {{kind}}",
    "datetime_parsing": f"must be {A_TIME}, or its ISO text: {{error}}",
    "datetime_from_date_parsing": f"must be {A_TIME}, or its ISO text: {{error}}",
    "missing": "is required",
}
"""The text for each of pydantic's kinds of problem that people meet; others keep pydantic's."""

_CONVERTED = ("string_type", "float_type", "dict_type")
"""Kinds of problem that a conversion of the value may solve."""


def argument_error(error: pydantic.ValidationError, name: str, *, operation: str | None) -> ValidationError:
    """Our error for pydantic's: the first problem, at `name`, attributes in Python's spelling."""
    path, message = first_problem(error)
    return ValidationError(f"{name}{path}: {message}", operation=operation, details={"path": f"{name}{path}"})


def first_problem(error: pydantic.ValidationError) -> tuple[str, str]:
    """Returns the path of the first problem, and what it is."""
    problem = error.errors(include_url=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_snake(part)}" for part in problem["loc"])
    return path, _explained(problem)


def _explained(problem: ErrorDetails) -> str:
    given = problem["input"]
    known = {"kind": kind_of(given), "shown": shown(given)} | problem.get("ctx", {})
    if problem["type"] == "literal_error":
        return one_of(given, re.findall(r"'([^']*)'", known.get("expected", "")))
    if problem["type"] in _EXPECTED:
        converts = problem["type"] in _CONVERTED and "." in known["kind"]
        fix = f"; {AS_JSON}(...) may make one" if converts else ""
        return f"{_EXPECTED[problem['type']].format_map(known)}{fix}"
    return problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
