"""How field types tell a record that is read from storage, and may come from other writers, from an argument."""

from typing import Final

from pydantic import ValidationInfo

STORED: Final = "stored"
"""The validation context of records that are read."""


def is_stored(info: ValidationInfo) -> bool:
    """Whether a field validator sees a record that is read from storage."""
    return info.context == STORED
