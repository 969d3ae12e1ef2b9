"""The retry policy, without an event loop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex.errors import ConfigurationError
from mastra_convex.remote.retry import RetryPolicy, Verdict, classify


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (503, "OptimisticConcurrencyControlFailure", Verdict.RETRY),
        (429, "TooManyWrites", Verdict.RETRY),
        (429, "TooManyConcurrentRequests", Verdict.RETRY),
        (503, "ExpiredInQueue", Verdict.RETRY),
        (503, "ExecuteFullError", Verdict.RETRY),
        (503, "WorkerOverloaded", Verdict.RETRY),
        (503, "IsolateNotClean", Verdict.RETRY),
        (503, "InitialPermitTimeoutError", Verdict.RETRY),
        (503, "UpstreamConnectError", Verdict.RETRY),
        (503, "CommitterFullError", Verdict.RETRY),
        (503, "VectorIndexTooLarge", Verdict.RETRY),
        (503, "TextIndexTooLarge", Verdict.RETRY),
        (503, "VectorIndexesUnavailable", Verdict.RETRY),
        (503, "SearchIndexesUnavailable", Verdict.RETRY),
        (503, "TableSummariesUnavailable", Verdict.RETRY),
        (429, None, Verdict.RETRY),
        (503, "InternalServerError", Verdict.AMBIGUOUS),
        (500, "InternalServerError", Verdict.AMBIGUOUS),
        (500, None, Verdict.AMBIGUOUS),
        (502, None, Verdict.AMBIGUOUS),
        (503, None, Verdict.AMBIGUOUS),
        (504, None, Verdict.AMBIGUOUS),
        (408, None, Verdict.AMBIGUOUS),
        (200, None, Verdict.AMBIGUOUS),
        (None, None, Verdict.AMBIGUOUS),
        (301, None, Verdict.FATAL),
        (400, "BadJsonBody", Verdict.FATAL),
        (401, "BadAdminKey", Verdict.FATAL),
        (403, None, Verdict.FATAL),
        (404, None, Verdict.FATAL),
        (409, "Conflict", Verdict.FATAL),
    ],
)
def test_failures_are_judged_by_code_then_status(status: int | None, code: str | None, verdict: Verdict) -> None:
    assert classify(status, code) is verdict


def test_the_code_wins_over_the_status() -> None:
    assert classify(400, "OptimisticConcurrencyControlFailure") is Verdict.RETRY
    assert classify(503, "BadAdminKey") is Verdict.FATAL


def test_attempts_bound_only_undecided_failures() -> None:
    policy = RetryPolicy(attempts=3)
    assert policy.goes_on(Verdict.AMBIGUOUS, 2)
    assert not policy.goes_on(Verdict.AMBIGUOUS, 3)
    assert policy.goes_on(Verdict.RETRY, 3)
    assert not policy.goes_on(Verdict.FATAL, 0)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_delays_are_anything_up_to_a_doubling_capped_bound(failures: int, draw: float) -> None:
    policy = RetryPolicy(base=0.1, cap=2.0)
    bound = 2.0 if failures > 5 else 0.1 * 2 ** (failures - 1)
    assert policy.delay(failures, lambda low, high: low + (high - low) * draw) == pytest.approx(bound * draw)
    assert 0 <= policy.delay(failures) <= bound


@pytest.mark.parametrize(
    ("name", "value"),
    [("attempts", 0), ("attempts", 1.5), ("attempts", True), ("base", -1), ("cap", float("inf")), ("cap", "2")],
)
def test_a_bad_policy_names_its_parameter(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        RetryPolicy(**{name: value})
