"""Records that are made by hand: our error from every constructor, pydantic's only inside other models."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pydantic
import pytest

from mastra_convex import MastraConvexError, RetentionPolicy, ValidationError
from mastra_convex_domains import Include, Message, MessagePage, MessageUpdate, Resource, Score, Thread, VectorHit
from tests.data import at, message

NAIVE = datetime(2026, 1, 1)
MESSAGE: dict[str, Any] = {"thread_id": "t1", "resource_id": "u", "role": "user", "content": "Hello"}
A_TIME = r"must be a datetime with a time zone, as datetime\.now\(UTC\)"

WRONG: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (Message, {**MESSAGE, "created_at": NAIVE}, rf"^Message\.created_at: {A_TIME}"),
    (Message, {**MESSAGE, "createdAt": "2026-01-01T00:00:00"}, rf"^Message\.created_at: {A_TIME}"),
    (Message, {**MESSAGE, "created_at": "yesterday"}, rf"^Message\.created_at: {A_TIME}, or its ISO text: "),
    (Message, {**MESSAGE, "created_at": []}, rf"^Message\.created_at: {A_TIME}, or its ISO text, not list"),
    (Thread, {"resource_id": "u", "updated_at": NAIVE}, rf"^Thread\.updated_at: {A_TIME}"),
    (Resource, {"created_at": NAIVE}, rf"^Resource\.created_at: {A_TIME}"),
    (Thread, {"resource_id": "u", "titel": "T"}, r"^Thread: unknown key 'titel'; did you mean 'title'\?"),
    (Thread, {"resourceID": "u"}, r"^Thread: unknown key 'resourceID'; did you mean 'resourceId'\?"),
    (Message, {**MESSAGE, "colour": 1}, "^Message: unknown key 'colour'; there are: id, thread_id, resource_id, role"),
    (Thread, {}, r"^Thread\.resource_id: is required"),
    (Thread, {"resource_id": UUID(int=1)}, r"must be a string, not uuid\.UUID; mastra_convex\.to_jsonable"),
    (Thread, {"resource_id": None}, "must be a string, not None$"),
    (Thread, {"resource_id": "u", "metadata": [1]}, "must be a mapping, not list"),
    (
        Message,
        {**MESSAGE, "role": "asistant"},
        r"^Message\.role: must be one of user, assistant, system, signal, not 'asistant'; did you mean 'assistant'\?",
    ),
    (MessageUpdate, {"id": "m", "role": "human"}, "must be one of user, assistant, system, signal, not 'human'"),
    (Message, {**MESSAGE, "content": [{"type": "text", "text": "Hi"}]}, r"must be text, or .*format 2.*, not list"),
    (Message, {**MESSAGE, "content": None}, r"must be text, or .*format 2"),
    (Message, {**MESSAGE, "content": {"content": "Hi"}}, r'must have "parts", a list'),
    (Message, {**MESSAGE, "content": {"parts": "Hi"}}, r'must have "parts", a list'),
    (MessageUpdate, {"id": "m", "content": ["Hi"]}, r"must be text, or .*format 2"),
    (Include, {"id": "m", "with_next_messages": True}, "must be an integer, not True"),
    (Include, {"id": "m", "with_next_messages": "2"}, "must be an integer, not '2'"),
    (Include, {"id": "m", "with_next_messages": -1}, "must be >= 0, not -1"),
    (Include, {"id": " "}, r"^Include\.id: must be a non-empty string"),
    (Score, {"scorer_id": "s"}, r"^Score\.entity_id: is required"),
    (VectorHit, {"id": "v", "score": "high"}, r"^VectorHit\.score: "),
    (RetentionPolicy, {"max_age": "soon"}, r"^RetentionPolicy\.max_age: must be a timedelta.*not 'soon'"),
    (RetentionPolicy, {"max_age": "1d", "batch_size": 1.5}, r"^RetentionPolicy\.batch_size: must be an integer, not 1"),
    (MessagePage, {"messages": []}, r"^MessagePage\.total: is required"),
]


@pytest.mark.parametrize(("model", "members", "problem"), WRONG)
def test_a_constructor_raises_our_error_with_that_of_pydantic_as_its_cause(
    model: Any, members: dict[str, Any], problem: str
) -> None:
    for call in (partial(model, **members), partial(model.model_validate, members)):
        with pytest.raises(ValidationError, match=problem) as raised:
            call()
        assert isinstance(raised.value, ValueError)
        assert isinstance(raised.value.__cause__, pydantic.ValidationError)
        assert raised.value.details["path"].startswith(model.__name__)
    with pytest.raises(MastraConvexError):
        model.model_validate_strings({"colour": "red"})


def test_json_text_is_read_or_refused() -> None:
    read = Message.model_validate_json('{"threadId": "t1", "role": "user", "content": "Hello"}')
    assert (read.thread_id, read.text) == ("t1", "Hello")
    for wrong in ('{"threadId": "t1"}', '{"threadId": ', b"\xff"):
        with pytest.raises(ValidationError, match=r"^Message"):
            Message.model_validate_json(wrong)


def test_our_error_can_be_pickled() -> None:
    with pytest.raises(ValidationError) as raised:
        Message(**{**MESSAGE, "created_at": NAIVE})
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), again.message, again.details) == (ValidationError, raised.value.message, raised.value.details)


class Request(pydantic.BaseModel):
    message: Message
    more: list[Message] = []


class Own(Message):
    """A record of a user with a constructor of its own."""

    def __init__(self, text: str = "", **members: Any) -> None:
        super().__init__(**{**MESSAGE, **({"content": text} if text else {}), **members})


def test_a_record_inside_another_model_raises_the_error_of_that_model() -> None:
    wrong = {**MESSAGE, "created_at": NAIVE}
    for call in (
        lambda: Request(message=wrong),  # type: ignore[arg-type]
        lambda: Request.model_validate({"message": MESSAGE, "more": [wrong]}),
        lambda: pydantic.TypeAdapter(list[Message]).validate_python([wrong]),
        lambda: pydantic.TypeAdapter(Message).validate_python(wrong),
        lambda: pydantic.create_model("Outer", own=(Own, ...)).model_validate({"own": {"created_at": NAIVE}}),
    ):
        with pytest.raises(pydantic.ValidationError, match="time zone") as raised:
            call()
        assert len(raised.value.errors()) == 1
    with pytest.raises(pydantic.ValidationError) as raised:
        Request.model_validate({"message": wrong})
    assert raised.value.errors()[0]["loc"] == ("message", "created_at")


def test_a_record_inside_another_model_is_made_and_kept() -> None:
    given = message(1)
    assert Request(message=given).message is given
    made = Request.model_validate({"message": MESSAGE, "more": [given]})
    assert made.message.text == "Hello"
    assert Request.model_validate_json(made.model_dump_json()) == made


def test_a_record_with_a_constructor_of_its_own() -> None:
    assert Own("Hi").text == "Hi"
    with pytest.raises(ValidationError, match=r"^Own\.created_at: must be a datetime"):
        Own("Hi", created_at=NAIVE)


@pytest.mark.parametrize("record", [message(1), Thread(resource_id="u", metadata={"a": [1]}), Resource(id="u")])
def test_records_are_copied_pickled_and_dumped(record: Message | Thread | Resource) -> None:
    model = type(record)
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.copy(record) == copy.deepcopy(record) == record
    assert record.model_copy(update={"id": "other"}).id == "other"
    assert model.model_validate(record) is record
    assert model.model_validate(record.model_dump()) == record
    assert model.model_validate_json(record.model_dump_json(by_alias=True)) == record


def test_a_message_has_no_type_that_was_not_given() -> None:
    assert Message(**MESSAGE).type is None
    assert Message(**MESSAGE, type="note").type == "note"
    assert Message(**MESSAGE, created_at=at(1)).model_dump(exclude_unset=True).keys() == {*MESSAGE, "created_at"}
