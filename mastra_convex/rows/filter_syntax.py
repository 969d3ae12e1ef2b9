"""The syntax of Mastra's filters (docs/protocol.md, "Conditions"), and the form in which they travel."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from mastra_convex.errors import ValidationError
from mastra_convex.rows.pattern_syntax import parse_pattern
from mastra_convex.rows.patterns import check_program

_LISTS = frozenset({"$and", "$or", "$nor"})
_LOGICAL = _LISTS | {"$not"}
"""These may stand beside the names of fields."""


_MAX_PARTS = 128
"""The name of a field has at most so many parts between dots, as JSON text is nested no deeper."""


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _is_size(given: Any) -> bool:
    return _is_number(given) and given >= 0 and not given % 1


_Operand = tuple[Callable[[Any], bool], str]

_ANY: _Operand = (lambda _: True, "")
_LIST: _Operand = (lambda given: isinstance(given, list), "takes a list")
_OPERANDS: dict[str, _Operand] = {
    **dict.fromkeys(("$eq", "$ne", "$gt", "$gte", "$lt", "$lte"), _ANY),
    **dict.fromkeys(("$in", "$nin", "$all"), _LIST),
    **dict.fromkeys(("$contains", "$not", "$elemMatch"), _ANY),
    "$exists": (lambda given: isinstance(given, bool), "takes true or false"),
    "$size": (_is_size, "takes a whole number of at least 0"),
    "$regex": (lambda given: isinstance(given, str | dict), "takes text"),
    "$options": _ANY,
    **dict.fromkeys(("$and", "$or", "$nor"), (_LIST[0], "takes a list of filters")),
}
"""A test of the operand of an operator, and words for the operands that it takes."""

_LIMIT: _Operand = (lambda given: isinstance(given, str) or _is_number(given), "takes a number, a text or a time")
_FILTER: _Operand = (lambda given: isinstance(given, dict), "takes a filter")
_STRICT_OPERANDS: dict[str, _Operand] = {
    **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), _LIMIT),
    "$elemMatch": _FILTER,
    "$not": (lambda given: isinstance(given, dict) and bool(given), "takes a filter that is not empty"),
}
"""By Mastra's rules these take less: nothing is greater than a list, for instance."""


Place = Literal["anywhere", "record", "field", "operator"]
"""The place of a filter: anywhere, by the rules of the protocol; or by Mastra's, which are stricter, for a whole
record, for a field, or in `$not` and `$elemMatch` of a field.
"""


class _Rules(NamedTuple):
    """The places of the filters of fields and of operators in a filter, and the operators that it must not have."""

    field: Place
    operator: Place
    misplaced: frozenset[str] = frozenset()
    problem: str = ""


_RULES: dict[Place, _Rules] = {
    "anywhere": _Rules("anywhere", "anywhere"),
    "record": _Rules("field", "record", frozenset(_OPERANDS) - _LOGICAL, "belongs to a field"),
    "field": _Rules("field", "operator", _LISTS, "belongs outside of a field"),
    "operator": _Rules("field", "operator"),
}


def checked_filter(value: Any, path: str = "filter", *, place: Place = "anywhere") -> Any:
    """The filter (parsed JSON) as it travels: with the program of each pattern of `$regex` in place of its text.

    Raises ValidationError, naming the operator and the path inside the filter, for what is unknown, misplaced or
    malformed. With `place="record"` the rules are those of Mastra: a record has fields and logical operators.
    """
    try:
        return _checked(value, path, place)
    except RecursionError:
        raise ValidationError(f"{path} is nested too deep") from None


def _refused(operator: str, path: str, problem: str) -> ValidationError:
    return ValidationError(f"{path}: {operator} {problem}", details={"path": path, "operator": operator})


def _checked(given: Any, path: str, place: Place) -> Any:
    if not isinstance(given, dict):
        if place == "record":
            raise ValidationError(f"{path} must be a mapping of fields", details={"path": path})
        return given
    members: dict[str, Any] = given
    field = next((name for name in members if not name.startswith("$")), None)
    sent: dict[str, Any] = {}
    for name, operand in members.items():
        if not name.startswith("$"):
            if name.count(".") >= _MAX_PARTS:
                raise ValidationError(
                    f"{path}: the name of a field has at most {_MAX_PARTS} parts", details={"path": path}
                )
            sent[name] = _checked(operand, f"{path}.{name}", _RULES[place].field)
            continue
        if field is not None and name in _OPERANDS.keys() - _LOGICAL:
            raise _refused(name, path, f"is misplaced beside the field {field!r}")
        _check_operator(name, operand, path, place)
        if name == "$options":
            if not isinstance(members.get("$regex"), str):
                raise _refused(name, path, "belongs beside the text of $regex")
        elif name == "$regex":
            sent[name] = _program(operand, members.get("$options", ""), path)
        else:
            sent[name] = _operand(name, operand, f"{path}.{name}", _RULES[place].operator)
    return sent


def _check_operator(name: str, operand: Any, path: str, place: Place) -> None:
    if name not in _OPERANDS:
        similar = get_close_matches(name.lower(), _OPERANDS, n=1)
        hint = f"did you mean {similar[0]}? " if similar else ""
        raise _refused(name, path, f"is no operator; {hint}there are {', '.join(_OPERANDS)}")
    if name in _RULES[place].misplaced:
        raise _refused(name, path, _RULES[place].problem)
    fits, takes = _OPERANDS[name]
    if place != "anywhere":
        fits, takes = _STRICT_OPERANDS.get(name, (fits, takes))
    if not fits(operand):
        raise _refused(name, path, f"{takes}, not {_described(operand)}")


def _described(operand: Any) -> str:
    """Names the type of an operand, or the operand if it is None or an empty filter."""
    return repr(operand) if operand is None or operand == {} else type(operand).__name__


def _operand(name: str, given: Any, path: str, place: Place) -> Any:
    if name in ("$not", "$elemMatch"):
        return _checked(given, path, place)
    return [_checked(item, f"{path}[{n}]", place) for n, item in enumerate(given)] if name in _LISTS else given


def _program(pattern: Any, options: Any, path: str) -> Any:
    try:
        if isinstance(pattern, str):
            return parse_pattern(pattern, options)
        check_program(pattern)
    except ValidationError as error:
        raise _refused("$regex", path, f"takes no such pattern: {error.message}") from error
    return pattern
