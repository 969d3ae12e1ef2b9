"""Makes key-values of a store a store and a cache of LangChain (docs/adapters/langchain.md)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar

from langchain_core._api import LangChainBetaWarning
from langchain_core.caches import BaseCache
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, AIMessageChunk, ChatMessage, ChatMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk
from langchain_core.stores import BaseStore

from mastra_convex.adapters.background_loop import loop_of
from mastra_convex.adapters.opening import OverStore, StoreSource

T = TypeVar("T")
V = TypeVar("V")

_ANSWERS: Final = (
    Generation,
    GenerationChunk,
    ChatGeneration,
    ChatGenerationChunk,
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    ChatMessageChunk,
)
"""Nothing else is made of what a cache holds."""

_log = logging.getLogger("mastra_convex.adapters")


class _OnKeyValues(OverStore):
    """Is a base of adapters that keep values in a collection of `store.key_values`, each for a time or for ever."""

    def __init__(self, store: StoreSource, collection: str, ttl: timedelta | None) -> None:
        super().__init__(store)
        self.collection = collection
        self.ttl = ttl

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return loop_of(self.store).run(coroutine)


class StoreKeyValues(_OnKeyValues, BaseStore[str, V]):
    """Stores JSON values, or bytes, under keys: a `ByteStore` for caches of embeddings and stores of documents.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment of the environment.
        collection: name of the collection of `store.key_values`. Stores of one collection share their keys.
        ttl: how long a value lives after it was set; None for no end.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        files: StoreKeyValues[bytes] = StoreKeyValues(store, collection="files")
        await files.amset([("a", b"1"), ("b", b"2")])
        assert await files.amget(["b", "none"]) == [b"2", None]
        assert [key async for key in files.ayield_keys(prefix="a")] == ["a"]
    """

    def __init__(
        self, store: StoreSource = None, *, collection: str = "langchain", ttl: timedelta | None = None
    ) -> None:
        super().__init__(store, collection, ttl)

    async def amget(self, keys: Sequence[str]) -> list[V | None]:
        """Returns the values of some keys, in one call; None for a key without one."""
        found = await self.store.key_values.get_many(self.collection, keys=keys)
        return [None if one is None else one.value for one in found]

    def mget(self, keys: Sequence[str]) -> list[V | None]:
        """Does what `amget` does, where no event loop runs."""
        return self._run(self.amget(keys))

    async def amset(self, key_value_pairs: Sequence[tuple[str, V]]) -> None:
        """Sets values, in one commit where they fit it. Raises ValidationError for what is neither JSON nor bytes."""
        entries = [{"key": key, "value": value, "ttl": self.ttl} for key, value in key_value_pairs]
        await self.store.key_values.set_many(self.collection, entries=entries)

    def mset(self, key_value_pairs: Sequence[tuple[str, V]]) -> None:
        """Does what `amset` does, where no event loop runs."""
        self._run(self.amset(key_value_pairs))

    async def amdelete(self, keys: Sequence[str]) -> None:
        """Deletes the values of some keys, in one commit; an unknown key is no error."""
        await self.store.key_values.delete_many(self.collection, keys=keys)

    def mdelete(self, keys: Sequence[str]) -> None:
        """Does what `amdelete` does, where no event loop runs."""
        self._run(self.amdelete(keys))

    async def ayield_keys(self, *, prefix: str | None = None) -> AsyncGenerator[str, None]:
        """Yields the keys, or those that begin with a prefix, in their order and without reading the values."""
        async for key in self.store.key_values.iter_keys(self.collection, key_prefix=prefix or ""):
            yield key

    def yield_keys(self, *, prefix: str | None = None) -> Generator[str, None, None]:
        """Does what `ayield_keys` does, where no event loop runs."""
        return loop_of(self.store).iterate(self.ayield_keys(prefix=prefix))


class StoreLLMCache(_OnKeyValues, BaseCache):
    """Caches the answers of models, for all processes that use the store: `set_llm_cache(StoreLLMCache(store))`.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment of the environment.
        collection: name of the collection of `store.key_values`.
        ttl: how long an answer is kept; None for no end.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        cache = StoreLLMCache(store, ttl=timedelta(days=1))
        await cache.aupdate("What is the capital of France?", "model-1", [Generation(text="Paris")])
        assert await cache.alookup("What is the capital of France?", "model-1") == [Generation(text="Paris")]
    """

    def __init__(
        self, store: StoreSource = None, *, collection: str = "langchain-llm-cache", ttl: timedelta | None = None
    ) -> None:
        super().__init__(store, collection, ttl)

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """Returns the answers to a prompt; None without them, and for those that this LangChain cannot read."""
        [found] = await self.store.key_values.get_many(self.collection, keys=[_key(prompt, llm_string)])
        if found is None:
            return None
        try:
            with warnings.catch_warnings(category=LangChainBetaWarning, action="ignore"):
                answers: list[Generation] = loads(found.value, allowed_objects=_ANSWERS)
        except Exception:  # of whatever release of LangChain wrote it
            _log.warning(
                "an answer in the cache %r cannot be read, and is asked for anew", self.collection, exc_info=True
            )
            return None
        return answers

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """Does what `alookup` does, where no event loop runs."""
        return self._run(self.alookup(prompt, llm_string))

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Caches the answers to a prompt."""
        namespace, key = _key(prompt, llm_string)
        entry = {"namespace": namespace, "key": key, "value": dumps(list(return_val)), "ttl": self.ttl}
        await self.store.key_values.set_many(self.collection, entries=[entry])

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Does what `aupdate` does, where no event loop runs."""
        self._run(self.aupdate(prompt, llm_string, return_val))

    async def aclear(self, **options: Any) -> None:
        """Deletes all answers of the collection; options have no meaning here."""
        await self.store.key_values.clear(self.collection)

    def clear(self, **options: Any) -> None:
        """Does what `aclear` does, where no event loop runs."""
        self._run(self.aclear(**options))


def _key(prompt: str, llm_string: str) -> tuple[tuple[str], str]:
    """Returns the namespace of a model and the key of a prompt. Both texts may be too long for an index."""
    return (_digest(llm_string),), _digest(prompt)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
