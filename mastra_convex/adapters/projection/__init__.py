"""Shows items of agent frameworks as parts of Mastra's format 2, and reads them back.

Each adapter has its own table of what becomes what, made of these: `parts` builds parts, `items` makes items of them
with their JSON text, `stored` reads these back, and `reading` the messages that another writer made.
docs/contract.md, "Items of agent frameworks", has the rules. An import of conversations from files uses them in the
same way.
"""

from mastra_convex.adapters.projection.items import item_of, item_text, items_of, new_item
from mastra_convex.adapters.projection.parts import (
    arguments,
    call,
    data,
    data_uri,
    denied,
    error,
    failed,
    file,
    is_reachable,
    media_type_of,
    output,
    ran,
    reasoning,
    result,
    source,
    text,
)
from mastra_convex.adapters.projection.reading import Call, File, Reasoning, Said, read_parts
from mastra_convex.adapters.projection.stored import latest_items, read_items
from mastra_convex.contract.items import ItemRole, NewItem, ToolResult

__all__ = [
    "Call",
    "File",
    "ItemRole",
    "NewItem",
    "Reasoning",
    "Said",
    "ToolResult",
    "arguments",
    "call",
    "data",
    "data_uri",
    "denied",
    "error",
    "failed",
    "file",
    "is_reachable",
    "item_of",
    "item_text",
    "items_of",
    "latest_items",
    "media_type_of",
    "new_item",
    "output",
    "ran",
    "read_items",
    "read_parts",
    "reasoning",
    "result",
    "source",
    "text",
]
