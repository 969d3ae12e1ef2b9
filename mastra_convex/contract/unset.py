"""Marks an argument that was not given, as None may be a value of its own."""

from enum import Enum
from typing import Final


class Unset(Enum):
    """Gives UNSET a type with one member, so that type checkers can narrow by `is`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""UNSET is the default of arguments that may be left out."""
