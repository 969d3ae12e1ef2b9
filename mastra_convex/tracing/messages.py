"""Turns messages of models into Mastra's shape: `[{role, content: [{type: "text", text}, ...]}]`. Internal.

One function for all dialects: the `gen_ai` conventions (`parts`), OpenAI's chats and responses, Anthropic's blocks,
LangChain's messages and their serialized form. A part that is not known is kept as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mastra_convex.tracing.values import parsed

Message = dict[str, Any]

_ROLES: Final = {"human": "user", "ai": "assistant", "model": "assistant", "developer": "system", "function": "tool"}
_SPEAKERS: Final = (*_ROLES, *_ROLES.values())
_TEXTS: Final = ("text", "input_text", "output_text")
_REASONING: Final = ("reasoning", "thinking")
_CALLS: Final = ("tool_call", "tool-call", "tool_use", "function_call", "function")
_RESULTS: Final = ("tool_call_response", "tool_result", "tool-result", "function_call_output")


def messages_of(value: Any) -> list[Message] | None:
    """Returns the messages that a JSON value holds; None when it does not look like messages."""
    value = parsed(value)
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        value = value["messages"]
    elif isinstance(value, Mapping) and isinstance(value.get("generations"), list):
        value = _generated(value["generations"])
    if isinstance(value, list):
        value = [_said(*item) if _is_pair(item) else item for item in value]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # LangChain's batches, of one
    if isinstance(value, Mapping) and _is_message(value):
        value = [value]
    if not isinstance(value, list) or not value or not all(_is_message(item) for item in value):
        return None
    return [_message(item) for item in value]


def prompt(text: str) -> list[Message]:
    """Returns the messages of a prompt that is only a text."""
    return [_said("user", text)]


def system(instructions: Any) -> list[Message]:
    """Returns the message with a model's instructions, a text or parts; none without instructions."""
    parts = _parts(parsed(instructions))
    return [{"role": "system", "content": parts}] if parts else []


def asked(messages: Sequence[Message]) -> list[Message]:
    """Returns the messages up to the last one in which a user says something: what a run was asked."""
    asking = [n for n, message in enumerate(messages) if message["role"] == "user" and text_of([message])]
    return list(messages[: asking[-1] + 1]) if asking else list(messages)


def text_of(messages: Sequence[Message]) -> str:
    """Returns the text that messages say, without calls and results of tools."""
    parts = (part for message in messages for part in message["content"] if part.get("type") == "text")
    return "\n".join(text for part in parts if (text := part.get("text")))


def tool_output(value: Any) -> Any:
    """Returns what a tool gave, which LangChain tells as a message of the tool, and LangSmith as a member `output`."""
    inner = value["output"] if isinstance(value, Mapping) and list(value) == ["output"] else value
    is_message = isinstance(inner, Mapping) and inner.get("type") == "tool" and "content" in inner
    return parsed(inner["content"]) if is_message else value


def flattened(attributes: Mapping[str, Any], prefix: str) -> Any:
    """Returns the tree that attributes make below a prefix, as openinference's `llm.input_messages.0.message.role`."""
    tree: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.startswith(f"{prefix}."):
            node = tree
            *path, last = name[len(prefix) + 1 :].split(".")
            for step in path:
                below = node.setdefault(step, {})
                if not isinstance(below, dict):
                    break
                node = below
            else:
                node[last] = value
    return _with_lists(tree)


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    # Each item is an object with one member, which names what it is: {"message": {...}}, {"tool_call": {...}}.
    members = {name: _with_lists(member) for name, member in node.items()}
    if members and all(name.isdecimal() for name in members):
        items = [members[name] for name in sorted(members, key=int)]
        return [next(iter(item.values())) if isinstance(item, dict) and len(item) == 1 else item for item in items]
    return members


def _generated(generations: Sequence[Any]) -> list[Any]:
    """Returns the messages of an answer of LangChain's models: lists of generations, one for each prompt."""
    each = [one for some in generations for one in (some if isinstance(some, list) else [some])]
    return [
        one.get("message") or _said("assistant", str(one.get("text", ""))) for one in each if isinstance(one, Mapping)
    ]


def _is_pair(value: Any) -> bool:
    """Tells a message in LangChain's short form, as `("user", "Hello")`."""
    return isinstance(value, list) and len(value) == 2 and value[0] in _SPEAKERS and isinstance(value[1], str)


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and ("role" in value or value.get("type") in _ITEMS or "kwargs" in value)


_ITEMS: Final = ("message", *_CALLS, *_RESULTS, *_REASONING, "human", "ai", "system", "tool")
"""The `type` of messages without a role: items of OpenAI's responses, messages of LangChain."""


def _message(raw: Mapping[str, Any]) -> Message:
    if isinstance(raw.get("kwargs"), Mapping):  # serialized by LangChain: {"lc": 1, "id": [..., "HumanMessage"], ...}
        name = str((raw.get("id") or [""])[-1])
        raw = {"type": name.removesuffix("Chunk").removesuffix("Message").lower(), **raw["kwargs"]}
    kind = raw.get("type")
    if "role" not in raw and (kind in _CALLS or kind in _RESULTS or kind in _REASONING):
        return {"role": "tool" if kind in _RESULTS else "assistant", "content": [_part(raw)]}
    role = str(raw.get("role") or kind or "user")
    role = _ROLES.get(role, role)
    content = _parts(raw.get("parts", raw.get("contents", raw.get("content"))))
    if "tool_call_id" in raw:  # the content is what a tool gave
        output = text_of([{"content": content}]) or content
        content = [_result({"id": raw["tool_call_id"], "name": raw.get("name"), "result": output})]
    calls = raw.get("tool_calls")
    if isinstance(calls, list):
        named = {part.get("toolCallId") for part in content if part["type"] == "tool-call"}
        content += [call for call in map(_call, calls) if call.get("toolCallId") not in named]
    if content and all(part["type"] == "tool-result" for part in content):
        role = "tool"
    return {"role": role, "content": content}


def _parts(content: Any) -> list[dict[str, Any]]:
    if content is None or content == "":
        return []
    return [_part(part) for part in (content if isinstance(content, list) else [content])]


def _part(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        return {"type": "text", "text": raw if isinstance(raw, str) else str(raw)}
    kind = raw.get("type")
    if kind in _CALLS:
        return _call(raw)
    if kind in _RESULTS:
        return _result(raw)
    text = raw.get("text", raw.get("content", raw.get(kind) if isinstance(kind, str) else None))
    if kind in _TEXTS:
        return {"type": "text"} if text is None else {"type": "text", "text": str(text)}
    if kind in _REASONING:
        return {"type": "reasoning", "text": _summary(raw) if text is None else str(text)}
    return {"type": "unknown", **raw}


def _call(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        return {"type": "unknown", "value": raw}
    called = raw["function"] if isinstance(raw.get("function"), Mapping) else raw
    return {
        "type": "tool-call",
        "toolCallId": _first(raw, "call_id", "tool_call_id", "toolCallId", "id"),
        "toolName": _first(called, "name", "toolName"),
        "input": parsed(_first(called, "arguments", "args", "input")),
    }


def _result(raw: Mapping[str, Any]) -> dict[str, Any]:
    called = _first(raw, "call_id", "tool_call_id", "tool_use_id", "toolCallId", "id")
    output = parsed(_first(raw, "result", "response", "output", "content"))
    return {"type": "tool-result", "toolCallId": called, "toolName": _first(raw, "name", "toolName"), "output": output}


def _summary(raw: Mapping[str, Any]) -> str:
    """The text of OpenAI's reasoning items."""
    summary = raw.get("summary")
    parts = [part for part in summary if isinstance(part, Mapping)] if isinstance(summary, list) else []
    return "\n".join(str(part["text"]) for part in parts if part.get("text"))


def _first(raw: Mapping[str, Any], *names: str) -> Any:
    return next((raw[name] for name in names if raw.get(name) is not None), None)


def _said(role: str, text: str) -> Message:
    return {"role": role, "content": [{"type": "text", "text": text}]}
