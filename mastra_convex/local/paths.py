"""Checks the path of a SQLite file before anything is opened. Internal."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from mastra_convex.errors import ConfigurationError
from mastra_convex.local.connections import MEMORY

_URL: Final = re.compile(
    r"(file):(//(localhost)?(?=/))?|(https?):/|(jdbc:)?(sqlite|libsql)[+a-z0-9]*:(//)?/?|[a-z][a-z0-9+.-]+://",
    re.IGNORECASE,
)
"""The beginning of a URL, or of a URI of SQLite. A `Path` has left one slash of several; a drive has one letter."""


def checked_path(path: Any) -> str:
    """The path, with `~` replaced by the home of the user. ConfigurationError for what is no path of a file."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f'path must be that of a file, as a string or Path, or "{MEMORY}"')
    if text == MEMORY:
        return text
    if "\0" in text:
        raise ConfigurationError("path has a NUL character in it, which no file name has; remove it")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise ConfigurationError("path has a character in it that no file name has; remove it") from error
    if found := _URL.match(text):
        if found[4]:
            raise ConfigurationError("path is a URL; for a deployment pass deployment_url=, for a file give its path")
        raise ConfigurationError(f"path is a URI; give the path of the file alone, like {_file_of(text, found)!r}")
    return os.path.expanduser(text)


def _file_of(uri: str, found: re.Match[str]) -> str:
    return uri[found.end() :].partition("?")[0] or "agent.db"
