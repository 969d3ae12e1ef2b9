"""Gets the files of Studio from the npm registry into the user's cache, in the one version that was tried.

They are never part of this package: parts of them are under a licence that does not allow to give them on.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

import aiohttp

from mastra_convex.errors import ConfigurationError

LICENCE: Final = (
    "Mastra Studio is fetched from the npm package mastra {version}: Apache-2.0, but for its parts from folders named "
    "ee/, whose licence allows development and testing only. See LICENSE.md of that package."
)
_FOLDER: Final = PurePosixPath("package/dist/studio")


@dataclass(frozen=True)
class Release:
    """Is a version of the npm package `mastra`.

    Attributes:
        version: its version.
        sha512: the digest of its archive, in base64.
        url: where the archive is.
    """

    version: str
    sha512: str
    url: str


PINNED: Final = Release(
    version="1.31.0",
    sha512="cEGsDuZGsHmhX/+R9JiTFiUhYIAe2BMdnUMGKOqvkUEZeThsV6pY+xUawuxI0Lg5fuzQ3fKMFJpduDpTz+KSyQ==",
    url="https://registry.npmjs.org/mastra/-/mastra-1.31.0.tgz",
)
"""The version that was tried with these routes."""


def cache_folder() -> Path:
    """Returns the folder for what is fetched: that of `MASTRA_CONVEX_CACHE`, or the user's cache."""
    given = os.environ.get("MASTRA_CONVEX_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else Path.home() / ".cache"


async def fetch(tell: Callable[[str], None], *, cache: Path | None = None, release: Release = PINNED) -> Path:
    """Returns a folder with the files of Studio, and fetches them when the cache lacks them.

    Args:
        tell: is called with a line about the licence before anything is fetched.
        cache: the cache; None for that of the user.
        release: the version.

    Raises:
        ConfigurationError: the archive is another one than was pinned, or names files outside its folder; nothing is
            left behind.
        OSError: the registry cannot be reached, or the cache not written.
    """
    folder = (cache or cache_folder()) / f"mastra-convex-studio-{release.version}"
    if not folder.is_dir():
        tell(LICENCE.format(version=release.version))
        archive = await _download(release)
        await asyncio.to_thread(_unpack, archive, folder)
    return folder


async def _download(release: Release) -> bytes:
    try:
        session = aiohttp.ClientSession(trust_env=True, raise_for_status=True)
        async with session, session.get(release.url) as answer:
            archive = await answer.read()
    except aiohttp.ClientError as error:
        raise OSError(f"{release.url} cannot be fetched: {error}") from error
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != release.sha512:
        raise ConfigurationError(f"{release.url} is not what was pinned: its SHA-512 is {digest}; nothing was written")
    return archive


def _unpack(archive: bytes, folder: Path) -> None:
    """Writes the files of Studio to a folder that appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        with tarfile.open(fileobj=BytesIO(archive), mode="r:gz") as files:
            for member in files:
                _write(files, member, new)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _write(files: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        raise ConfigurationError(f"the archive names {member.name!r}, which is no file in its folder")
    content = files.extractfile(member) if name.is_relative_to(_FOLDER) else None
    if content is not None:
        target = folder / name.relative_to(_FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.read())
