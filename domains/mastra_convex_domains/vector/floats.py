"""Rounds vectors to float32 and stores each number as the double of its shortest decimal.

Embeddings have no more precision than that. The shortest decimal of a float32 halves the bytes that are transferred,
and every backend returns the same number, whether it stores four bytes or eight.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import orjson

from mastra_convex.domain import MAX_ARRAY_ELEMENTS, VectorLike
from mastra_convex.errors import ValidationError

if TYPE_CHECKING:
    Floats = array[float]
else:
    Floats = array


_MIN_DIGITS, _MAX_DIGITS = 6, 9
"""A float32 always keeps the first count of decimal digits; the second always distinguishes it from its neighbours."""


def packed(vector: VectorLike, name: str, *, operation: str) -> Floats:
    """Returns a vector as float32; raises ValidationError unless it has 1 to 8,192 finite numbers."""
    numbers = _of_singles(vector)
    values = plain_list(vector) if numbers is None else numbers
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or not values:
        raise _invalid(f"{name} must be a non-empty list of numbers", "INVALID_VECTOR", operation)
    if len(values) > MAX_ARRAY_ELEMENTS:
        raise _invalid(f"{name} must have at most {MAX_ARRAY_ELEMENTS} numbers", "INVALID_VECTOR", operation)
    if numbers is None:
        numbers = _rounded(values)
    if not math.isfinite(sum(numbers)):
        wrong = next((n for n, value in enumerate(values) if not _is_number(value)), 0)
        raise _invalid(f"{name}[{wrong}] must be a finite number", "INVALID_VECTOR_VALUE", operation)
    return numbers


def _of_singles(vector: object) -> Floats | None:
    """Copies an array of float32, such as numpy's, without an object for each number; returns None for other values."""
    try:
        view = memoryview(cast(Any, vector))
    except TypeError:
        return None
    return array("f", view.tobytes()) if view.format == "f" and view.ndim == 1 else None


def _rounded(values: Sequence[Any]) -> Floats:
    """Rounds numbers to float32; returns a single NaN when one of them is not a number."""
    try:
        numbers = array("f", values)
    except (TypeError, ValueError, OverflowError):
        return array("f", [math.nan])
    return array("f", [math.nan]) if bool in set(map(type, values)) else numbers


def plain_list(value: Any) -> Any:
    """Turns an array into lists; returns other values as they are."""
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) and not isinstance(value, array) else value


def shortest(numbers: Floats) -> list[float]:
    """Returns the doubles of the shortest decimals that round to these float32."""
    numpy = _numpy()
    if numpy is not None:
        positive = numpy.frombuffer(numbers, dtype=numpy.float32) + numpy.float32(0)  # -0.0 becomes 0.0
        found: list[float] = orjson.loads(orjson.dumps(positive, option=orjson.OPT_SERIALIZE_NUMPY))
        return found
    return [number + 0.0 for number in _shortest(numbers)]


def restored(values: Sequence[float]) -> list[float]:
    """Returns a stored vector as `packed` made it. Numbers of other writers that exceed float32 stay as they are."""
    numbers = array("f", values)
    return shortest(numbers) if math.isfinite(sum(numbers)) else list(values)


@cache
def _numpy() -> Any:
    try:
        import numpy  # noqa: PLC0415  # optional, and slow to import
    except ImportError:
        return None
    return numpy


def _shortest(numbers: Floats) -> list[float]:
    found = list(numbers)
    pending = list(range(len(found)))
    for digits in range(_MIN_DIGITS, _MAX_DIGITS + 1):
        texts = (f"%.{digits}g " * len(pending)) % tuple(numbers[n] for n in pending)
        candidates = [float(text) for text in texts.split()]
        for n, candidate in zip(pending, candidates, strict=True):
            found[n] = candidate
        rounded = array("f", candidates)
        pending = [n for n, number in zip(pending, rounded, strict=True) if number != numbers[n]]
    return found


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(array("f", [value])[0])
    except (TypeError, ValueError, OverflowError):
        return False


def _invalid(message: str, status: str, operation: str) -> ValidationError:
    return ValidationError(message, operation=operation, status=status)
