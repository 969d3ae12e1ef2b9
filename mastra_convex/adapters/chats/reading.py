"""Reads a file into dialogues: recognises the format of each, and finds them in a ZIP."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from mastra_convex.adapters.chats import chatgpt, claude, lines, messages
from mastra_convex.adapters.chats.assets import Assets
from mastra_convex.adapters.chats.dialogue import Dialogue, derived_id, without
from mastra_convex.adapters.chats.documents import refuse_larger, text_of, values
from mastra_convex.errors import ValidationError

FORMATS: Final = (
    chatgpt.NAME, claude.NAME, lines.CLAUDE_CODE, messages.OPENAI, messages.RESPONSES, messages.SHAREGPT,
    messages.LANGCHAIN, messages.MASTRA, lines.OWN,
)  # fmt: skip
_NO_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_LISTS: Final = ("messages", "conversations", "traj", "items", "input", "output")


class ChatFile:
    """Reads the dialogues of a file, one after the other.

    Args:
        path: the file; `-` is standard input.

    Raises:
        ValidationError: the file is a ZIP that cannot be read, or that has no conversations.
    """

    def __init__(self, path: Path | str) -> None:
        self.errors: list[str] = []
        self._names: dict[str, None] = {}
        self._size = 0
        self._file = _spooled(sys.stdin.buffer) if str(path) == "-" else Path(path).open("rb")  # noqa: SIM115
        self._archive: zipfile.ZipFile | None = None
        try:
            if self._file.read(2) == b"PK":
                self._archive = zipfile.ZipFile(self._file)
        except _NO_ZIP as error:
            self.close()
            raise _damaged(error) from error

    @property
    def format(self) -> str:
        """Returns what the file was taken for, as far as it was read."""
        return ", ".join(self._names)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def dialogues(self, format: str | None = None) -> Iterator[Dialogue]:
        """Yields the dialogues; those of formats with a message a line at the end.

        Raises ValidationError, in one line, when the file has no known conversation at all, begins with another format
        than `format`, or is too large for one whose messages are found a line at a time.
        """
        by_key: dict[str, Dialogue] = {}
        assets = None if self._archive is None else Assets(self._archive)
        number = 0
        for where, value in self._values():
            name = self._name_of(value, where, format)
            if name is None:
                continue
            is_line = lines.name_of(value) is not None
            if is_line:
                refuse_larger(self._size)
            try:
                if is_line:
                    lines.add_line(by_key, value, name)
                    continue
                number += 1
                dialogue = _dialogue(value, number)
                if assets is not None:
                    assets.show_in(dialogue)
            except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
                self.errors.append(f"{where}: {error}")
                continue
            yield dialogue
        yield from by_key.values()
        if not self._names:
            why = f" ({self.errors[0]})" if self.errors else ""
            raise ValidationError(f"this is no chat of a known format{why}", operation="IMPORT_CHAT")

    def _name_of(self, value: Any, where: str, format: str | None) -> str | None:
        name = name_of(value)
        if name is None:
            self.errors.append(f"{where}: no conversation of a known format")
        elif format is not None and name != format:
            problem = f"{where}: this is not {format}; it was taken for {name}"
            if not self._names:
                raise ValidationError(problem, operation="IMPORT_CHAT")
            self.errors.append(problem)
            return None
        else:
            self._names[name] = None
        return name

    def _values(self) -> Iterator[tuple[str, Any]]:
        try:
            for raw, size in self._texts():
                self._size = size
                with text_of(raw) as text:
                    yield from values(text, size, self.errors)
        except _NO_ZIP as error:
            if self._archive is None:
                raise
            raise _damaged(error) from error

    def _texts(self) -> Iterator[tuple[IO[bytes], int]]:
        """Yields the files with conversations, and their sizes in bytes."""
        if self._archive is None:
            yield self._file, self._file.seek(0, io.SEEK_END)
            return
        entries = [
            name
            for name in sorted(self._archive.namelist())
            if name.rpartition("/")[2].startswith("conversations") and name.endswith((".json", ".jsonl"))
        ]
        if not entries:
            raise ValidationError("this ZIP has no conversations*.json", operation="IMPORT_CHAT")
        for name in entries:
            yield self._archive.open(name), self._archive.getinfo(name).file_size


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
        found = [member for member in _LISTS if isinstance(value.get(member), list)]
        if found != ["input", "output"]:  # both together are a response of OpenAI and what it answers
            found = found[:1]
        return [message for member in found for message in value[member]], without(value, *found)
    return [], {}


def _spooled(stream: IO[bytes]) -> IO[bytes]:
    """Returns a file with what a stream has, which can be read again from its beginning."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the chat
    shutil.copyfileobj(stream, file)
    file.seek(0)
    return file


def _damaged(error: BaseException) -> ValidationError:
    return ValidationError(f"this ZIP cannot be read: {error}", operation="IMPORT_CHAT")
