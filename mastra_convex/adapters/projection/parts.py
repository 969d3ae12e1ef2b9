"""Builds parts of Mastra's format 2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mastra_convex.contract.items import ToolResult

PartDict = dict[str, Any]

_ANY_TYPE: Final = "application/octet-stream"


def text(value: str) -> PartDict:
    """Shows text."""
    return {"type": "text", "text": value}


def reasoning(value: str, signature: str | None = None) -> PartDict:
    """Shows what a model thought. Give `data` for thoughts without text, which would be an empty bubble."""
    detail = {"type": "text", "text": value}
    if signature:
        detail["signature"] = signature
    return {"type": "reasoning", "reasoning": value, "details": [detail]}


def call(call_id: str, tool_name: str, args: Any, *, by_provider: bool = False) -> PartDict:
    """Shows a tool call that has no result yet.

    Args:
        call_id: id of the call.
        tool_name: name of the tool.
        args: its arguments, as `arguments` takes them.
        by_provider: whether the model's provider runs the tool, so that call and result stay in one message.

    Returns:
        The part.
    """
    invocation = {"state": "call", "toolCallId": call_id, "toolName": tool_name, "args": arguments(args)}
    part: PartDict = {"type": "tool-invocation", "toolInvocation": invocation}
    if by_provider:
        part["providerExecuted"] = True
    return part


def ran(part: PartDict, outcome: ToolResult) -> PartDict:
    """Gives a call its result at once, where one item has both."""
    return {**part, "toolInvocation": {**part["toolInvocation"], **outcome.outcome}}


def result(call_id: str, value: Any, tool_name: str | None = None) -> ToolResult:
    """Shows what a tool answered, in the message of its call."""
    return ToolResult(call_id=call_id, outcome={"state": "result", "result": value}, tool_name=tool_name)


def failed(call_id: str, problem: Any, tool_name: str | None = None) -> ToolResult:
    """Shows that a tool failed, in the message of its call. `problem` is text, or JSON that becomes text."""
    outcome = {"state": "output-error", "errorText": problem if isinstance(problem, str) else _json(problem)}
    return ToolResult(call_id=call_id, outcome=outcome, tool_name=tool_name)


def denied(call_id: str, reason: str, tool_name: str | None = None) -> ToolResult:
    """Shows that a person refused to let a tool run, in the message of its call."""
    approval = {"id": call_id, "approved": False, "reason": reason}
    return ToolResult(call_id=call_id, outcome={"state": "output-denied", "approval": approval}, tool_name=tool_name)


def file(where: str, media_type: str | None = None, filename: str | None = None, *, name: str = "file") -> PartDict:
    """Shows a file; as `data-<name>`, which no prompt contains, if it is where Mastra cannot fetch it.

    Args:
        where: data URI, http(s) URL, or an id of the provider that begins with `file-`.
        media_type: MIME type; that of the data URI by default.
        filename: name of the file.
        name: name of the `data-` part.

    Returns:
        The part.
    """
    media_type = media_type or media_type_of(where)
    named = {"filename": filename} if filename else {}
    if not is_reachable(where):
        return data(name, {"file": where, "mimeType": media_type, **named})
    return {"type": "file", "mimeType": media_type, "data": where, **named}


def is_reachable(where: str) -> bool:
    """Tells whether a prompt of Mastra's can contain the file; it fails on others, as on `gs://` and foreign ids."""
    return where.startswith(("data:", "http://", "https://", "file-"))


def media_type_of(where: str, default: str = _ANY_TYPE) -> str:
    """Returns the MIME type that a data URI names, else the default."""
    if not where.startswith("data:"):
        return default
    return where[len("data:") :].partition(",")[0].partition(";")[0] or default


def data_uri(base64: str, media_type: str) -> str:
    """Returns the data URI of base64 text."""
    return f"data:{media_type};base64,{base64}"


def source(url: str, title: str | None = None) -> PartDict:
    """Shows a source that an answer cites, in user interfaces only."""
    titled = {"title": title} if title else {}
    return {"type": "source", "source": {"sourceType": "url", "id": url, "url": url, **titled}}


def error(name: str, message: str) -> PartDict:
    """Shows an error, in user interfaces only."""
    return {"type": "error", "error": {"name": name, "message": message}}


def data(name: str, value: Any) -> PartDict:
    """Passes data to user interfaces that know `data-<name>`. An item with nothing else to show is bookkeeping."""
    return {"type": f"data-{name}", "data": value}


def arguments(given: Any) -> dict[str, Any]:
    """Returns the arguments of a call as an object: JSON text is parsed, what is no object becomes `{"input": ...}`."""
    if isinstance(given, str):
        parsed = output(given)
        given = parsed if isinstance(parsed, dict) else given
    if given is None or given == "":
        return {}
    return dict(given) if isinstance(given, Mapping) else {"input": given}


def output(given: Any) -> Any:
    """Returns what a tool answered; JSON text of an object or an array is parsed."""
    if not isinstance(given, str) or not given.lstrip().startswith(("{", "[")):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return given


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
