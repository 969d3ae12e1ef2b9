"""Reads the JSON of a file a value at a time, so that memory holds one conversation and not the file."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any, Final, TextIO

from mastra_convex.adapters.chats import messages
from mastra_convex.errors import ValidationError

MAX_HELD: Final = 256 << 20
"""Bytes or characters that are in memory at once, at most: of one conversation, or of a document that is held whole."""
_CHUNK: Final = 1 << 18
_DECODER: Final = json.JSONDecoder()

Found = Iterator[tuple[str, Any]]
"""Values, and where each is."""


def text_of(raw: IO[bytes]) -> TextIO:
    """Opens a file as text: UTF-8, UTF-16 with a byte order mark, or Latin-1, which any other file is read as."""
    raw.seek(0)
    encoding = _encoding_of(raw)
    raw.seek(0)
    return io.TextIOWrapper(raw, encoding=encoding, errors="replace")


def values(text: TextIO, size: int, errors: list[str]) -> Found:
    """Yields the conversations or lines of one document, or of JSON lines; what is no JSON is added to the errors.

    Args:
        text: the document, or lines.
        size: their bytes.
        errors: where errors are added to.

    Raises:
        ValidationError: what belongs together is more than `MAX_HELD`.
    """
    first, number = text.readline(_CHUNK), 1
    while first and not first.strip():
        first, number = text.readline(_CHUNK), number + 1
    if not first:
        errors.append("the file is empty")
        return
    if first.lstrip().startswith("[") and not _is_whole(first):
        yield from _array(first, text, size, errors)
        return
    if not first.endswith("\n"):
        first += _line(text)
        refuse_larger(len(first))
    if _is_whole(first):
        yield from _values_of(first, number, text, errors)
    else:
        refuse_larger(size)
        yield from _document(first + text.read(), errors)


def refuse_larger(size: int) -> None:
    """Raises ValidationError for a size that is too large to be held in memory as one."""
    if size > MAX_HELD:
        problem = f"more than {MAX_HELD >> 20} MiB belong together, as one conversation or document: split the file"
        raise ValidationError(problem, operation="IMPORT_CHAT")


def _line(text: TextIO) -> str:
    line = text.readline(MAX_HELD + 1)
    refuse_larger(len(line))
    return line


def _encoding_of(raw: IO[bytes]) -> str:
    chunk = raw.read(_CHUNK)
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk:
            decoder.decode(chunk)
            chunk = raw.read(_CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _values_of(first: str, number: int, text: TextIO, errors: list[str]) -> Found:
    """Yields JSON lines, whose first one has this number; a file of one line is a document."""
    second, following = _line(text), number + 1
    while second and not second.strip():
        second, following = _line(text), following + 1
    if not second:
        yield from _document(first, errors)
        return
    yield f"line {number}", json.loads(first)
    yield from _lines(chain([second], iter(lambda: _line(text), "")), errors, start=following)


def _lines(lines: Iterable[str], errors: list[str], *, start: int) -> Found:
    for number, line in enumerate(lines, start):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                errors.append(f"line {number}: not JSON")
                continue
            yield f"line {number}", value


def _document(text: str, errors: list[str]) -> Found:
    """Yields the values of a document that is in memory; one that is damaged is read line by line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _lines(text.split("\n"), errors, start=1)
        return
    if isinstance(whole, dict) and isinstance(whole.get("loglines"), list):
        whole = whole["loglines"]
    if isinstance(whole, list) and not (whole and messages.name_of(whole[0])):
        yield from ((f"item {n}", value) for n, value in enumerate(whole, 1))
    else:
        yield "the document", whole


def _array(first: str, text: TextIO, size: int, errors: list[str]) -> Found:
    """Yields the items of an array as they are read; an array of messages is one value."""
    items = _items(first, text, errors)
    head = next(items, None)
    if head is None:
        return
    if messages.name_of(head):
        refuse_larger(size)
        yield "the document", [head, *items]
        return
    yield "item 1", head
    yield from ((f"item {n}", item) for n, item in enumerate(items, 2))


def _items(buffer: str, text: TextIO, errors: list[str]) -> Iterator[Any]:
    at, number, size = buffer.index("[") + 1, 1, _CHUNK
    while True:
        at = _skipped(buffer, at)
        try:
            if buffer[at : at + 1] == "]":
                break
            value, end = _DECODER.raw_decode(buffer, at)
            end = _skipped(buffer, end)
            if end == len(buffer) or buffer[end] not in ",]":  # a number may go on
                raise json.JSONDecodeError("an item goes on", buffer, end)
        except RecursionError:
            errors.append(f"item {number}: nested too deeply")
            return
        except json.JSONDecodeError:
            refuse_larger(len(buffer) - at)
            more = text.read(size)
            if not more:
                errors.append(f"item {number}: cut off, or not JSON")
                return
            buffer, at, size = buffer[at:] + more, 0, size * 2
            continue
        yield value
        number, size = number + 1, _CHUNK
        at = end + (buffer[end] == ",")
        if at > _CHUNK:
            buffer, at = buffer[at:], 0
    if (buffer[at + 1 :] + text.read(_CHUNK)).strip():
        errors.append("there is more after the end of the document")


def _skipped(buffer: str, at: int) -> int:
    while at < len(buffer) and buffer[at] in " \t\r\n":
        at += 1
    return at
