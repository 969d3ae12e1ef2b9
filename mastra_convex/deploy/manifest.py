"""Knows what `mastra-convex init` wrote into a folder before, and so which files nobody edited. Internal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from mastra_convex.deploy.convex_schema import HEADER, schema_options, schema_ts, with_vector_indexes
from mastra_convex.errors import ConfigurationError
from mastra_convex.tables import Table
from mastra_convex.version import VERSION

MANIFEST: Final = ".mastra-convex.json"
"""The file in the folder of the functions that holds the hashes of those that were written. Convex skips it."""

_FIRST: Final = "files_of_0_1_0.json"
"""The hashes of the functions of 0.1.0, which wrote no manifest."""


_MARK: Final = HEADER.partition("\n")[0].encode()
"""The first line of every generated schema."""


def digest(content: bytes) -> str:
    """Returns the hash of a file. It is the same for both kinds of line ends, as git may change them."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def written_before(folder: Path, tables: Iterable[Table]) -> dict[str, str]:
    """Returns the files that were written into a folder, by name, with the hashes that they had then.

    Where 0.1.0 made the schema of these tables with other options than the default ones, its hash is found by making it
    again. Raises ConfigurationError for a manifest that cannot be read.
    """
    manifest = folder / MANIFEST
    if not manifest.exists():
        first: dict[str, str] = json.loads((files("mastra_convex.deploy") / _FIRST).read_text(encoding="utf-8"))
        return {**first, **_made_again(folder / "schema.ts", tables)}
    try:
        found: Any = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        return {str(name): str(hash) for name, hash in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{str(manifest)!r} cannot be read; restore it, or delete it: then files that differ from ours are kept"
        ) from error


def _made_again(schema: Path, tables: Iterable[Table]) -> dict[str, str]:
    """The hash of a schema that is as it is generated for these tables with the options that it has."""
    if not schema.exists():
        return {}
    found = schema_options(text := schema.read_text(encoding="utf-8", errors="replace"))
    chosen = with_vector_indexes(tables, found.vector_dimensions, filter_fields=found.vector_filter_fields)
    made = schema_ts(chosen, version=found.version)
    return {schema.name: digest(made.encode())} if made == text else {}


def manifest_text(hashes: Mapping[str, str]) -> str:
    """Returns the text of a manifest."""
    return json.dumps({"version": VERSION, "files": dict(sorted(hashes.items()))}, indent=2) + "\n"


def folders_with_functions(convex: Path) -> Iterator[str]:
    """Yields the folders below `convex/` that hold functions of ours, as `--path` names them."""
    for schema in sorted(convex.rglob("schema.ts")):
        path = schema.parent.relative_to(convex).as_posix()
        is_ours = schema.is_file() and ((schema.parent / MANIFEST).exists() or schema.read_bytes().startswith(_MARK))
        if is_ours and path != "." and "node_modules" not in path.split("/"):
            yield path
