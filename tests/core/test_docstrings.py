"""Docstrings say what is promised: arguments, answers and errors of public methods, and an example of each class."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from pydantic import BaseModel

import mastra_convex
import mastra_convex_domains
from mastra_convex import ConvexStore

ROOT = Path(__file__).parent.parent.parent
PACKAGES = (mastra_convex, mastra_convex_domains)
NO_VERB = re.compile(r"(What|Whatever|Whether|Of|That|Those|How|Which|Where|Who)\b")
"""How a sentence begins that names a value in place of saying what is done with it."""


def public_classes() -> list[type[Any]]:
    found = {getattr(package, name) for package in PACKAGES for name in package.__all__}
    return sorted((each for each in found if inspect.isclass(each)), key=lambda each: each.__name__)


def public_methods() -> Iterator[tuple[str, Any]]:
    """The methods that these classes or their bases in this project define, each once."""
    seen: set[Any] = set()
    for owner in public_classes():
        for name, member in inspect.getmembers(owner, inspect.isroutine):
            method = inspect.unwrap(getattr(member, "__func__", member))
            is_ours = (getattr(method, "__module__", "") or "").startswith("mastra_convex")
            if is_ours and not name.startswith("_") and method not in seen and hasattr(method, "__code__"):
                seen.add(method)
                yield f"{owner.__name__}.{name}", method


METHODS = dict(public_methods())


def parameters(method: Any) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name not in ("self", "cls")]


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if len(parameters(method)) > 2])
def test_a_method_with_several_parameters_explains_each(name: str) -> None:
    method = METHODS[name]
    text = inspect.getdoc(method) or ""
    described = re.search(r"^Args:\n((?:[ \t]+.*\n|\n)*)", text + "\n", re.MULTILINE)
    assert described, f"{name} has no Args"
    missing = [each for each in parameters(method) if not re.search(rf"\b{each}\b.*:", described[1])]
    assert not missing, f"{name} does not explain {missing}"
    assert "Raises:" in text, f"{name} does not say what it raises"
    answer = inspect.signature(method).return_annotation
    assert answer in ("None", None) or re.search(r"^(Returns|Yields):", text, re.MULTILINE), f"{name} has no Returns"


@pytest.mark.parametrize("name", METHODS)
def test_a_public_method_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(METHODS[name])


def example_of(owner: type[Any]) -> str:
    """The code under `Example:` of a class's own docstring."""
    found = re.search(r"^Example:\n((?:[ \t]+.*\n|\n)+)", inspect.cleandoc(owner.__doc__ or "") + "\n", re.MULTILINE)
    return textwrap.dedent(found[1]) if found else ""


@pytest.mark.parametrize("owner", public_classes(), ids=lambda owner: owner.__name__)
async def test_the_example_of_a_class_runs(owner: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = example_of(owner)
    assert source, f"{owner.__name__} has no Example"
    monkeypatch.chdir(tmp_path)
    names = {name: getattr(package, name) for package in PACKAGES for name in package.__all__}
    names |= {"UTC": UTC, "datetime": datetime, "timedelta": timedelta}
    async with ConvexStore.local(":memory:") as store:
        code = compile(source, f"{owner.__name__}, Example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert isinstance(code, CodeType)
        answer = eval(code, {**names, "store": store})
        if inspect.isawaitable(answer):
            await answer


RECORDS = [owner for owner in public_classes() if issubclass(owner, BaseModel)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda owner: owner.__name__)
def test_each_member_of_a_record_has_a_line(record: type[BaseModel]) -> None:
    [body] = [
        node.body
        for node in ast.parse(textwrap.dedent(inspect.getsource(record))).body
        if isinstance(node, ast.ClassDef)
    ]
    undescribed = [
        node.target.id
        for node, following in zip(body, [*body[1:], None], strict=True)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id in record.model_fields
        and not (isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant))
    ]
    assert undescribed == []


def modules() -> list[str]:
    return sorted(
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )


@pytest.mark.parametrize("name", modules())
def test_docstrings_begin_with_a_verb(name: str) -> None:
    if name.endswith("__main__"):
        return
    spec = importlib.util.find_spec(name)  # an adapter is not imported: its framework may be missing
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    texts = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    assert [text.splitlines()[0] for text in texts if NO_VERB.match(text)] == []
