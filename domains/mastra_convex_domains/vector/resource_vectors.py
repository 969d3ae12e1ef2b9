"""Shows the vectors of one resource, and no other ones (docs/guide.md, "Ids and filters from a browser or a model")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from .indexes import IndexMethods
from .queries import QueryMethods
from .upserts import UpsertMethods

P = ParamSpec("P")
AnswerT = TypeVar("AnswerT")


def _method(
    method: Callable[Concatenate[Any, P], Awaitable[AnswerT]],
) -> Callable[Concatenate[ResourceVectors, P], Awaitable[AnswerT]]:
    """Makes a method of the view, which calls that of the store."""

    @wraps(method)
    async def call(view: ResourceVectors, /, *args: P.args, **options: P.kwargs) -> AnswerT:
        limited = getattr(view._vectors, method.__name__)  # pyright: ignore[reportPrivateUsage]
        answer: AnswerT = await limited(*args, **options)
        return answer

    return call


class ResourceVectors:
    """Stores and searches the vectors of one resource: those whose metadata have its `resource_id`.

    `VectorStore.for_resource` makes it. Whatever ids, filters and metadata a method is given, it shows, changes and
    deletes no other vector. It raises ConflictError, and writes nothing, where an id is that of a vector of another
    resource, or of none; the commit itself checks that.

    Example:
        await store.vector.create_index("notes", dimension=2)
        mine = store.vector.for_resource("user-1")
        await mine.upsert("notes", vectors=[[1, 0]], ids=["a"], metadata=[{"n": 1}])
        [hit] = await mine.query("notes", query_vector=[1, 0])
        assert hit.metadata == {"n": 1, "resource_id": "user-1"}
        assert await store.vector.for_resource("user-2").query("notes", query_vector=[1, 0]) == []
    """

    def __init__(self, vectors: IndexMethods) -> None:
        self._vectors = vectors

    upsert = _method(UpsertMethods.upsert)
    query = _method(QueryMethods.query)
    update_vector = _method(UpsertMethods.update_vector)
    delete_vector = _method(UpsertMethods.delete_vector)
    delete_vectors = _method(UpsertMethods.delete_vectors)
