"""Convex's sync protocol as a client speaks it: the messages of one connection, in and out. No I/O. Internal.

docs/protocol.md, "watch", says what is used of it.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mastra_convex.remote.secret import MaskedText, Secret

_START: Final = {"querySet": 0, "identity": 0, "ts": base64.b64encode(bytes(8)).decode()}


class BrokenProtocolError(Exception):
    """Says that a message does not go with those before it: what was received cannot be trusted."""


@dataclass(frozen=True, slots=True)
class Query:
    """A function to watch: its path, and its arguments as JSON text."""

    path: str
    args: bytes


@dataclass(frozen=True, slots=True)
class Updated:
    """The result of a query."""

    query_id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The failure of a query, in the form of an HTTP answer."""

    query_id: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refuses the key, or the connection for good."""

    message: str
    is_key: bool


Event = Updated | Failed | Refused


class Conversation:
    """The state of one connection: versions that were sent, and those that were heard."""

    def __init__(self) -> None:
        self._sent = 0
        self._version: Mapping[str, Any] = _START
        self.ts: str | None = None

    def connect(self, session: str, count: int, reason: str | None, ts: str | None) -> str:
        """Returns the first message of a connection, the `count`th after the first; `ts` is the newest that was seen
        on those before it.
        """
        seen = {} if ts is None else {"maxObservedTimestamp": ts}
        connect = {"type": "Connect", "sessionId": session, "connectionCount": count, "lastCloseReason": reason, **seen}
        return orjson.dumps(connect).decode()

    def authenticate(self, key: Secret) -> MaskedText:
        """Returns the second message, with the admin key."""
        message = {"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin"}
        return MaskedText(orjson.dumps({**message, "value": key.reveal()}).decode())

    def modify(self, add: Mapping[int, Query], remove: Iterable[int]) -> str:
        """Returns the message that adds queries to the set, and removes some."""
        self._sent += 1
        message = {
            "type": "ModifyQuerySet",
            "baseVersion": self._sent - 1,
            "newVersion": self._sent,
            "modifications": [
                *({"type": "Remove", "queryId": id} for id in remove),
                *(
                    {"type": "Add", "queryId": id, "udfPath": query.path, "args": [orjson.Fragment(query.args)]}
                    for id, query in add.items()
                ),
            ],
        }
        return orjson.dumps(message).decode()

    def receive(self, text: str) -> list[Event]:
        """Returns what a message of the server tells. Raises BrokenProtocolError for what is none."""
        try:
            message: dict[str, Any] = orjson.loads(text)
            match message["type"]:
                case "Transition":
                    return self._transition(message, is_marked='"$' in text)
                case "AuthError":
                    return [Refused(str(message.get("error")), is_key=True)]
                case "FatalError":
                    return [Refused(str(message.get("error")), is_key=False)]
                case _:  # a ping, or an answer to what we never ask
                    return []
        except (ValueError, LookupError, TypeError, struct.error) as error:
            raise BrokenProtocolError(f"a message is not one of Convex ({type(error).__name__})") from None

    @property
    def is_answered(self) -> bool:
        """Tells whether the server has heard of every query, and of the key."""
        return bool(self._version["querySet"] == self._sent and self._version["identity"] == 1)

    def _transition(self, message: Mapping[str, Any], *, is_marked: bool) -> list[Event]:
        if not _same(message["startVersion"], self._version):
            raise BrokenProtocolError("a transition does not follow the one before it")
        events = [event for each in message["modifications"] if (event := _event(each, is_marked)) is not None]
        self._version = message["endVersion"]
        ts = self._version["ts"]
        if self.ts is None or _number(ts) > _number(self.ts):
            self.ts = ts
        return events


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return not any(one[name] != other[name] for name in _START)


def _number(ts: str) -> int:
    number: int = struct.unpack("<Q", base64.b64decode(ts))[0]
    return number


def _event(modification: Mapping[str, Any], is_marked: bool) -> Event | None:
    id = int(modification["queryId"])
    match modification["type"]:
        case "QueryUpdated":
            return Updated(id, plain(modification["value"]) if is_marked else modification["value"])
        case "QueryFailed":
            return Failed(id, {"status": "error", **modification})
        case _:
            return None


def plain(value: Any) -> Any:
    """Returns a value in the form that it has over HTTP: the sync protocol marks what JSON does not have."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    members: dict[str, Any] = value
    if len(members) == 1:
        [(name, member)] = members.items()
        if name == "$float":
            number = struct.unpack("<d", base64.b64decode(member))[0]
            return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(number), number)
        if name == "$integer":
            return str(int.from_bytes(base64.b64decode(member), "little", signed=True))
        if name == "$bytes":
            return member
    return {name: plain(member) for name, member in members.items()}
