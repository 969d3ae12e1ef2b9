"""UNSET: an argument that was not given, where None has a meaning of its own."""

from enum import Enum
from typing import Final


class Unset(Enum):
    """The type of UNSET; one member, so that type checkers narrow on `is`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""The default of arguments that may be left out."""
