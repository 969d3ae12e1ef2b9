"""Names of ADK in the store: the ids of threads and resources."""

from __future__ import annotations


def app_id(app_name: str) -> str:
    """Returns the id of the resource with the state of an app."""
    return _escaped(app_name)


def user_id(app_name: str, user: str) -> str:
    """Returns the id of the resource of a user in an app: it has the threads and the state of that user."""
    return f"{_escaped(app_name)}/{_escaped(user)}"


def thread_id(app_name: str, user: str, session_id: str) -> str:
    """Returns the id of the thread of a session."""
    return f"{user_id(app_name, user)}/{_escaped(session_id)}"


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")
