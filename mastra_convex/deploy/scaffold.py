"""Writes the files of `mastra-convex init` into a Convex project; prints nothing. Internal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Literal

from mastra_convex.deploy.convex_schema import index_lines_ts, schema_ts
from mastra_convex.errors import ConfigurationError, ConflictError, ValidationError
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION, split_function
from mastra_convex.tables import Table

DEFAULT_PATH: Final = "mastra"

FileState = Literal["created", "unchanged", "overwritten", "kept"]

_COMPONENT = re.compile(r"[A-Za-z0-9_]{1,64}")
_RESERVED = ("actions", "_generated", "_deps", "_system")
_STOCK_HANDLER = b"@mastra/convex/server"
_STOCK_SCHEMA = "@mastra/convex/schema"


@dataclass(frozen=True)
class ScaffoldedFile:
    """A file of the project and what became of it; `kept` means that it differs from ours and was left alone."""

    path: Path
    state: FileState


@dataclass(frozen=True)
class Scaffold:
    """Reports what was written. `schema_lines` are lines to add to an existing `schema.ts`, None for none."""

    files: tuple[ScaffoldedFile, ...]
    schema: Path
    schema_lines: str | None
    shares_stock_tables: bool
    storage_function: str

    @property
    def kept(self) -> tuple[ScaffoldedFile, ...]:
        return tuple(file for file in self.files if file.state == "kept")


def shipped_functions() -> Traversable:
    """The TypeScript to deploy: inside the wheel, or beside the package in a checkout."""
    in_wheel = files("mastra_convex") / "_convex_functions"
    in_checkout = Path(__file__).resolve().parent.parent.parent / "convex_functions" / "mastra"
    return in_wheel if in_wheel.is_dir() else in_checkout


def check_path(path: str) -> str:
    """The folder below `convex/`, checked; ValidationError for one that Convex or this tool cannot use."""
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise ValidationError(
                f"path must be folders of letters, digits and _, at most 64 long each, with / between; not {path!r}",
                operation="INIT",
            )
        if component.lower() in _RESERVED:
            raise ValidationError(
                f"path must not contain {component!r}, which Convex keeps for itself", operation="INIT"
            )
    return path


def scaffold(directory: Path, tables: Iterable[Table], *, path: str = DEFAULT_PATH, force: bool = False) -> Scaffold:
    """Puts the functions into `directory/convex/<path>/`, and `directory/convex/schema.ts` when there is none.

    A file that differs from ours is kept, or with `force` overwritten. Everything is checked before the first write.
    Raises ConfigurationError for a target that is a symbolic link or no regular file, ConflictError where the handler
    of `@mastra/convex` has the place.
    """
    check_path(path)
    declared = list(tables)
    if not directory.is_dir():
        raise ConfigurationError(f"{str(directory)!r} is not a directory")
    convex = directory / "convex"
    folder = convex / path
    contents = {folder / name: content for name, content in _contents(declared)}
    schema = _existing_schema(convex) or convex / "schema.ts"
    _check_targets(convex, [*contents, schema])
    if not force:
        _refuse_stock_handler(directory, contents)
    written = [_write(file, content, force=force) for file, content in contents.items()]
    lines, stock = None, False
    if schema.exists():
        text = schema.read_text(encoding="utf-8", errors="replace")
        stock = _STOCK_SCHEMA in text
        lines = _missing_lines(text, declared, path, stock=stock)
    else:
        written.append(_write(schema, _schema_lines(path).encode(), force=False))
    return Scaffold(tuple(written), schema, lines, stock, storage_function(path))


def storage_function(path: str) -> str:
    """The `storage_function` of functions that were put under `convex/<path>`."""
    module, name = split_function(DEFAULT_STORAGE_FUNCTION)
    return f"{path}/{module.rpartition('/')[2]}:{name}"


def _contents(tables: Iterable[Table]) -> Iterator[tuple[str, bytes]]:
    """The shipped files; the schema is that of the registered domains, among which may be those of other packages."""
    for name, file in _walk(shipped_functions(), ""):
        yield name, schema_ts(tables).encode() if name == "schema.ts" else file.read_bytes()


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".ts"):
            yield prefix + entry.name, entry


def _existing_schema(convex: Path) -> Path | None:
    return next((file for file in (convex / "schema.ts", convex / "schema.js") if file.exists()), None)


def _check_targets(convex: Path, targets: Iterable[Path]) -> None:
    """Every target is a regular file or free, in real directories: nothing is written through a link."""
    for target in targets:
        for place in (target, *target.parents):
            if place.is_symlink():
                raise ConfigurationError(f"{str(place)!r} is a symbolic link; nothing is written through it")
            if place.exists() and not (place.is_file() if place == target else place.is_dir()):
                raise ConfigurationError(
                    f"{str(place)!r} is in the way: not a {'file' if place == target else 'directory'}"
                )
            if place == convex:
                break


def _refuse_stock_handler(directory: Path, contents: Iterable[Path]) -> None:
    for file in contents:
        if file.exists() and _STOCK_HANDLER in file.read_bytes():
            raise ConflictError(
                f"{str(file.relative_to(directory))!r} is the handler of @mastra/convex, which TypeScript needs; "
                "put ours beside it with --path mastra_py",
                operation="INIT",
            )


def _write(file: Path, content: bytes, *, force: bool) -> ScaffoldedFile:
    if file.exists():
        if file.read_bytes() == content:
            return ScaffoldedFile(file, "unchanged")
        if not force:
            return ScaffoldedFile(file, "kept")
        file.write_bytes(content)
        return ScaffoldedFile(file, "overwritten")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as new:
        new.write(content)
    return ScaffoldedFile(file, "created")


def _schema_lines(path: str) -> str:
    return (
        'import { defineSchema } from "convex/server";\n'
        f'import {{ mastraTables }} from "./{path}/schema";\n'
        "\nexport default defineSchema({\n  ...mastraTables,\n  // the other tables of your app\n});\n"
    )


def _missing_lines(text: str, tables: Iterable[Table], path: str, *, stock: bool) -> str | None:
    """The lines to add to an existing schema; None when it has them."""
    if not stock:
        has_them = f"./{path}/schema" in text and "...mastraTables" in text
        return None if has_them else _schema_lines(path)
    lines = index_lines_ts(tables).replace(f'"./{DEFAULT_PATH}/schema"', f'"./{path}/schema"')
    telling = ("mastra", ".index(", ".vectorIndex(", "filterFields:")
    wanted = {line.strip() for line in lines.splitlines() if any(word in line for word in telling)}
    return None if wanted <= {line.strip() for line in text.splitlines()} else lines
