"""Writes the files of `mastra-convex init` into a Convex project; prints nothing. Internal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from mastra_convex.deploy.convex_schema import (
    DEFAULT_PATH,
    index_lines_ts,
    schema_options,
    schema_ts,
    with_vector_indexes,
)
from mastra_convex.deploy.manifest import MANIFEST, digest, folders_with_functions, manifest_text, written_before
from mastra_convex.errors import ConfigurationError, ConflictError, ValidationError
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION, split_function
from mastra_convex.tables import Table

FileState = Literal["created", "unchanged", "updated", "overwritten", "removed", "kept"]

_COMPONENT = re.compile(r"[A-Za-z0-9_]{1,64}")
_RESERVED = ("actions", "_generated", "_deps", "_system")
_STOCK_HANDLER = b"@mastra/convex/server"
_STOCK_SCHEMA = "@mastra/convex/schema"


@dataclass(frozen=True)
class ScaffoldedFile:
    """A file of the project, and what was done with it.

    `updated` files were written by an earlier run and not edited since; so were `removed` ones, which this version has
    no more. `kept` ones were edited and left alone: `difference` has the lines of a diff to ours.
    """

    path: Path
    state: FileState
    difference: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scaffold:
    """Reports what was written. `schema_lines` are lines to add to an existing `schema.ts`, None for none."""

    files: tuple[ScaffoldedFile, ...]
    schema: Path
    schema_lines: str | None
    shares_stock_tables: bool
    path: str

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


def scaffold(
    directory: Path,
    tables: Iterable[Table],
    *,
    path: str | None = None,
    vector_dimensions: Sequence[int] | None = None,
    vector_filter_fields: Sequence[str] | None = None,
    force: bool = False,
) -> Scaffold:
    """Puts the functions into `directory/convex/<path>/`, and `directory/convex/schema.ts` when there is none.

    Options that are None are those of the run before, if there was one. A file that was edited is kept, or with `force`
    overwritten; others are brought to this version. Everything is checked before the first write. Raises
    ConfigurationError for a target that is a symbolic link or no regular file, ConflictError where the handler of
    `@mastra/convex` has the place.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{str(directory)!r} is not a directory")
    convex = directory / "convex"
    path = check_path(_path_before(convex) if path is None else path)
    folder = convex / path
    _check_targets(convex, [folder / "schema.ts", folder / MANIFEST])
    declared = list(tables)
    chosen = _chosen_tables(folder, declared, vector_dimensions, vector_filter_fields)
    contents = dict(_contents(chosen))
    before = written_before(folder, declared)
    schema = _existing_schema(convex) or convex / "schema.ts"
    _check_targets(convex, [*(folder / name for name in {**before, **contents}), schema])
    if not force:
        _refuse_stock_handler(directory, [folder / name for name in contents])
    done = [_write(folder / name, content, before.get(name), force=force) for name, content in contents.items()]
    gone = [name for name in before if name not in contents and (folder / name).exists()]
    done += [_remove(folder / name, before[name], force=force) for name in gone]
    kept = {file.path for file in done if file.state == "kept"}
    hashes = {name: digest(content) for name, content in contents.items()} | {
        name: hash for name, hash in before.items() if folder / name in kept
    }
    (folder / MANIFEST).write_text(manifest_text(hashes), encoding="utf-8")
    lines, stock = None, False
    if schema.exists():
        text = schema.read_text(encoding="utf-8", errors="replace")
        stock = _STOCK_SCHEMA in text
        lines = _missing_lines(text, chosen, path, stock=stock)
    else:
        done.append(_write(schema, _schema_lines(path).encode(), None, force=False))
    return Scaffold(tuple(done), schema, lines, stock, path)


def _path_before(convex: Path) -> str:
    """The folder of an earlier run; ConfigurationError where there are several."""
    paths = list(folders_with_functions(convex)) if convex.is_dir() else []
    if len(paths) > 1:
        raise ConfigurationError(
            f"{str(convex)!r} has our functions in several folders; --path says which: {', '.join(paths)}"
        )
    return paths[0] if paths else DEFAULT_PATH


def _chosen_tables(
    folder: Path, tables: list[Table], dimensions: Sequence[int] | None, filter_fields: Sequence[str] | None
) -> list[Table]:
    """The tables with the vector indexes of these options; those that are None are read from the present schema."""
    schema = folder / "schema.ts"
    if schema.exists():
        before = schema_options(schema.read_text(encoding="utf-8", errors="replace"))
        dimensions = before.vector_dimensions if dimensions is None else dimensions
        filter_fields = before.vector_filter_fields if filter_fields is None else filter_fields
    return with_vector_indexes(tables, dimensions or (), filter_fields=filter_fields or ())


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


def _write(file: Path, content: bytes, before: str | None, *, force: bool) -> ScaffoldedFile:
    """Writes a file; `before` is the hash of what an earlier run wrote there."""
    if file.exists():
        present = file.read_bytes()
        if digest(present) == digest(content):
            return ScaffoldedFile(file, "unchanged")
        is_edited = digest(present) != before
        if is_edited and not force:
            return ScaffoldedFile(file, "kept", _difference(present, content))
        file.write_bytes(content)
        return ScaffoldedFile(file, "overwritten" if is_edited else "updated")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as new:
        new.write(content)
    return ScaffoldedFile(file, "created")


def _remove(file: Path, before: str, *, force: bool) -> ScaffoldedFile:
    """Removes a file of an earlier version, which imports what is no longer there."""
    present = file.read_bytes()
    if digest(present) != before and not force:
        return ScaffoldedFile(file, "kept", _difference(present, b""))
    file.unlink()
    return ScaffoldedFile(file, "removed")


def _difference(present: bytes, ours: bytes) -> tuple[str, ...]:
    """The lines of a diff from our text to the present one, without those that are equal."""
    before, after = (content.decode("utf-8", "replace").splitlines() for content in (ours, present))
    diff = list(unified_diff(before, after, n=0, lineterm=""))[2:]  # without the names of the files
    return tuple(line for line in diff if not line.startswith("@@"))


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
    lines = index_lines_ts(tables, path=path)
    telling = ("mastra", ".index(", ".vectorIndex(", "filterFields:")
    wanted = {line.strip() for line in lines.splitlines() if any(word in line for word in telling)}
    return None if wanted <= {line.strip() for line in text.splitlines()} else lines
