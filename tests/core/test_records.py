"""Stored rows become the same records whether they have the form in which we write them or pydantic must read them."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex import MastraConvexError
from mastra_convex.contract.models import STORED, Record
from mastra_convex.tables import Table
from mastra_convex_domains import Message, Resource, Thread
from mastra_convex_domains.memory.tables import MESSAGES, RESOURCES, THREADS

TIMES = ["2026-01-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00"]
WRITTEN: dict[type[Record], dict[str, Any]] = {
    Thread: {"id": "t", "resourceId": "u", "title": "T", "metadata": {"a": 1}, "createdAt": TIMES[0]},
    Message: {"id": "m", "thread_id": "t", "role": "user", "content": {"parts": []}, "createdAt": TIMES[0]},
    Resource: {"id": "u", "workingMemory": None, "metadata": {}, "createdAt": TIMES[0], "updatedAt": TIMES[0]},
}
TABLES: dict[type[Record], Table] = {Thread: THREADS, Message: MESSAGES, Resource: RESOURCES}
VALUES = st.sampled_from([*TIMES, "", " ", "text", '{"a": 1}', None, 1, 1.5, True, {}, {"a": {"b": 1}}, [], ["a"]])
CHANGES = st.dictionaries(
    st.sampled_from(["id", "title", "role", "content", "metadata", "createdAt", "updatedAt", "workingMemory", "later"]),
    VALUES,
    max_size=3,
)


def validated(model: type[Record], values: dict[str, Any]) -> Record | None:
    """Returns the record as pydantic alone reads it, None where it refuses the values."""
    try:
        record: Record = model.__pydantic_validator__.validate_python(values, context=STORED)
    except pydantic.ValidationError:
        return None
    return record


@pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.__name__)
@given(changes=CHANGES, missing=st.sets(st.sampled_from(["id", "createdAt", "updatedAt", "metadata", "type"])))
def test_a_stored_record_is_the_one_that_validation_makes(
    model: type[Record], changes: dict[str, Any], missing: set[str]
) -> None:
    values = {name: value for name, value in {**WRITTEN[model], **changes}.items() if name not in missing}
    expected = validated(model, dict(values))
    if expected is None:
        with pytest.raises(MastraConvexError):
            model.stored(values, TABLES[model])
        return
    found = model.stored(values, TABLES[model])
    given_members = found.model_fields_set
    assert given_members == expected.model_fields_set
    assert found.model_extra == expected.model_extra
    for name in given_members & model.model_fields.keys():
        assert getattr(found, name) == getattr(expected, name)
        assert type(getattr(found, name)) is type(getattr(expected, name))
