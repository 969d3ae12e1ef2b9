"""Plays the CLI that the Claude Agent SDK starts: it keeps and mirrors a transcript, and asks no model.

It answers with the number of entries that it remembers, and has a subagent of its own note the prompt.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4


def say(frame: dict[str, Any]) -> None:
    print(json.dumps(frame), flush=True)


def entry(session: str, role: str, content: Any, *, parent: str | None = None) -> dict[str, Any]:
    names = {"uuid": str(uuid4()), "parentUuid": parent, "sessionId": session}
    message = {"role": role, "content": content}
    return {"type": role, **names, "message": message, "timestamp": "2026-01-01T00:00:00.000Z"}


def write(path: Path, entries: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(one)}\n" for one in entries)
    say({"type": "transcript_mirror", "filePath": str(path), "entries": entries})


def answer(folder: Path, session: str, prompt: str) -> None:
    transcript = folder / f"{session}.jsonl"
    remembered = [json.loads(line) for line in transcript.open()] if transcript.is_file() else []
    text = f"I remember {len(remembered)} entries."
    content = [{"type": "text", "text": text}]
    write(folder / session / "subagents" / "agent-1.jsonl", [entry(session, "user", prompt)])
    asked = entry(session, "user", prompt, parent=remembered[-1]["uuid"] if remembered else None)
    write(transcript, [asked, entry(session, "assistant", content, parent=asked["uuid"])])
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "none", "content": content}
    say({"type": "assistant", "message": message, "session_id": session, "parent_tool_use_id": None})
    durations = {"duration_ms": 1, "duration_api_ms": 1, "num_turns": 1, "total_cost_usd": 0.0, "usage": {}}
    say({"type": "result", "subtype": "success", "is_error": False, "session_id": session, "result": text, **durations})


def main() -> None:
    resumed = [argument.partition("=")[2] for argument in sys.argv if argument.startswith("--resume=")]
    session = resumed[0] if resumed else str(uuid4())
    folder = Path(os.environ["CLAUDE_CONFIG_DIR"]) / "projects" / os.environ["PROJECT_KEY"]
    for line in sys.stdin:
        frame = json.loads(line)
        if frame["type"] == "control_request":
            response = {"subtype": "success", "request_id": frame["request_id"], "response": {}}
            say({"type": "control_response", "response": response})
        elif frame["type"] == "user":
            answer(folder, session, frame["message"]["content"])


if __name__ == "__main__":
    main()
