"""A store in FastAPI: one for the whole application, opened and closed with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from mastra_convex import ConvexStore
from mastra_convex_domains import MessagePage, Thread, ThreadPage


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, ConvexStore]]:
    async with ConvexStore.from_env(local="agent.db") as store:
        yield {"store": store}


app = FastAPI(lifespan=lifespan)


@app.post("/threads")
async def save_thread(thread: Thread, request: Request) -> Thread:
    return await request.state.store.memory.save_thread(thread)


@app.get("/threads")
async def list_threads(resource_id: str, request: Request) -> ThreadPage:
    return await request.state.store.memory.list_threads(resource_id=resource_id)


@app.get("/threads/{thread_id}/messages")
async def list_messages(thread_id: str, request: Request) -> MessagePage:
    return await request.state.store.memory.list_messages(thread_id)
