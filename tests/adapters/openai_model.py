"""A model of the OpenAI Agents SDK that says what a test told it, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agents import Model, ModelResponse, Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
)


class ScriptedModel(Model):
    """Answers with the next answer of its script; an exception in it is raised."""

    def __init__(self, *script: list[ResponseOutputItem] | Exception) -> None:
        self.inputs: list[list[Any]] = []
        self._script = list(script)

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **options: Any) -> ModelResponse:
        self.inputs.append(list(input))
        answer = self._script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return ModelResponse(output=answer, usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def says(text: str) -> ResponseOutputMessage:
    said = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(id="msg_1", content=[said], role="assistant", status="completed", type="message")


def calls(id: str, name: str, arguments: str) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(call_id=id, name=name, arguments=arguments, type="function_call", id=f"fc_{id}")
