"""Finds filters that hold for every value, whatever their form (docs/protocol.md, "Conditions").

A filter becomes a formula of atoms: each is one operator on the value at one path. The formula is decided by cases: of
which kind the value at each path is, and, where that leaves it open, whether an atom holds. Atoms are taken to be
independent of each other. So there are cases that no value has, but no value is without its case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import orjson

from mastra_convex.errors import ValidationError

_Path = tuple[str, ...]
_Kinds = frozenset[str]

_KIND_OF: Final = {bool: "boolean", int: "number", float: "number", str: "text", list: "array", dict: "object"}
_KINDS: Final = ("null", "boolean", "number", "text", "array", "object", "missing")
_THERE: Final = frozenset(_KINDS) - {"missing"}
_CONTAINERS: Final = ("array", "object")
_NONE: Final[_Kinds] = frozenset()
_ARRAY: Final = frozenset({"array"})

_MOST_VISITS: Final = 5_000
"""A decision looks at parts of formulas so many times, which takes some milliseconds, before it gives up."""


class _Atom(NamedTuple):
    """Stands for an operator on the value at a path: it holds for some kinds of values, and may hold for others."""

    path: _Path
    operator: str
    operand: bytes
    holds: _Kinds
    may_hold: _Kinds


class _All(NamedTuple):
    parts: list[_Formula]


class _Not(NamedTuple):
    part: _Formula


_Formula = _Atom | _All | _Not
_Case = dict[_Path | _Atom, Any]
"""The kind of the value at a path, or whether an atom holds."""


def holds_always(filter: Any) -> bool:
    """Tells whether a checked filter holds for every value, such as `{"a": {}}`, or a condition `$or` its contrary.

    True is always right. False is also the answer for a filter that is too large to decide, and for one that holds
    because of what its operands say together (`{"$or": [{"n": {"$lt": 9}}, {"n": {"$not": {"$lt": 5}}}]}`).
    """
    try:
        return _Decision().is_true(_formula(filter, ()))
    except RecursionError:
        raise ValidationError("filter is nested too deep") from None


def _formula(given: Any, path: _Path) -> _Formula:
    if not isinstance(given, dict):
        return _equals(given, path)
    members: dict[str, Any] = given
    return _all(
        _operation(name, operand, path) if name.startswith("$") else _formula(operand, (*path, name))
        for name, operand in members.items()
    )


def _operation(name: str, given: Any, path: _Path) -> _Formula:
    match name:
        case "$not":
            return _not(_formula(given, path))
        case "$and":
            return _all(_formula(each, path) for each in given)
        case "$or":
            return _not(_operation("$nor", given, path))
        case "$nor":
            return _all(_not(_formula(each, path)) for each in given)
        case "$eq":
            return _equals(given, path)
        case "$ne":
            return _not(_equals(given, path))
        case "$in":
            return _not(_operation("$nin", given, path))
        case "$nin":
            return _all(_not(_equals(each, path)) for each in given)
        case "$exists":
            there = _atom(path, name, True, _NONE, holds=_THERE)
            return there if given else _not(there)
        case _:
            return _atom(path, name, given, _possible(name, given))


def _equals(given: Any, path: _Path) -> _Formula:
    if given is None:
        return _atom(path, "$eq", given, _ARRAY, holds=frozenset({"null", "missing"}))
    return _atom(path, "$eq", given, _ARRAY | {_kind(given)})


def _possible(operator: str, given: Any) -> _Kinds:
    """Returns the kinds of values for which an operator may hold."""
    match operator:
        case "$gt" | "$gte" | "$lt" | "$lte":
            return _ARRAY | {_kind(given)} if _kind(given) in ("number", "text") else _NONE
        case "$contains":
            return _ARRAY | {_kind(given)} & {"text", "object"}
        case "$regex":
            return frozenset({"text"})
        case "$all":
            return _ARRAY if given else _NONE
        case "$elemMatch":
            return _NONE if _Decision().is_true(_not(_formula(given, ()))) else _ARRAY
        case _:
            return _ARRAY


def _kind(value: Any) -> str:
    return _KIND_OF.get(type(value), "null")


def _atom(path: _Path, operator: str, operand: Any, may_hold: _Kinds, *, holds: _Kinds = _NONE) -> _Formula:
    if not may_hold and not holds:
        return _FALSE
    return _Atom(path, operator, orjson.dumps(operand, option=orjson.OPT_SORT_KEYS), holds, may_hold)


def _all(formulas: Iterable[_Formula]) -> _Formula:
    parts: list[_Formula] = []
    for formula in formulas:
        if formula == _FALSE:
            return _FALSE
        parts += formula.parts if isinstance(formula, _All) else [formula]
    return parts[0] if len(parts) == 1 else _All(parts)


def _not(formula: _Formula) -> _Formula:
    return formula.part if isinstance(formula, _Not) else _Not(formula)


_FALSE: Final = _Not(_All([]))


class _Decision:
    """Decides a formula, as long as it is not too large."""

    def __init__(self) -> None:
        self._visits = 0

    def is_true(self, formula: _Formula) -> bool:
        """Tells whether a formula is found to be true in every case."""
        if isinstance(formula, _All):
            return all(map(self.is_true, formula.parts))
        if isinstance(formula, _Not) and isinstance(formula.part, _All):
            return any(map(self._is_one_true, _independent(formula.part.parts)))
        return self._is_true_by_cases(formula)

    def _is_one_true(self, parts: list[_Formula]) -> bool:
        """Tells whether in every case one of the parts is false."""
        if len(parts) > 1 and not self._one_denies_others(parts):
            return any(self.is_true(_not(part)) for part in parts) or self._is_true_by_cases(_Not(_All(parts)))
        return len(parts) > 1 or self.is_true(_not(parts[0]))

    def _one_denies_others(self, parts: list[_Formula]) -> bool:
        """Tells whether one part says that not all of some others are true."""
        for part in parts:
            if isinstance(part, _Not) and self._visits <= _MOST_VISITS:
                denied = part.part.parts if isinstance(part.part, _All) else [part.part]
                self._visits += len(denied) * len(parts)
                if all(each in parts for each in denied):
                    return True
        return False

    def _is_true_by_cases(self, formula: _Formula) -> bool:
        cases: list[_Case] = [{}]
        while cases:
            case = cases.pop()
            answer = self._value(formula, case)
            if answer is False:
                return False
            if isinstance(answer, _Atom):
                if self._visits > _MOST_VISITS:
                    return False
                cases += _split(case, answer)
        return True

    def _value(self, formula: _Formula, case: _Case) -> bool | _Atom:
        """Tells whether a formula is true in a case; returns the first atom on which that depends otherwise."""
        self._visits += 1
        if isinstance(formula, _Atom):
            return _holds(formula, case)
        if isinstance(formula, _Not):
            answer = self._value(formula.part, case)
            return not answer if isinstance(answer, bool) else answer
        depends: _Atom | None = None
        for part in formula.parts:
            answer = self._value(part, case)
            if answer is False:
                return False
            if isinstance(answer, _Atom):
                depends = depends or answer
        return depends or True


def _independent(parts: list[_Formula]) -> list[list[_Formula]]:
    """Divides formulas into groups that have no field in common, so that one group says nothing about another."""
    fields = [set(_fields(part)) for part in parts]
    sharing: dict[str, list[int]] = {}
    for n, names in enumerate(fields):
        for name in names:
            sharing.setdefault(name, []).append(n)
    groups: list[list[_Formula]] = []
    left = dict.fromkeys(range(len(parts)))
    while left:
        group: list[_Formula] = []
        waiting = [next(iter(left))]
        while waiting:
            n = waiting.pop()
            if n in left:
                del left[n]
                group.append(parts[n])
                for name in fields[n]:
                    waiting += sharing.pop(name, ())
        groups.append(group)
    return groups


def _fields(formula: _Formula) -> Iterator[str]:
    """Lists the first names of the paths in a formula; that of the whole value is empty."""
    if isinstance(formula, _Atom):
        yield formula.path[0] if formula.path else ""
    else:
        for part in formula.parts if isinstance(formula, _All) else [formula.part]:
            yield from _fields(part)


def _holds(atom: _Atom, case: _Case) -> bool | _Atom:
    if _open_path(atom, case) is not None:
        return atom
    kind = case.get(atom.path, "missing")
    if kind in atom.holds:
        return True
    return case.get(atom, atom) if kind in atom.may_hold else False


def _open_path(atom: _Atom, case: _Case) -> _Path | None:
    """Returns the first path on the way to the value of an atom whose kind must be known, and is not."""
    for length in range(min(1, len(atom.path)), len(atom.path) + 1):
        path = atom.path[:length]
        if path not in case:
            return path
        if case[path] not in _CONTAINERS:
            return None
    return None


def _split(case: _Case, atom: _Atom) -> list[_Case]:
    """Returns the cases into which the one on which an answer depends divides a case."""
    path = _open_path(atom, case)
    if path is None:
        return [{**case, atom: holds} for holds in (True, False)]
    return [{**case, path: kind} for kind in _KINDS if path or kind != "missing"]
