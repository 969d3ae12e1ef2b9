"""Checks and evaluates the predicates of trace queries (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Any, Final

from mastra_convex.domain import moment, shown, to_iso
from mastra_convex.errors import ValidationError

Values = Mapping[str, Any]
"""The fields of a trace or of a span, by their names in predicates."""

TRACE_FIELDS: Final = (
    "traceId",
    "threadId",
    "resourceId",
    "startedAt",
    "endedAt",
    "durationMs",
    "entityName",
    "entityType",
    "environment",
    "status",
    "tags",
)
SPAN_FIELDS: Final = (
    "name",
    "spanType",
    "model",
    "provider",
    "startedAt",
    "endedAt",
    "durationMs",
    "status",
    "error",
    "entityId",
    "entityName",
    "entityType",
)
_TIMES: Final = ("startedAt", "endedAt")
_ORDERED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
_MAX_NODES: Final = 100
_MAX_DEPTH: Final = 12


@dataclass(frozen=True)
class Predicate:
    """Holds for a trace, given the values of its root and of its spans; `needs_spans` if it looks at these."""

    holds: Callable[[Values, Sequence[Values]], bool]
    needs_spans: bool = False


def predicate_of(where: object) -> Predicate:
    """Returns a checked predicate. Raises ValidationError, which names the part that is wrong."""
    return _Parser().trace(where, "where", 1)


class _Parser:
    """Makes functions of predicates, and counts their parts."""

    def __init__(self) -> None:
        self._nodes = 0

    def trace(self, given: object, path: str, depth: int) -> Predicate:
        node = self._node(given, path, depth)
        for relation in ("scores", "feedback"):
            if relation in node:
                raise ValidationError(f"{path}: {relation} of spans are not kept here")
        if "spans" in node:
            return self._related(node["spans"], f"{path}.spans", depth)
        op = node.get("op")
        if op in ("and", "or"):
            args = [self.trace(arg, f"{path}.args[{n}]", depth + 1) for n, arg in enumerate(_list(node, "args", path))]
            join = all if op == "and" else any
            return Predicate(
                lambda root, spans: join(arg.holds(root, spans) for arg in args), any(arg.needs_spans for arg in args)
            )
        if op == "not":
            arg = self.trace(node.get("arg"), f"{path}.arg", depth + 1)
            return Predicate(lambda root, spans: not arg.holds(root, spans), arg.needs_spans)
        test = self._scalar(node, path, TRACE_FIELDS)
        return Predicate(lambda root, spans: test(root))

    def span(self, given: object, path: str, depth: int) -> Callable[[Values], bool]:
        node = self._node(given, path, depth)
        op = node.get("op")
        if op in ("and", "or"):
            args = [self.span(arg, f"{path}.args[{n}]", depth + 1) for n, arg in enumerate(_list(node, "args", path))]
            join = all if op == "and" else any
            return lambda span: join(arg(span) for arg in args)
        if op == "not":
            arg = self.span(node.get("arg"), f"{path}.arg", depth + 1)
            return lambda span: not arg(span)
        return self._scalar(node, path, SPAN_FIELDS)

    def _related(self, given: object, path: str, depth: int) -> Predicate:
        node = self._node(given, path, depth)
        name = "some" if "some" in node else "none"
        if name not in node:
            raise ValidationError(f"{path} must have some or none")
        test = self.span(node[name], f"{path}.{name}", depth + 1)
        return Predicate(lambda root, spans: any(map(test, spans)) is (name == "some"), needs_spans=True)

    def _node(self, given: object, path: str, depth: int) -> Mapping[str, Any]:
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise ValidationError(f"{path}: predicates have at most {_MAX_NODES} parts and {_MAX_DEPTH} levels")
        if not isinstance(given, Mapping):
            raise ValidationError(f"{path} must be a predicate, not {shown(given)}")
        return given

    def _scalar(self, node: Mapping[str, Any], path: str, fields: Sequence[str]) -> Callable[[Values], bool]:
        op = node.get("op")
        match op:
            case "eq" | "ne" | "lt" | "lte" | "gt" | "gte":
                left, right = (_operand(node.get(side), f"{path}.{side}", fields) for side in ("left", "right"))
                return _comparison(op, *_alike(left, right))
            case "in" | "notIn":
                value = _operand(node.get("value"), f"{path}.value", fields)
                wanted = [_alike(value, _Literal(each))[1].of({}) for each in _list(node, "set", path)]
                return lambda values: (value.of(values) in wanted) is (op == "in")
            case "exists" | "notExists":
                field = _field(node.get("path"), f"{path}.path", fields)
                return lambda values: (field.of(values) not in (None, [])) is (op == "exists")
            case "includes" | "notIncludes":
                field, item = _field(node.get("path"), f"{path}.path", fields), node.get("value")
                return lambda values: (item in (field.of(values) or ())) is (op == "includes")
            case _:
                raise ValidationError(f"{path} has no operator of predicates: {shown(op)}")


@dataclass(frozen=True)
class _Field:
    name: str

    def of(self, values: Values) -> Any:
        head, _, key = self.name.partition(".")
        value = values.get(head)
        if not key:
            return value
        member = value.get(key) if isinstance(value, Mapping) else None
        return member if member is None or isinstance(member, str) else str(member)


@dataclass(frozen=True)
class _Literal:
    value: Any

    def of(self, values: Values) -> Any:
        return self.value


def _operand(given: object, path: str, fields: Sequence[str]) -> _Field | _Literal:
    if isinstance(given, Mapping) and "literal" in given:
        return _Literal(given["literal"])
    if isinstance(given, Mapping) and "path" in given:
        return _field(given["path"], f"{path}.path", fields)
    raise ValidationError(f"{path} must be a path or a literal")


def _field(name: object, path: str, fields: Sequence[str]) -> _Field:
    is_metadata = isinstance(name, str) and name.startswith("metadata.") and "traceId" in fields
    if not isinstance(name, str) or not (name in fields or is_metadata):
        raise ValidationError(f"{path} is no field: {shown(name)}; there are: {', '.join(fields)}")
    return _Field(name)


def _alike(left: _Field | _Literal, right: _Field | _Literal) -> tuple[_Field | _Literal, _Field | _Literal]:
    """Brings a literal that is compared with a time into the form in which times are stored."""
    if isinstance(left, _Field) and left.name in _TIMES and isinstance(right, _Literal):
        return left, _Literal(_time(right.value))
    if isinstance(right, _Field) and right.name in _TIMES and isinstance(left, _Literal):
        return _Literal(_time(left.value)), right
    return left, right


def _time(value: Any) -> Any:
    return to_iso(moment(value, "literal", operation="QUERY_TRACES")) if isinstance(value, str | datetime) else value


def _comparison(op: str, left: _Field | _Literal, right: _Field | _Literal) -> Callable[[Values], bool]:
    if op in ("eq", "ne"):
        return lambda values: (left.of(values) == right.of(values)) is (op == "eq")
    compare = _ORDERED[op]

    def holds(values: Values) -> bool:
        a, b = left.of(values), right.of(values)
        alike = (isinstance(a, str) and isinstance(b, str)) or (_is_number(a) and _is_number(b))
        return alike and compare(a, b)

    return holds


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(node: Mapping[str, Any], name: str, path: str) -> Sequence[Any]:
    value = node.get(name)
    if not isinstance(value, list) or len(value) > _MAX_NODES:
        raise ValidationError(f"{path}.{name} must be a list of at most {_MAX_NODES}")
    return value
