from __future__ import annotations

from typing import Any


class ThreadStateModel:
    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Any] = {}

    def set_state(self, thread_id: str, type: str, value: Any) -> None:
        self.values[thread_id, type] = value

    def get_state(self, thread_id: str, type: str) -> Any:
        return self.values.get((thread_id, type))

    def delete_state(self, thread_id: str, type: str) -> None:
        self.values.pop((thread_id, type), None)
