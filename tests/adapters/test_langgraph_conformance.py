"""The public suite of LangGraph's checkpointers, unmodified, on every backend."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability

from mastra_convex.adapters.langgraph import StoreSaver
from tests.backends import Backend


async def test_all_81_tests_of_the_suite_pass(backend: Backend) -> None:
    async def saver() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        yield StoreSaver(backend.store())

    report = await validate(checkpointer_test(name=f"StoreSaver on {backend.name}")(saver))
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert not failures
    # A capability that is not detected does not count as a failure there.
    assert {name for name, result in report.results.items() if result.passed is True} == {
        each.value for each in Capability
    }
    assert sum(result.tests_passed for result in report.results.values()) == 81
