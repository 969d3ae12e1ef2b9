"""Whatever a user gives comes back unchanged from every backend, or is refused by every backend with one error."""

from __future__ import annotations

import sys
from array import array
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings

from mastra_convex import TooLargeError, ValidationError
from tests.effort import effort
from tests.reliability.hostile.carriers import (
    ID_CARRIERS,
    OBJECT_CARRIERS,
    TEXT_CARRIERS,
    TIME_CARRIERS,
    VALUE_CARRIERS,
    Carrier,
    score_number,
    vector,
)
from tests.reliability.hostile.conftest import Stores
from tests.reliability.hostile.outcomes import exact, outcome, plain
from tests.reliability.hostile.strategies import (
    AWARE,
    HOSTILE,
    HOSTILE_NUMBERS,
    HOSTILE_OBJECTS,
    HOSTILE_TEXT,
    JSON,
    NAIVE,
    OBJECTS,
    in_utc,
    is_json,
    nested,
)

_SETTINGS = settings(max_examples=effort(40, 1_000))
_ids = count()


async def carried(stores: Stores, carrier: Carrier, value: Any) -> Any:
    """What every backend makes of a value: the value as it comes back, or the class of the error."""
    id = f"id{next(_ids)}"
    found = {name: await outcome(carrier(store, id, value)) for name, store in stores.items()}
    expected = found["memory"]
    assert all(exact(each) == exact(expected) for each in found.values()), found
    return expected


def named(carrier: Carrier) -> str:
    return carrier.__name__


@pytest.mark.parametrize("carrier", OBJECT_CARRIERS, ids=named)
@given(value=OBJECTS)
@_SETTINGS
async def test_every_object_comes_back(stores: Stores, carrier: Carrier, value: dict[str, Any]) -> None:
    assert exact(await carried(stores, carrier, value)) == exact(plain(value))


@pytest.mark.parametrize("carrier", VALUE_CARRIERS, ids=named)
@given(value=JSON)
@_SETTINGS
async def test_every_json_value_comes_back(stores: Stores, carrier: Carrier, value: Any) -> None:
    assert exact(await carried(stores, carrier, value)) == exact(plain(value))


@pytest.mark.parametrize("carrier", TEXT_CARRIERS, ids=named)
@given(value=HOSTILE_TEXT)
@_SETTINGS
async def test_every_text_comes_back_or_is_refused(stores: Stores, carrier: Carrier, value: str) -> None:
    assert await carried(stores, carrier, value) == (value if is_json(value) else ValidationError)


@pytest.mark.parametrize("carrier", ID_CARRIERS, ids=named)
@given(value=HOSTILE_TEXT)
@_SETTINGS
async def test_every_id_is_found_again_or_refused(stores: Stores, carrier: Carrier, value: str) -> None:
    legal = is_json(value) and bool(value.strip())
    assert await carried(stores, carrier, value) == (value if legal else ValidationError)


@pytest.mark.parametrize("carrier", OBJECT_CARRIERS + VALUE_CARRIERS, ids=named)
@given(value=HOSTILE_OBJECTS | HOSTILE.filter(lambda value: not isinstance(value, str | None)))  # these mean more
@_SETTINGS
async def test_what_json_does_not_have_is_refused(stores: Stores, carrier: Carrier, value: Any) -> None:
    found = await carried(stores, carrier, value)
    if found not in (ValidationError, TooLargeError):
        assert exact(found) == exact(plain(value))


@pytest.mark.parametrize("carrier", TIME_CARRIERS, ids=named)
@given(value=AWARE)
@_SETTINGS
async def test_every_time_comes_back_in_utc(stores: Stores, carrier: Carrier, value: datetime) -> None:
    assert await carried(stores, carrier, value) == (in_utc(value) or ValidationError)


@pytest.mark.parametrize("carrier", TIME_CARRIERS, ids=named)
@given(value=NAIVE)
@_SETTINGS
async def test_times_without_a_zone_are_refused(stores: Stores, carrier: Carrier, value: datetime) -> None:
    assert await carried(stores, carrier, value) is ValidationError


@given(value=HOSTILE_NUMBERS)
@_SETTINGS
async def test_every_score_comes_back_or_is_refused(stores: Stores, value: float) -> None:
    found = await carried(stores, score_number, value)
    if found is not ValidationError:
        assert found == float(value)
    else:
        assert not abs(value) <= sys.float_info.max


@given(value=HOSTILE_NUMBERS)
@_SETTINGS
async def test_every_vector_comes_back_as_float32_or_is_refused(stores: Stores, value: float) -> None:
    found = await carried(stores, vector, value)
    if found is not ValidationError:
        assert array("f", found) == array("f", [value])
    else:
        assert not abs(value) <= 3.4e38


@pytest.mark.parametrize("levels", [129, 1_000, 100_000])
@pytest.mark.parametrize("carrier", OBJECT_CARRIERS + VALUE_CARRIERS, ids=named)
async def test_what_nests_without_end_is_too_large(stores: Stores, carrier: Carrier, levels: int) -> None:
    assert await carried(stores, carrier, {"deep": nested(levels)}) is TooLargeError


async def test_pages_of_any_size(stores: Stores) -> None:
    """More rows than one answer holds, asked for at once."""
    records = [{"id": n, "text": "\U0001f600" * 500} for n in range(1, effort(3_000, 20_000) + 1)]
    for store in stores.values():
        assert plain(await store.documents.put_many("t", records=records)) == records
        for per_page in (False, 2**53 - 1):
            page = await store.documents.list("t", per_page=per_page)
            assert (page.total, page.has_more) == (len(records), False)
            assert page.documents == records
        last = await store.documents.list("t", page=len(records) - 1, per_page=1)
        assert last.documents == records[-1:]
