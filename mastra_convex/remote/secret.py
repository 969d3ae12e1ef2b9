"""Keeps the admin key out of `repr`, logs, pickles and tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_MASK: Final = "***"


class Secret:
    """Holds a text that only `reveal` shows.

    `repr`, `str`, `vars`, `dataclasses.asdict`, copies and tracebacks with locals show `Secret(***)`, and it cannot be
    pickled. An empty one is false.

    Example:
        key = Secret("prod:agent|0123456789")
        assert repr(key) == "Secret(***)" and key.reveal() == "prod:agent|0123456789"
    """

    __slots__ = ("_tell",)

    def __init__(self, text: str | Secret) -> None:
        self._tell: Callable[[], str] = text._tell if isinstance(text, Secret) else lambda: text

    def reveal(self) -> str:
        """Returns the text. Keep it in no variable: a traceback with locals would show it."""
        return self._tell()

    def masked_in(self, body: bytes) -> bytes:
        """Returns the body with asterisks wherever the text occurs."""
        return body.replace(self._tell().encode(), _MASK.encode())

    def occurs_in(self, text: str) -> bool:
        """Tells whether another text contains this one."""
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
    """Is a text whose `repr` is masked, for code that needs a real text, as aiohttp does for a header."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{_MASK}'"
