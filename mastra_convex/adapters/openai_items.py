"""Shows items of OpenAI's Responses API as parts of Mastra's format 2, and makes such items of parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mastra_convex.adapters import projection as to
from mastra_convex.adapters.projection import Call, File, ItemRole, Said, ToolResult

Item = dict[str, Any]
PartDict = dict[str, Any]

DATA: Final = "openai-item"
"""The name of the data part of an item that shows nothing else."""

_PDF: Final = "application/pdf"
_PNG: Final = "image/png"
_ROLES: Final[Mapping[str, ItemRole]] = {"user": "user", "assistant": "assistant"}


class _ProviderTool(NamedTuple):
    """Says what a call that the provider ran shows: its name and the members with its arguments and its result."""

    name: str | None
    arguments: tuple[str, ...]
    result: str


_PROVIDER_TOOLS: Final = {
    "code_interpreter_call": _ProviderTool("code_interpreter", ("code", "container_id"), "outputs"),
    "file_search_call": _ProviderTool("file_search", ("queries",), "results"),
    "image_generation_call": _ProviderTool("image_generation", (), "status"),
    "mcp_call": _ProviderTool(None, ("arguments",), "output"),
    "mcp_list_tools": _ProviderTool("mcp_list_tools", ("server_label",), "tools"),
    "tool_search_call": _ProviderTool("tool_search", ("arguments",), "status"),
    "web_search_call": _ProviderTool("web_search", ("action",), "status"),
}


def parts_of(item: Any) -> tuple[ItemRole, list[PartDict | ToolResult]]:
    """Returns who speaks in an item, and what is shown of it. Any JSON value has an answer."""
    match item:
        case {"type": "reasoning"}:
            thought = _joined(item.get("summary")) or _joined(item.get("content"))
            return "assistant", [to.reasoning(thought) if thought else _data(item)]
        case {"type": "function_call" | "custom_tool_call", "call_id": str(id), "name": str(name)}:
            return "assistant", [to.call(id, name, item.get("arguments", item.get("input")))]
        case {
            "type": "computer_call" | "shell_call" | "local_shell_call" | "apply_patch_call" as kind,
            "call_id": str(id),
        }:
            action = item.get("action") or item.get("operation") or {"actions": item.get("actions")}
            return "assistant", [to.call(id, kind.removesuffix("_call"), action)]
        case {"type": str(kind), "call_id": str(id)} if kind.endswith("_call_output"):
            return "assistant", [_result(id, item)]
        case {"type": str(kind), "id": str(id)} if kind in _PROVIDER_TOOLS:
            return "assistant", list(_run_by_provider(id, _PROVIDER_TOOLS[kind], item))
        case {"role": str(role), "content": content} if item.get("type", "message") == "message":
            return _ROLES.get(role, "system"), list(_message_parts(content)) or [_data(item)]
        case _:
            return "assistant", [_data(item)]


def items_of(role: str, content: Mapping[str, Any]) -> list[Item]:
    """Returns items of a message that another writer made: its text, its files and its tool calls.

    What a model thought is left out, as OpenAI takes back only its own thoughts; so are files of an assistant.
    """
    items: list[Item] = []
    said: list[Item] = []

    def end_message() -> None:
        if said:
            is_text = all("text" in each for each in said)
            content = "\n".join(each["text"] for each in said) if is_text else list(said)
            items.append({"role": role, "content": content})
        said.clear()

    for piece in to.read_parts(content) if role in _ROLES else ():
        match piece:
            case Said(text):
                said.append({"type": "input_text", "text": text})
            case File() if role == "user":
                said.append(_input_file(piece))
            case Call():
                end_message()
                items += _call_items(piece)
            case _:
                pass
    end_message()
    return items


def _message_parts(content: Any) -> Iterator[PartDict]:
    for each in [{"type": "input_text", "text": content}] if isinstance(content, str) else _list(content):
        match each:
            case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
                if text:
                    yield to.text(text)
                yield from _citations(each.get("annotations"))
            case {"type": "refusal", "refusal": str(text)}:
                yield to.text(text)
            case {"type": "input_image", "image_url": str(where)} | {"type": "input_image", "file_id": str(where)}:
                yield to.file(where, to.media_type_of(where, _PNG), name=DATA)
            case {"type": "input_file"}:
                yield _file_part(each)
            case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
                yield to.file(to.data_uri(data, f"audio/{form}"))
            case _:
                yield _data(each)


def _file_part(part: Item) -> PartDict:
    filename = part.get("filename") if isinstance(part.get("filename"), str) else None
    match part:
        case {"file_data": str(where)}:
            where = where if where.startswith("data:") else to.data_uri(where, _PDF)
        case {"file_url": str(where)} | {"file_id": str(where)}:
            pass
        case _:
            return _data(part)
    return to.file(where, to.media_type_of(where, _PDF), filename, name=DATA)


def _citations(annotations: Any) -> Iterator[PartDict]:
    for each in _list(annotations):
        match each:
            case {"type": "url_citation", "url": str(url)}:
                title = each.get("title")
                yield to.source(url, title if isinstance(title, str) else None)
            case _:
                pass


def _result(call_id: str, item: Item) -> ToolResult:
    value = item.get("output")
    if value is None:
        value = item.get("status")
    return (to.failed if item.get("status") == "failed" else to.result)(call_id, to.output(value))


def _run_by_provider(id: str, tool: _ProviderTool, item: Item) -> Iterator[PartDict]:
    name = tool.name or item.get("name")
    args: Any = {key: item.get(key) for key in tool.arguments}
    if len(args) == 1 and isinstance(text := args[tool.arguments[0]], str):
        args = text
    call = to.call(id, name if isinstance(name, str) else "mcp", args, by_provider=True)
    error = item.get("error")
    yield to.ran(call, to.failed(id, error) if error else to.result(id, to.output(item.get(tool.result))))
    if item.get("type") == "image_generation_call" and isinstance(image := item.get("result"), str):
        yield to.file(to.data_uri(image, _PNG), _PNG)


def _call_items(call: Call) -> Iterator[Item]:
    arguments = call.args if isinstance(call.args, str) else json.dumps(call.args, ensure_ascii=False)
    yield {"type": "function_call", "call_id": call.id, "name": call.tool_name, "arguments": arguments}
    if call.is_done:
        found = call.result if call.problem is None else call.problem
        output = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        yield {"type": "function_call_output", "call_id": call.id, "output": output}


def _input_file(file: File) -> Item:
    is_id = file.where.startswith("file-")
    if file.media_type.startswith("image/"):
        return {"type": "input_image", "detail": "auto", "file_id" if is_id else "image_url": file.where}
    if file.where.startswith("data:"):
        return {"type": "input_file", "file_data": file.where, "filename": file.filename or "file"}
    return {"type": "input_file", "file_id" if is_id else "file_url": file.where}


def _joined(texts: Any) -> str:
    return "\n\n".join(
        each["text"] for each in _list(texts) if isinstance(each, dict) and isinstance(each.get("text"), str)
    )


def _data(item: Any) -> PartDict:
    kind = item.get("type") if isinstance(item, dict) else None
    return to.data(DATA, {"type": kind} if isinstance(kind, str) else {})


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
