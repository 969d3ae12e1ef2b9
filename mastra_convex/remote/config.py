"""Settings of a remote store, validated once."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypedDict
from urllib.parse import SplitResult, urlsplit

from mastra_convex.errors import ConfigurationError
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.rows.values import setting

if TYPE_CHECKING:
    import aiohttp

DEFAULT_STORAGE_FUNCTION: Final = "mastra/storage:handle"

STORAGE_FUNCTION_VARIABLE: Final = "CONVEX_STORAGE_FUNCTION"
"""The environment variable that says where the commit function is deployed."""

_FUNCTION = re.compile(r"((?:[A-Za-z0-9_]+/)*[A-Za-z0-9_]+):([A-Za-z_][A-Za-z0-9_]*)")
_QUOTES = "\"'`"
_WEBSITE = "convex.dev"
_SIBLINGS = ("read", "search", "sweep")


class RemoteOptions(TypedDict, total=False):
    """Names the optional arguments of `ConvexStore` for a deployment."""

    storage_function: str
    timeout: float
    connect_timeout: float
    retry: RetryPolicy | None
    max_in_flight: int
    session: aiohttp.ClientSession | None
    allow_http: bool


@dataclass(frozen=True, kw_only=True)
class RemoteConfig:
    """Holds the address of a deployment and how to call it. The parameters are those of `ConvexStore`.

    Raises ConfigurationError, naming the parameter, for what cannot work.
    """

    deployment_url: str
    admin_auth_token: Secret
    storage_function: str = DEFAULT_STORAGE_FUNCTION
    timeout: float = 30.0
    connect_timeout: float = 5.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_in_flight: int = 16
    allow_http: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "deployment_url", _checked_url(self.deployment_url, self.allow_http))
        check_key("admin_auth_token", self.admin_auth_token)
        split_function(self.storage_function)
        check_seconds("timeout", self.timeout)
        check_seconds("connect_timeout", self.connect_timeout)
        if not isinstance(self.retry, RetryPolicy):
            raise ConfigurationError("retry must be a RetryPolicy")
        object.__setattr__(self, "max_in_flight", setting(self.max_in_flight, "max_in_flight"))

    @property
    def read_function(self) -> str:
        return self.sibling("read")

    @property
    def search_function(self) -> str:
        return self.sibling("search")

    @property
    def sweep_function(self) -> str:
        return self.sibling("sweep")

    def sibling(self, name: str) -> str:
        """The path of another function in the module of `storage_function`."""
        return f"{split_function(self.storage_function)[0]}:{name}"


@dataclass(frozen=True)
class Deployment:
    """A deployment named by the environment."""

    deployment_url: str
    admin_auth_token: Secret
    storage_function: str = DEFAULT_STORAGE_FUNCTION


def environment() -> Deployment | None:
    """The deployment of CONVEX_URL and CONVEX_ADMIN_KEY; None when neither is set (or both are empty).

    CONVEX_STORAGE_FUNCTION names its commit function, where that is not the usual one. Raises ConfigurationError,
    naming the variable, when only one of the two is set, or the third is no path of a function.
    """
    url, key = os.environ.get("CONVEX_URL", "").strip(), Secret(os.environ.get("CONVEX_ADMIN_KEY", "").strip())
    if not url and not key:
        return None
    if not key:
        raise ConfigurationError("CONVEX_URL is set, but CONVEX_ADMIN_KEY is missing")
    if not url:
        raise ConfigurationError("CONVEX_ADMIN_KEY is set, but CONVEX_URL is missing")
    function = os.environ.get(STORAGE_FUNCTION_VARIABLE, "").strip() or DEFAULT_STORAGE_FUNCTION
    split_function(function, STORAGE_FUNCTION_VARIABLE)
    return Deployment(url, key, function)


def check_key(parameter: str, key: Secret) -> None:
    """ConfigurationError for a key that is no text, empty, or cannot travel in a header; it is not quoted."""
    fault = _fault_of(key)
    if fault is not None:
        raise ConfigurationError(f"{parameter} {fault}")


def _fault_of(key: Secret) -> str | None:
    """Raises nothing, as the key is among its variables."""
    text = key.reveal()
    if not isinstance(text, str) or not text:
        return "must be a non-empty string"
    if not all("!" <= character <= "~" for character in text):
        return "must be printable ASCII without spaces or line ends"
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        return "has quotes around it; remove them"
    if text.startswith(("https://", "http://")):
        return "is a URL; the key goes there, and the URL to deployment_url"
    return None


def split_function(path: str, parameter: str = "storage_function") -> tuple[str, str]:
    """Module and name of a function path; ConfigurationError when it is none or takes a sibling's name."""
    match = _FUNCTION.fullmatch(path) if isinstance(path, str) else None
    if match is None:
        raise ConfigurationError(f'{parameter} must look like "{DEFAULT_STORAGE_FUNCTION}" (directory/module:name)')
    if match[2] in _SIBLINGS:
        raise ConfigurationError(f"{parameter} must name the commit function, not {match[2]!r} beside it")
    return match[1], match[2]


def check_seconds(parameter: str, value: float) -> None:
    """ConfigurationError for what is no number of seconds above 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise ConfigurationError(f"{parameter} must be a number of seconds > 0")


def _checked_url(url: str, allow_http: bool) -> str:
    """The URL without trailing slashes. Errors do not quote it, because people put keys into URLs."""
    if not isinstance(url, str) or not url:
        raise ConfigurationError("deployment_url must be a non-empty string")
    if not all("!" <= character <= "~" for character in url) or "\\" in url:
        raise ConfigurationError("deployment_url must be printable ASCII without spaces")
    if url[0] in _QUOTES:
        raise ConfigurationError("deployment_url has quotes around it; remove them")
    parts = _split_url(url)
    scheme, host = parts.scheme, parts.hostname
    if scheme not in ("https", "http") or not host:
        raise ConfigurationError("deployment_url must be an absolute URL like https://<name>.convex.cloud")
    if "@" in parts.netloc:
        raise ConfigurationError("deployment_url must not contain credentials; pass the key as admin_auth_token")
    if "?" in url or "#" in url:
        raise ConfigurationError("deployment_url must not contain a query or fragment")
    if host.endswith(".convex.site"):
        raise ConfigurationError(
            "deployment_url ends in .convex.site, which serves HTTP actions only; take the one in .convex.cloud"
        )
    if host == _WEBSITE or host.endswith(f".{_WEBSITE}"):
        raise ConfigurationError(
            f"deployment_url is a page of {_WEBSITE}, not a deployment; take its URL, https://<name>.convex.cloud, from"
            " the dashboard, Settings"
        )
    if scheme == "http" and not allow_http and not _is_loopback(host):
        raise ConfigurationError(
            "deployment_url must be https: others could read the key; allow_http=True (--allow-http) permits it"
        )
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        raise ConfigurationError("deployment_url is not a valid URL") from None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
