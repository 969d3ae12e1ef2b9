"""Without OpenTelemetry, with one that is too old, and without anybody who listens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import effort
from tests.summary import Figure

STORES_WORK = """
async def stores_work():
    async with ConvexStore.local(":memory:") as store:
        await store.memory.save_thread({"id": "t1", "resource_id": "u1"})
        assert [thread.id async for thread in store.memory.iter_threads()] == ["t1"]
        try:
            await store.memory.list_threads(page=-1)
        except ValidationError:
            print("works")
"""
SDK = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
metrics.set_meter_provider(MeterProvider())
trace.set_tracer_provider(TracerProvider())
"""
BLOCK = "import sys; sys.modules['opentelemetry'] = None"
OLD = {
    "__init__": "",
    "context": "",
    "trace": "def get_tracer(name, version=None, *, schema_url=None): ...",
    "metrics": """
class Meter:
    def create_histogram(self, name, unit="", description=""): ...
def get_meter(name, version="", *, schema_url=None):
    return Meter()
""",
}
"""The shape of an API from before the buckets could be advised."""

COST = """
import asyncio, time
from mastra_convex.domain import DomainStore
from mastra_convex.local import LocalEngine

class Domain(DomainStore):
    name = "domain"
    tables = ()

    async def nothing(self): ...

async def seconds(call):
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(ROUNDS):
            await call()
        best = min(best, (time.perf_counter() - began) / ROUNDS)
    return best

async def main():
    domain = Domain(LocalEngine(":memory:", []))
    bare = Domain.nothing.__wrapped__
    told, untold = await seconds(domain.nothing), await seconds(lambda: bare(domain))
    print(round((told - untold) * 1e6, 1), "us")

asyncio.run(main())
"""


def python(*parts: str, path: Path | None = None) -> str:
    """What a program prints in an interpreter of its own."""
    environment = {"PYTHONPATH": str(path)} if path is not None else {}
    command = [sys.executable, "-c", "\n".join(parts)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


MAIN = "asyncio.run(stores_work())"
IMPORTS = "import asyncio, sys\nfrom mastra_convex import ConvexStore, ValidationError"
SHOW = "print(sorted(name for name in sys.modules if name.startswith('opentelemetry') and sys.modules[name]))"


def test_stores_work_without_opentelemetry_and_import_nothing_of_it() -> None:
    assert python(BLOCK, IMPORTS, STORES_WORK, MAIN, SHOW) == "works\n[]"


def test_stores_work_with_the_api_alone() -> None:
    printed = python(IMPORTS, STORES_WORK, MAIN, SHOW)
    assert printed.startswith("works\n")
    assert "opentelemetry.trace" in printed
    assert "opentelemetry.sdk" not in printed


def test_an_api_that_is_too_old_counts_as_none(tmp_path: Path) -> None:
    package = tmp_path / "opentelemetry"
    package.mkdir()
    for name, text in OLD.items():
        (package / f"{name}.py").write_text(text)
    assert python(IMPORTS, STORES_WORK, MAIN, "import opentelemetry; print(opentelemetry.__file__)", path=tmp_path) == (
        f"works\n{package / '__init__.py'}"
    )


@pytest.mark.parametrize(
    ("name", "before"), [("without OpenTelemetry", BLOCK), ("with its API alone", ""), ("with an SDK", SDK)]
)
def test_what_a_call_pays_for_telemetry(name: str, before: str, figure: Figure) -> None:
    cost = python(before, f"ROUNDS = {effort(2_000, 50_000)}", COST)
    figure(f"telemetry, cost of a call {name}", cost)
    assert cost.endswith(" us")
