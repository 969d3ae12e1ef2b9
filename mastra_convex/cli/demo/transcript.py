"""Chat transcripts: one JSON object per line. Ids follow from the content, so that a second import changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

ROLES: Final = ("user", "assistant", "system", "signal")

_NAMESPACE: Final = UUID("6f1d8a52-0c1e-5f0b-9c57-2d5f3b8f7a10")
_KEYS: Final = ("resource", "thread", "role", "text", "time")


@dataclass(frozen=True)
class Line:
    """A good line. `id` and `thread_id` are the same whenever the same transcript is read."""

    number: int
    id: str
    thread_id: str
    resource: str
    thread: str
    role: str
    text: str
    time: datetime


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be imported, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class Transcript:
    """The good lines in the order of the file, and the bad ones."""

    lines: Sequence[Line]
    bad: Sequence[BadLine]

    def threads(self) -> dict[str, list[Line]]:
        """The lines of each thread by its id."""
        threads: dict[str, list[Line]] = {}
        for line in self.lines:
            threads.setdefault(line.thread_id, []).append(line)
        return threads


@dataclass
class _Reader:
    seen: Counter[tuple[str, ...]] = field(default_factory=Counter[tuple[str, ...]])

    def read(self, number: int, raw: bytes) -> Line:
        members = _members(raw)
        resource, thread = _name(members, "resource"), _name(members, "thread")
        role, text, time = members["role"], members["text"], _time(members["time"])
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}")
        if not isinstance(text, str):
            raise ValueError("text must be a string")
        content = (resource, thread, time.isoformat(timespec="milliseconds"), str(role), text)
        self.seen[content] += 1
        return Line(
            number=number,
            id=derived_id("message", *content, str(self.seen[content])),
            thread_id=derived_id("thread", resource, thread),
            resource=resource,
            thread=thread,
            role=str(role),
            text=text,
            time=time,
        )


def parse_transcript(raw_lines: Iterable[bytes]) -> Transcript:
    """Reads the lines of a file; empty ones are passed over, a byte order mark at its begin is allowed."""
    reader = _Reader()
    lines: list[Line] = []
    bad: list[BadLine] = []
    for number, raw in enumerate(raw_lines, 1):
        stripped = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
        if not stripped:
            continue
        try:
            lines.append(reader.read(number, stripped))
        except ValueError as error:
            bad.append(BadLine(number, str(error)))
    return Transcript(lines, bad)


def derived_id(*parts: str) -> str:
    """A UUID that is the same for the same parts."""
    return str(uuid5(_NAMESPACE, orjson.dumps(parts).decode()))


def _members(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (column {error.colno})") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    missing = [key for key in _KEYS if key not in value]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    return value


def _name(members: dict[str, Any], key: str) -> str:
    value = members[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a non-empty string")
    return value


def _time(value: object) -> datetime:
    """The time in UTC, cut to milliseconds."""
    message = "time must be ISO 8601 with a zone, like 2026-11-09T08:00:00Z"
    if not isinstance(value, str):
        raise ValueError(message)
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            raise ValueError(message)
        time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(message) from None
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
