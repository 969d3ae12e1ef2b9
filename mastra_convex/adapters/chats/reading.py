"""Reads a file into dialogues: its encoding, its documents, its format."""

from __future__ import annotations

import codecs
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mastra_convex.adapters.chats import chatgpt, claude, lines, messages
from mastra_convex.adapters.chats.dialogue import Dialogue, derived_id, without
from mastra_convex.errors import ValidationError

FORMATS: Final = (
    chatgpt.NAME, claude.NAME, lines.CLAUDE_CODE, messages.OPENAI, messages.RESPONSES, messages.SHAREGPT,
    messages.LANGCHAIN, lines.OWN,
)  # fmt: skip
_LISTS: Final = ("messages", "conversations", "traj", "items", "input")


@dataclass
class Read:
    """Holds the dialogues of a file, the format it was taken for, and what could not be read."""

    format: str = ""
    dialogues: list[Dialogue] = field(default_factory=list[Dialogue])
    errors: list[str] = field(default_factory=list[str])


def read_chat(raw: bytes) -> Read:
    """Reads a file. ValidationError, in one line, when it has no known conversation at all."""
    read = Read()
    by_key: dict[str, Dialogue] = {}
    names: dict[str, None] = {}
    for text in _texts(raw):
        for where, value in _values(text, read.errors):
            name = name_of(value)
            if name is None:
                read.errors.append(f"{where}: no conversation of a known format")
                continue
            names[name] = None
            try:
                if lines.name_of(value):
                    lines.add_line(by_key, value, name)
                else:
                    read.dialogues.append(_dialogue(value, len(read.dialogues) + 1))
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                read.errors.append(f"{where}: {error}")
    read.dialogues += by_key.values()
    if not names:
        why = f" ({read.errors[0]})" if read.errors else ""
        raise ValidationError(f"this is no chat of a known format{why}", operation="IMPORT_CHAT")
    read.format = ", ".join(names)
    return read


def name_of(value: Any) -> str | None:
    """Returns the format of one conversation or line; None when it is of none."""
    if chatgpt.recognises(value):
        return chatgpt.NAME
    if claude.recognises(value):
        return claude.NAME
    if name := lines.name_of(value):
        return name
    found, _ = _messages(value)
    return messages.name_of(found[0]) if found else None


def _dialogue(value: Any, number: int) -> Dialogue:
    if chatgpt.recognises(value):
        return chatgpt.dialogue_of(value, number)
    if claude.recognises(value):
        return claude.dialogue_of(value, number)
    found, rest = _messages(value)
    key = value.get("id") if isinstance(value, dict) else None
    # Ids of these files are only unique within them, so the content tells dialogues of two files apart.
    return messages.dialogue_of(found, f"{key or number} {derived_id(json.dumps(found))}", rest)


def _messages(value: Any) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(value, list):
        return value, {}
    if isinstance(value, dict):
        for member in _LISTS:
            if isinstance(value.get(member), list):
                return value[member], without(value, member)
    return [], {}


def _texts(raw: bytes) -> Iterator[str]:
    if not raw.startswith(b"PK"):
        yield _decoded(raw)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [
                name
                for name in sorted(archive.namelist())
                if name.rpartition("/")[2].startswith("conversations") and name.endswith((".json", ".jsonl"))
            ]
            if not entries:
                raise ValidationError("this ZIP has no conversations*.json", operation="IMPORT_CHAT")
            for name in entries:
                yield _decoded(archive.read(name))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValidationError(f"this ZIP cannot be read: {error}", operation="IMPORT_CHAT") from error


def _decoded(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _values(text: str, errors: list[str]) -> Iterator[tuple[str, Any]]:
    """Yields the conversations or lines of one document, or of JSON lines, and where each is."""
    if not text.strip():
        errors.append("the file is empty")
        return
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _lines(text, errors)
        return
    if isinstance(whole, dict) and isinstance(whole.get("loglines"), list):
        whole = whole["loglines"]
    if isinstance(whole, list) and not (whole and messages.name_of(whole[0])):
        yield from ((f"item {n}", value) for n, value in enumerate(whole, 1))
    else:
        yield "the document", whole


def _lines(text: str, errors: list[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                errors.append(f"line {number}: not JSON")
                continue
            yield f"line {number}", value
