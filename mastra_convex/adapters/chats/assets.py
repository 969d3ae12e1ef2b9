"""Finds the pictures of a ChatGPT export, which lie in the ZIP beside the conversations."""

from __future__ import annotations

import base64
import mimetypes
import re
import zipfile
from typing import Any, Final

from mastra_convex.adapters import projection
from mastra_convex.adapters.chats.dialogue import Dialogue, Turn

_POINTER: Final = "data-image_asset_pointer"
_NAME: Final = re.compile(r"(?:^|/)(file[-_][A-Za-z0-9]+)[^/]*$")
_MOST_BYTES: Final = 64 << 20


class Assets:
    """Holds the names of the files of a ZIP by the ids with which they begin."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries = {found[1]: entry for entry in archive.infolist() if (found := _NAME.search(entry.filename))}

    def show_in(self, dialogue: Dialogue) -> None:
        """Puts the pictures that are there in the place of what points to them."""
        for turn in dialogue.turns:
            turn.parts = [self._shown(turn, n, part) for n, part in enumerate(turn.parts)]

    def _shown(self, turn: Turn, index: int, part: dict[str, Any]) -> dict[str, Any]:
        pointed = part.get("data") if part.get("type") == _POINTER else None
        if not isinstance(pointed, dict):
            return part
        pointer = pointed.get("asset_pointer")
        id = pointer.rpartition("/")[2] if isinstance(pointer, str) else ""
        entry = self._entries.get(id)
        if entry is None or entry.file_size > _MOST_BYTES:
            return part
        name = entry.filename.rpartition("/")[2]
        media_type = mimetypes.guess_type(name)[0] or "image/png"
        data = base64.b64encode(self._archive.read(entry)).decode()
        turn.rest.setdefault("parts", []).append({"index": index, **pointed})
        return projection.file(projection.data_uri(data, media_type), media_type, name)
