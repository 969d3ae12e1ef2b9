"""What the operations store, the same for every side: messages, the snapshot of a run, records."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

RESOURCE = "user-1"
THREADS = ("one", "hundred", "big", "thread", "many")
WORKFLOW = "report"
RUN = "run-1"

_LOREM = "lorem ipsum dolor sit amet " * 40
_TEXT_LENGTH = 340
"""With a text of this length the row of a message is some 540 bytes of JSON."""
_STEPS = 247
"""A snapshot with so many steps is 405 kB of JSON."""


def message(thread_id: str, n: int) -> dict[str, Any]:
    """Makes the n-th message of a thread."""
    return {
        "id": f"{thread_id}-m{n:06}",
        "thread_id": thread_id,
        "resource_id": RESOURCE,
        "role": "assistant" if n % 2 else "user",
        "type": "v2",
        "content": {"format": 2, "parts": [{"type": "text", "text": f"{n} {_LOREM}"[:_TEXT_LENGTH]}]},
        "created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n),
    }


def snapshot() -> dict[str, Any]:
    """Makes the snapshot of a running workflow: many steps, whose results are texts, integers and floats."""
    steps = {f"step-{n}": _step(n, random.Random(n)) for n in range(_STEPS)}
    return {
        "runId": RUN,
        "status": "running",
        "value": {},
        "context": {"input": {"pages": _STEPS}, **steps},
        "serializedStepGraph": [{"type": "step", "step": {"id": id}} for id in steps],
        "activePaths": [],
        "activeStepsPath": {},
        "suspendedPaths": {},
        "waitingPaths": {},
        "resumeLabels": {},
        "timestamp": 1_767_225_600_000,
    }


def _step(n: int, numbers: random.Random) -> dict[str, Any]:
    output = {
        "summary": _LOREM[:300],
        "tokens": [numbers.randrange(50_000) for _ in range(60)],
        "scores": [numbers.random() for _ in range(40)],
    }
    started = 1_767_225_600_000 + 1_000 * n
    step = {"status": "success", "payload": {"page": n, "url": f"https://example.com/{n}"}, "output": output}
    return {**step, "startedAt": started, "endedAt": started + 900}


def changed_members(n: int) -> dict[str, Any]:
    """Makes the n-th change of a snapshot: six of its members, by their names in TypeScript."""
    return {
        "status": "running",
        "result": {"pages": n, "text": _LOREM[:200]},
        "suspendedPaths": {f"step-{n % _STEPS}": [n % _STEPS]},
        "waitingPaths": {f"step-{n % 7}": [n % 7]},
        "resumeLabels": {"approve": {"stepId": f"step-{n % _STEPS}", "foreachIndex": n % 5}},
        "activePaths": [n % _STEPS],
    }


def record(id: str, size: int, n: int = 0) -> dict[str, Any]:
    """Makes the n-th version of a record of some `size` bytes of JSON: a list of small objects."""
    numbers = random.Random(size)
    line = {"sku": "A-000000", "amount": 0, "price": 0.0, "paid": True, "note": None, "text": _LOREM[:80]}
    count = size // 160
    lines = [{**line, "sku": f"A-{k:06}", "amount": k % 50, "price": round(numbers.random(), 4)} for k in range(count)]
    return {"id": id, "version": n, "lines": lines}
