"""Fake models of three frameworks, which call a tool where there is one, and then answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import ModelResponse, Usage, generation_span
from agents.models.interface import Model
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from pydantic_ai.models.test import TestModel

ANSWER = "It is sunny."


def pydantic_ai_model() -> TestModel:
    return TestModel(custom_output_text=ANSWER)


class OpenAIModel(Model):
    """Answers as OpenAI's chats do, and tells of it in a span as the SDK's models do."""

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **options: Any) -> ModelResponse:
        tools: Sequence[Any] = options["tools"] if "tools" in options else args[1]
        asked = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
        has_called = any(item.get("type") == "function_call_output" for item in asked)
        with generation_span(model="fake", input=asked, model_config={"temperature": 0.5}) as span:
            output: list[Any] = [self._answer() if has_called or not tools else self._call(tools[0].name)]
            usage = Usage(requests=1, input_tokens=10 + len(asked), output_tokens=4, total_tokens=14 + len(asked))
            span.span_data.output = [item.model_dump() for item in output]
            span.span_data.usage = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        return ModelResponse(output=output, usage=usage, response_id=None)

    def stream_response(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError

    def _call(self, tool: str) -> ResponseFunctionToolCall:
        return ResponseFunctionToolCall(
            id="1", call_id="c1", name=tool, arguments='{"city": "Oslo"}', type="function_call"
        )

    def _answer(self) -> ResponseOutputMessage:
        text = ResponseOutputText(text=ANSWER, type="output_text", annotations=[])
        return ResponseOutputMessage(id="2", content=[text], role="assistant", status="completed", type="message")


def langchain_model(*, calls_a_tool: bool = False) -> GenericFakeChatModel:
    call: Any = {"name": "weather", "args": {"city": "Oslo"}, "id": "c1"}
    calling = AIMessage("", tool_calls=[call], usage_metadata=_usage(10, 3))
    answers = [AIMessage(ANSWER, usage_metadata=_usage(20, 5))]
    return GenericFakeChatModel(messages=iter([calling, *answers] if calls_a_tool else answers))


def _usage(input: int, output: int) -> Any:
    return {"input_tokens": input, "output_tokens": output, "total_tokens": input + output}
