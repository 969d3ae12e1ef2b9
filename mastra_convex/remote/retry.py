"""Decides what to do about a failed call, without any I/O.

The transport asks here after each failed attempt. Every commit carries an id and leaves a receipt, so a repeat of one
that may have been applied is harmless, and our one action, a search, has no effects; that is why an undecided failure
is retried whatever the function does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mastra_convex.errors import ConfigurationError
from mastra_convex.rows.values import setting

AUTHENTICATION_CODES: Final = frozenset(
    {
        "BadAdminKey",
        "BadDeployKey",
        "InvalidAdminKey",
        "InvalidAuthHeader",
        "InvalidHeaderFailure",
        "NoAuthProvider",
        "OperationNotPermitted",
        "Unauthenticated",
        "Unauthorized",
    }
)

OVERLOADED_CODES: Final = frozenset({"TooManyWrites", "TooManyConcurrentRequests"})

NOT_STARTED_CODES: Final = frozenset(
    {
        "ExpiredInQueue",
        "ExecuteFullError",
        "WorkerOverloaded",
        "IsolateNotClean",
        "InitialPermitTimeoutError",
        "UpstreamConnectError",
    }
)
"""With these codes Convex refused the call before any of it ran."""

NOT_COMMITTED_CODES: Final = frozenset(
    {
        "OptimisticConcurrencyControlFailure",
        "CommitterFullError",
        "VectorIndexTooLarge",
        "TextIndexTooLarge",
        "VectorIndexesUnavailable",
        "SearchIndexesUnavailable",
        "TableSummariesUnavailable",
    }
)
"""With these codes the function may have run, and its transaction was dropped."""


class Verdict(Enum):
    """Judges a failure.

    RETRY: certainly not applied, worth repeating until the deadline. AMBIGUOUS: it may have been applied; worth a few
    attempts. FATAL: the same call would fail again.
    """

    RETRY = "retry"
    AMBIGUOUS = "ambiguous"
    FATAL = "fatal"


def classify(status: int | None, code: str | None = None) -> Verdict:
    """Judges a failed attempt by Convex's error code, else by the HTTP status; None when no whole answer came.

    A status of 200 or 560 without a code stands for a body that Convex does not send: half of one, or a page of
    something in between.
    """
    if code is not None:
        if code in OVERLOADED_CODES or code in NOT_STARTED_CODES or code in NOT_COMMITTED_CODES:
            return Verdict.RETRY
        if code in AUTHENTICATION_CODES:
            return Verdict.FATAL
        if code.endswith("Unavailable"):
            return Verdict.RETRY
    if status == 429:
        return Verdict.RETRY
    if status is None or status >= 500 or status in (408, 421, 425) or 200 <= status < 300:
        return Verdict.AMBIGUOUS
    return Verdict.FATAL


@dataclass(frozen=True)
class RetryPolicy:
    """Says how often and how patiently a failed call is repeated.

    Before repeat n (from 0) the caller waits a random time of 0 to `min(cap, base * 2**n)` seconds. Refusals that
    certainly changed nothing (overload, write conflicts) are repeated until the deadline of the call.

    Attributes:
        attempts: how many failures may leave open what happened (no answer, a broken one, status 500).
        base: seconds, the longest wait before the first repeat.
        cap: seconds, the longest wait before any repeat.

    Raises ConfigurationError for what cannot be meant.

    Example:
        patient = RetryPolicy(attempts=8, base=0.2, cap=5.0)
        assert 0 <= patient.delay(3) <= 0.8
    """

    attempts: int = 5
    base: float = 0.1
    cap: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "attempts", setting(self.attempts, "attempts"))
        for name, value in (("base", self.base), ("cap", self.cap)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise ConfigurationError(f"{name} must be a number of seconds >= 0")

    def delay(self, failures: int, uniform: Callable[[float, float], float] = random.uniform) -> float:
        """Returns the seconds to wait after the given number of failures (1 or more)."""
        return uniform(0.0, min(self.cap, self.base * 2.0 ** min(failures - 1, 60)))

    def goes_on(self, verdict: Verdict, undecided: int) -> bool:
        """Tells whether to repeat, after `undecided` failures of the ambiguous kind, this one included."""
        return verdict is Verdict.RETRY or (verdict is Verdict.AMBIGUOUS and undecided < self.attempts)
