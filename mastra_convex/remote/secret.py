"""Keys, in forms that do not show themselves where they were not asked to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_MASK: Final = "***"


class Secret:
    """A text that only `reveal` tells: `repr`, `str`, `vars`, `dataclasses.asdict`, copies and tracebacks with locals
    show `Secret(***)`, and it cannot be pickled. Empty ones are false.
    """

    __slots__ = ("_tell",)

    def __init__(self, text: str | Secret) -> None:
        self._tell: Callable[[], str] = text._tell if isinstance(text, Secret) else lambda: text

    def reveal(self) -> str:
        """The text. Keep it in no variable: a traceback with locals would show it."""
        return self._tell()

    def masked_in(self, body: bytes) -> bytes:
        """The body, with asterisks wherever the text occurs."""
        return body.replace(self._tell().encode(), _MASK.encode())

    def occurs_in(self, text: str) -> bool:
        return self._tell() in text

    def __bool__(self) -> bool:
        return bool(self._tell())

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: Any) -> Secret:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


class MaskedText(str):
    """A text for those who need a real one, as aiohttp for a header; its `repr` is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{_MASK}'"
