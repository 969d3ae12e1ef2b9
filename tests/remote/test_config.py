from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.errors import ConfigurationError
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION, RemoteConfig, environment
from mastra_convex.remote.engine import RemoteEngine
from mastra_convex.remote.secret import Secret

GOOD: dict[str, Any] = {
    "deployment_url": "https://happy-otter-1.convex.cloud",
    "admin_auth_token": Secret("prod:owner|ab12"),
}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://a.convex.cloud", "https://a.convex.cloud"),
        ("https://a.convex.cloud///", "https://a.convex.cloud"),
        ("HTTPS://convex.example.org:8443/base/", "https://convex.example.org:8443/base"),
        ("http://127.0.0.1:3210", "http://127.0.0.1:3210"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:3210/", "http://[::1]:3210"),
        ("http://localhost:3210", "http://localhost:3210"),
    ],
)
def test_urls(given: str, kept: str) -> None:
    assert RemoteConfig(**{**GOOD, "deployment_url": given}).deployment_url == kept


def test_plain_http_to_other_machines_must_be_allowed() -> None:
    with pytest.raises(ConfigurationError, match="deployment_url must be https"):
        RemoteConfig(**{**GOOD, "deployment_url": "http://convex.internal:3210"})
    assert RemoteConfig(**{**GOOD, "deployment_url": "http://convex.internal:3210", "allow_http": True})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("deployment_url", ""),
        ("deployment_url", None),
        ("deployment_url", "a.convex.cloud"),
        ("deployment_url", "ftp://a.convex.cloud"),
        ("deployment_url", "https://"),
        ("deployment_url", "https://user:pass-word@a.convex.cloud"),
        ("deployment_url", "https://a.convex.cloud?adminKey=pass-word"),
        ("deployment_url", "https://a.convex.cloud#pass-word"),
        ("deployment_url", "https://a.convex.cloud:99999"),
        ("deployment_url", "https://a.convex.cloud\n"),
        ("deployment_url", "https://a.convex.site"),
        ("deployment_url", "https://dashboard.convex.dev/t/team/project"),
        ("deployment_url", "https://convex.dev"),
        ("deployment_url", "'https://a.convex.cloud'"),
        ("admin_auth_token", Secret('"pass-word"')),
        ("admin_auth_token", Secret("pass-word'")),
        ("admin_auth_token", Secret("https://pass-word.convex.cloud")),
        ("deployment_url", "http://127.0.0.1.evil.example"),
        ("admin_auth_token", Secret("")),
        ("admin_auth_token", Secret(None)),  # type: ignore[arg-type]
        ("admin_auth_token", Secret("pass-word\r\nX-Other: 1")),
        ("admin_auth_token", Secret("pass-wörd")),
        ("storage_function", "mastra/storage"),
        ("storage_function", "mastra/storage:"),
        ("storage_function", "/storage:handle"),
        ("storage_function", "mastra/../storage:handle"),
        ("storage_function", "mastra/storage:read"),
        ("timeout", 0),
        ("timeout", float("nan")),
        ("timeout", True),
        ("connect_timeout", -1),
        ("retry", 3),
        ("max_in_flight", 0),
        ("max_in_flight", 1.0),
    ],
)
def test_a_bad_value_names_its_parameter_and_keeps_secrets(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        RemoteConfig(**{**GOOD, name: value})
    assert "pass-w" not in str(caught.value)


def test_siblings_of_the_storage_function() -> None:
    config = RemoteConfig(**GOOD, storage_function="mastra_py/storage:handle")
    assert (config.read_function, config.sweep_function) == ("mastra_py/storage:read", "mastra_py/storage:sweep")


@pytest.mark.parametrize(
    ("url", "key", "missing"),
    [
        ("https://a.convex.cloud", "", "CONVEX_ADMIN_KEY is missing"),
        ("", "k", "CONVEX_URL is missing"),
        (" ", "k", "CONVEX_URL is missing"),
    ],
)
def test_one_variable_without_the_other(monkeypatch: pytest.MonkeyPatch, url: str, key: str, missing: str) -> None:
    monkeypatch.setenv("CONVEX_URL", url)
    monkeypatch.setenv("CONVEX_ADMIN_KEY", key)
    with pytest.raises(ConfigurationError, match=missing):
        environment()


@pytest.mark.parametrize(("value", "function"), [("", None), (" a/b:handle\n", "a/b:handle")])
def test_the_storage_function_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, function: str | None
) -> None:
    monkeypatch.setenv("CONVEX_URL", "https://b.convex.cloud")
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "k")
    monkeypatch.setenv("CONVEX_STORAGE_FUNCTION", value)
    found = environment()
    assert found is not None
    assert found.storage_function == (function or DEFAULT_STORAGE_FUNCTION)
    assert _config_of(ConvexStore.from_env()).storage_function == found.storage_function
    assert _config_of(ConvexStore.from_env(storage_function="c/d:handle")).storage_function == "c/d:handle"


def _config_of(store: ConvexStore) -> RemoteConfig:
    assert isinstance(store._engine, RemoteEngine)
    return store._engine._transport.config


@pytest.mark.parametrize("value", ["mastra/storage", '"mastra/storage:handle"', "mastra_py", "a:read"])
def test_a_storage_function_that_is_none_names_its_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CONVEX_URL", "https://b.convex.cloud")
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "k")
    monkeypatch.setenv("CONVEX_STORAGE_FUNCTION", value)
    with pytest.raises(ConfigurationError, match="CONVEX_STORAGE_FUNCTION"):
        ConvexStore.from_env()


def test_an_environment_without_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVEX_URL", raising=False)
    monkeypatch.setenv("CONVEX_ADMIN_KEY", " ")
    assert environment() is None


def test_the_deployment_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEX_URL", "https://b.convex.cloud\n")
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "k")
    found = environment()
    assert found is not None
    assert (found.deployment_url, found.admin_auth_token.reveal()) == ("https://b.convex.cloud", "k")
