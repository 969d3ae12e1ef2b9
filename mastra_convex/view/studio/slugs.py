"""Puts ids into paths. Studio writes ids into paths as they are, so an id that a path cannot hold becomes a slug."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:@-]*")
_TAKEN: Final = frozenset({"light", "providers", "query", "run-counts"})
"""Words that a path has in the place of an id."""

_MARK: Final = "~"


def slug(id: str) -> str:
    """Returns an id as one part of a path: as it is, or `~` and its base64url."""
    return id if _PLAIN.fullmatch(id) and id not in _TAKEN else _MARK + encoded(id)


def unslug(part: str) -> str | None:
    """Returns the id of a part of a path; None for a damaged slug."""
    return decoded(part.removeprefix(_MARK)) if part.startswith(_MARK) else part


def encoded(text: str) -> str:
    """Returns a text as base64url without padding."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decoded(part: str) -> str | None:
    """Returns the text of `encoded`; None for what is none."""
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
