"""The base of all records of the contract, and how arguments become records."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self, TypeVar, get_args
from uuid import uuid4

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from mastra_convex.contract.arguments import items
from mastra_convex.contract.problems import argument_error, first_problem
from mastra_convex.errors import ValidationError, damaged_row
from mastra_convex.rows.explain import did_you_mean, kind_of, shown
from mastra_convex.rows.native import Checked
from mastra_convex.rows.times import to_milliseconds
from mastra_convex.rows.values import as_integer, as_number, checked, from_json
from mastra_convex.tables import Table

STORED: Final = "stored"
"""The validation context of records that are read."""


def is_stored(info: ValidationInfo) -> bool:
    """Tells a field validator whether the record is read from storage, and may come from other writers."""
    return info.context == STORED


RecordT = TypeVar("RecordT", bound="Record")


class Model(BaseModel):
    """Is a pydantic model whose constructors raise our ValidationError, with pydantic's as its cause.

    Inside another model, where its own constructors are not called, pydantic's error of that other model is raised.
    """

    if not TYPE_CHECKING:  # the types are those of pydantic

        def __init__(self, /, **members):
            with _our_error(type(self).__name__):
                self.__pydantic_validator__.validate_python(members, self_instance=self)

        __init__.__pydantic_base_init__ = True  # so pydantic does not call it for a model inside another one

        @classmethod
        def model_validate(cls, obj, **options):
            """Makes a model of a mapping or another object, as in pydantic; raises our ValidationError."""
            with _our_error(cls.__name__):
                return super().model_validate(obj, **options)

        @classmethod
        def model_validate_json(cls, json_data, **options):
            """Makes a model of JSON text, as in pydantic; raises our ValidationError."""
            with _our_error(cls.__name__):
                return super().model_validate_json(json_data, **options)

        @classmethod
        def model_validate_strings(cls, obj, **options):
            """Makes a model of a mapping of texts, as in pydantic; raises our ValidationError."""
            with _our_error(cls.__name__):
                return super().model_validate_strings(obj, **options)


@contextmanager
def _our_error(name: str, operation: str | None = None) -> Generator[None]:
    """Raises our error in place of pydantic's, about the value of this name."""
    try:
        yield
    except pydantic.ValidationError as error:
        raise argument_error(error, name, operation=operation) from error


class Record(
    Model,
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=False,
    extra="allow",
):
    """A record of the contract: snake_case attributes, camelCase in storage.

    Input may use either spelling of a key, not both; an unknown key is refused. Keys that a newer core stores are
    kept when a record is read, and left alone when it is written.
    """

    @classmethod
    def stored(cls, values: Mapping[str, Any], table: Table) -> Self:
        """Makes a record of the decoded columns of a row of `table`; tolerant of what other writers put there.

        Columns that all have the form in which this package writes them are taken over as they are; others are
        validated by pydantic. Raises DamagedRowError, with the id of the row, for what cannot be read as such a record.
        """
        record = _as_written(cls, values)
        if record is not None:
            return record
        try:
            return _validated(cls, dict(values), context=STORED)
        except pydantic.ValidationError as error:
            path, message = first_problem(error)
            problem = f"stored {cls.__name__}{path}: {message}"
            raise damaged_row(table.name, [values.get(field) for field in table.key_fields], problem) from error

    _names: ClassVar[dict[str, str]] = {}
    """The attribute that each key names, in both spellings."""

    _readers: ClassVar[Mapping[str, Callable[[Any], Any]] | None] = None
    """Reads each attribute from the form in which it is written; None where one needs pydantic."""

    _defaults: ClassVar[Mapping[str, Callable[[dict[str, Any]], Any] | None]] = {}
    """Makes the default of each attribute; None for one that is required."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        aliases = {field.alias: name for name, field in cls.model_fields.items() if field.alias is not None}
        cls._names = {name: name for name in cls.model_fields} | aliases
        readers = {name: _reader(field) for name, field in cls.model_fields.items()}
        cls._readers = {name: read for name, read in readers.items() if read is not None}
        if len(cls._readers) < len(readers):
            cls._readers = None
        cls._defaults = {name: _default(field) for name, field in cls.model_fields.items()}

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any, info: ValidationInfo) -> Any:
        if not is_stored(info) and isinstance(value, Mapping):
            given: dict[str, str] = {}
            for key in value:
                name = cls._names.get(key)
                if name is None:
                    hint = did_you_mean(key, cls._names) or f"; there are: {', '.join(cls.model_fields)}"
                    raise ValueError(f"unknown key {key!r}{hint}")
                if given.setdefault(name, key) != key:
                    raise ValueError(f"{given[name]!r} and {key!r} are the same key, give one of them")
        return value


class _UnusualError(Exception):
    """A stored value has not the form in which this package writes it."""


@dataclass(frozen=True)
class AsWritten:
    """Marks a field type: `read` makes its value of the form in which this package writes it, or raises."""

    read: Callable[[Any], Any]


def exactly(kind: type[Any]) -> AsWritten:
    """Marks a field type whose stored values are taken over if they are of this very type."""

    def read(value: Any) -> Any:
        if type(value) is kind:
            return value
        raise _UnusualError

    return AsWritten(read)


def _reader(field: FieldInfo) -> Callable[[Any], Any] | None:
    """Returns what reads the stored form of a field, None where only pydantic can."""
    marks = [mark for mark in field.metadata if isinstance(mark, AsWritten)]
    kinds = get_args(field.annotation) or (field.annotation,)
    if marks:
        return marks[0].read
    if field.metadata or not set(kinds) <= {str, int, bool, type(None)}:
        return None

    def read(value: Any) -> Any:
        if type(value) in kinds:
            return value
        raise _UnusualError

    return read


def _default(field: FieldInfo) -> Callable[[dict[str, Any]], Any] | None:
    """Returns what makes the default of a field from its members so far; None where it is required.

    pydantic looks at the signature of a factory each time.
    """
    if field.is_required():
        return None
    factory = field.default_factory
    if factory is not None and not field.default_factory_takes_validated_data:
        make: Any = factory
        return lambda members: make()
    return lambda members: field.get_default(call_default_factory=True, validated_data=members)


def _as_written(model: type[RecordT], values: Mapping[str, Any]) -> RecordT | None:
    """Makes a record without pydantic; None where a value is unusual or missing."""
    readers = model._readers  # pyright: ignore[reportPrivateUsage]
    if readers is None:
        return None
    names, members, extra = model._names, {}, {}  # pyright: ignore[reportPrivateUsage]
    try:
        for key, value in values.items():
            name = names.get(key)
            if name is None:
                extra[key] = value
            else:
                members[name] = readers[name](value)
    except (_UnusualError, ValueError):
        return None
    given = set(members)
    for name, default in model._defaults.items():  # pyright: ignore[reportPrivateUsage]
        if name not in given:
            if default is None:
                return None
            members[name] = default(members)
    record = model.__new__(model)
    object.__setattr__(record, "__dict__", members)
    object.__setattr__(record, "__pydantic_fields_set__", given | extra.keys())
    object.__setattr__(record, "__pydantic_extra__", extra)
    object.__setattr__(record, "__pydantic_private__", None)
    return record


def new_id() -> str:
    """The id of a record that was given none."""
    return str(uuid4())


def _not_blank(value: str, info: ValidationInfo) -> str:
    if not value.strip() and not is_stored(info):
        raise ValueError("must be a non-empty string")
    return value


Id = Annotated[str, AfterValidator(_not_blank), exactly(str)]
"""A field type: text that is not blank, as every method that takes an id wants it."""


def _integer(value: Any) -> int:
    found = as_integer(value)
    if found is None:
        raise ValueError(f"must be an integer, not {shown(value)}")
    return found


def _number(value: Any) -> int | float:
    found = as_number(value)
    if found is None:
        raise ValueError(f"must be a finite number, not {shown(value)}")
    return found


Integer = Annotated[int, BeforeValidator(_integer)]
"""A field type: an integer, also numpy's, but no boolean and no text."""

Number = Annotated[float, BeforeValidator(_number)]
"""A field type: a finite number, also numpy's, but no boolean and no text."""


def checked_when_given(value: Any, handler: Callable[[Any], Any], info: ValidationInfo) -> Any:
    """For WrapValidator: an argument must be of the field's type; what is stored is kept, as other writers may know
    more values.
    """
    return value if is_stored(info) else handler(value)


def _stored_object(value: Any, info: ValidationInfo) -> Any:
    """Older rows hold the whole column as JSON text of an object, even of such a text; nothing may be lost."""
    if not is_stored(info) or value is None or isinstance(value, Mapping):
        return value
    parsed = value
    while isinstance(parsed, str):
        try:
            parsed = from_json(parsed)
        except ValueError:
            break
    return parsed if isinstance(parsed, Mapping) else {"text": str(value)}


StoredObject = Annotated[dict[str, Any], BeforeValidator(_stored_object), exactly(dict)]
"""A field type: a JSON object with any keys, nothing inside renamed; a stored one may be JSON text."""


def _utc(value: datetime, info: ValidationInfo) -> datetime:
    """The handler of @mastra/convex stores a time that is given as text unchanged, also without a zone."""
    return to_milliseconds(value.replace(tzinfo=UTC) if value.tzinfo is None and is_stored(info) else value)


def _read_time(value: Any) -> datetime:
    """Reads the text of `to_iso`."""
    if type(value) is not str or len(value) != _TIME_CHARACTERS or value[-1] != "Z":
        raise _UnusualError
    return datetime.fromisoformat(value)


_TIME_CHARACTERS: Final = len("2026-01-01T00:00:00.000Z")

UtcDatetime = Annotated[datetime, AfterValidator(_utc), AsWritten(_read_time)]
"""A field type: aware, UTC, milliseconds; a stored one without a zone is UTC."""


def parse(model: type[RecordT], value: RecordT | Mapping[str, Any], name: str, *, operation: str) -> RecordT:
    """`value` as a checked `model`; ValidationError that names the Python parameter and attribute otherwise.

    `model_fields_set` of the answer has the attributes that the caller gave, not those with a default.
    """
    if isinstance(value, Record) and not isinstance(value, model):
        raise ValidationError(f"{name}: must be a {model.__name__}, not {kind_of(value)}", operation=operation)
    # A record may have been changed since it was checked; members that other writers stored are not ours to write.
    given = vars(value) if isinstance(value, Record) else value
    with _our_error(name, operation):
        record = _validated(model, given)
    if isinstance(value, Record):
        record.model_fields_set.intersection_update(value.model_fields_set)
    return record


def _validated(model: type[RecordT], value: Any, *, context: str | None = None) -> RecordT:
    """Validates by pydantic, with its errors, which `model_validate` does not raise."""
    record: RecordT = model.__pydantic_validator__.validate_python(value, context=context)
    return record


def parse_list(
    model: type[RecordT], values: Sequence[RecordT | Mapping[str, Any]], name: str, *, operation: str
) -> list[RecordT]:
    """Each of `values` by `parse`."""
    given = items(values, name, operation=operation)
    return [parse(model, value, f"{name}[{n}]", operation=operation) for n, value in enumerate(given)]


def json_member(record: Record, name: str) -> Checked:
    """Checks a member that holds JSON, and gives the record the value that will be read back."""
    found = checked(getattr(record, name), name)
    vars(record)[name] = found.value  # the member counts as given only if it was
    return found


@contextmanager
def about(name: str) -> Generator[None]:
    """Names the argument in the ValidationError for a value inside it."""
    try:
        yield
    except ValidationError as error:
        raise type(error)(f"{name}: {error.message}", details=error.details) from error
