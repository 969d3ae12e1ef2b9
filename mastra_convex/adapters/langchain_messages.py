"""Shows messages of LangChain as parts of Mastra's format 2, and makes such messages of parts.

A message is its dictionary here, as `message_to_dict` of LangChain makes it: `{"type": ..., "data": {...}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mastra_convex.adapters import projection as to
from mastra_convex.adapters.projection import Call, File, ItemRole, Said, ToolResult
from mastra_convex.domain import new_id

Item = dict[str, Any]
PartDict = dict[str, Any]

DATA: Final = "langchain-message"
"""The name of the data part of a message that shows nothing else."""

_ROLES: Final[Mapping[str, ItemRole]] = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
}
_SHOWN_AS_CALL: Final = frozenset({"function_call", "input_json_delta", "tool_call", "tool_call_chunk", "tool_use"})
"""Blocks of tool calls, which are among the `tool_calls` of their message too."""

_MEDIA_TYPES: Final = {
    "image": "image/png",
    "image_url": "image/png",
    "audio": "audio/wav",
    "video": "video/mp4",
    "file": "application/pdf",
}
"""Tells what a file is, by the kind of its block, if the block does not say it."""


def parts_of(item: Item) -> tuple[ItemRole, list[PartDict | ToolResult]]:
    """Returns who speaks in a message, and what is shown of it."""
    kind, data = str(item["type"]), item["data"]
    if isinstance(id := data.get("tool_call_id"), str):
        return "assistant", [_result(id, data)]
    parts = [*_content_parts(data.get("content")), *_calls(data)]
    return _ROLES.get(kind, "system"), parts or [to.data(DATA, {"type": kind})]


def items_of(role: str, content: Mapping[str, Any]) -> list[Item]:
    """Returns the messages that another writer made as one: text, files of users, tool calls and their results."""
    pieces = list(to.read_parts(content))
    blocks: list[Item] = []
    calls: list[Call] = []
    for piece in pieces:
        match piece:
            case Said(text):
                blocks.append({"type": "text", "text": text})
            case File() if role == "user":
                blocks.append(_file_block(piece))
            case Call() if role == "assistant":
                calls.append(piece)
            case _:
                pass
    if role not in ("user", "assistant") or not (blocks or calls):
        return []
    is_text = all(block["type"] == "text" for block in blocks)
    said: Any = "\n".join(block["text"] for block in blocks) if is_text else blocks
    if role == "user":
        return [{"type": "human", "data": {"content": said}}]
    given = [{"id": call.id, "name": call.tool_name, "args": to.arguments(call.args)} for call in calls]
    return [{"type": "ai", "data": {"content": said, "tool_calls": given}}, *map(_tool_item, filter(_is_done, calls))]


def _content_parts(content: Any) -> Iterator[PartDict | ToolResult]:
    for block in content if isinstance(content, list) else [content]:
        match {"type": "text", "text": block} if isinstance(block, str) else block:
            case {"type": "text" | "input_text" | "output_text", "text": str(text)} | {"refusal": str(text)} as said:
                if text:
                    yield to.text(text)
                yield from _citations(said.get("annotations"))
            case {"type": "reasoning" | "thinking"}:
                yield _thought(block)
            case {"type": str(kind)} if kind in _MEDIA_TYPES:
                yield _file_part(kind, block)
            case {"type": "server_tool_call", "id": str(id), "name": str(name)}:
                yield to.call(id, name, block.get("args"), by_provider=True)
            case {"type": "server_tool_result", "tool_call_id": str(id)}:
                outcome = to.failed if block.get("status") == "error" else to.result
                yield outcome(id, to.output(block.get("output")))
            case {"type": str(kind)}:
                if kind not in _SHOWN_AS_CALL:
                    yield to.data(DATA, {"type": kind})
            case _:
                yield to.data(DATA, {})


def _thought(block: Item) -> PartDict:
    match block:
        case {"reasoning": str(text)} | {"thinking": str(text)} if text:
            signature = block.get("signature")
            return to.reasoning(text, signature if isinstance(signature, str) else None)
        case _:
            return to.data(DATA, {"type": block["type"]})


def _file_part(kind: str, block: Item) -> PartDict:
    given, filename = block.get("mime_type"), block.get("filename")
    media_type = given if isinstance(given, str) else _MEDIA_TYPES[kind]
    match block:
        case {"base64": str(data)} | {"source_type": "base64", "data": str(data)}:
            where = to.data_uri(data, media_type)
        case {"url": str(where)} | {"file_id": str(where)}:
            pass
        case {"image_url": {"url": str(where)}} | {"image_url": str(where)}:
            media_type = to.media_type_of(where, media_type)
        case _:
            return to.data(DATA, {"type": kind})
    return to.file(where, media_type, filename if isinstance(filename, str) else None, name=DATA)


def _citations(annotations: Any) -> Iterator[PartDict]:
    for each in _list(annotations):
        match each:
            case {"url": str(url)}:
                title = each.get("title")
                yield to.source(url, title if isinstance(title, str) else None)
            case _:
                pass


def _calls(data: Item) -> Iterator[PartDict]:
    for call in _list(data.get("tool_calls")):
        yield to.call(str(call.get("id") or new_id()), str(call.get("name")), call.get("args"))
    for call in _list(data.get("invalid_tool_calls")):
        id = str(call.get("id") or new_id())
        made = to.call(id, str(call.get("name")), call.get("args"))
        yield to.ran(made, to.failed(id, call.get("error") or "the call is not valid"))


def _result(id: str, data: Item) -> ToolResult:
    name, value = data.get("name"), data.get("content")
    outcome = to.failed if data.get("status") == "error" else to.result
    return outcome(id, to.output(value), name if isinstance(name, str) else None)


def _is_done(call: Call) -> bool:
    return call.is_done


def _tool_item(call: Call) -> Item:
    found = call.result if call.problem is None else call.problem
    text = found if isinstance(found, str) else to.item_text(found)
    status = "success" if call.problem is None else "error"
    data = {"content": text, "tool_call_id": call.id, "name": call.tool_name, "status": status}
    return {"type": "tool", "data": data}


def _file_block(file: File) -> Item:
    kind = file.media_type.partition("/")[0]
    block: Item = {"type": kind if kind in _MEDIA_TYPES else "file", "mime_type": file.media_type}
    if file.where.startswith("data:"):
        return {**block, "base64": file.where.partition(",")[2]}
    return {**block, "file_id" if file.where.startswith("file-") else "url": file.where}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
