"""Studio's files are given out as they are, with the settings of this server, and fetched only when they are right."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

import mastra_convex.view.studio
from mastra_convex import ConvexStore
from mastra_convex.errors import ConfigurationError
from mastra_convex.view.app import view_app
from mastra_convex.view.studio import StudioFiles, add_routes, fetch
from mastra_convex.view.studio.fetch import Release
from tests.view.studio.asking import TOKEN, Client

_INDEX = "<base href='%%MASTRA_STUDIO_BASE_PATH%%/'>%%MASTRA_SERVER_HOST%%:%%MASTRA_SERVER_PORT%%|%%MASTRA_TEMPLATES%%|"
_FILES = {"index.html": _INDEX, "assets/main.js": "run()", "assets/style.css": "a {}"}

Publish = Callable[[dict[str, str]], Awaitable[Release]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files" / "studio"
    for name, text in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[Client]:
    async with ConvexStore.local(":memory:") as store:
        app = view_app(store, token=TOKEN, extensions=[add_routes, StudioFiles(folder).add_to])
        async with TestClient(TestServer(app)) as client:
            await client.get("/login", params={"token": TOKEN}, allow_redirects=False)
            yield client


async def test_every_path_has_the_page_with_the_settings_of_this_server(client: Client) -> None:
    for path in ("/studio", "/studio/", "/studio/agents/r-x/threads/~b2Rk", "/studio/index.html"):
        async with client.get(path) as response:
            assert await response.text() == f"<base href='/studio/'>127.0.0.1:{client.port}||"
            assert response.content_type == "text/html"
            assert response.headers["Content-Security-Policy"].startswith("default-src 'self'; connect-src 'self'")
            assert response.headers["X-Frame-Options"] == "DENY"


async def test_assets_are_given_out_as_they_are(client: Client) -> None:
    for path, content_type in (("main.js", "text/javascript"), ("style.css", "text/css")):
        async with client.get(f"/studio/assets/{path}") as response:
            assert (await response.text(), response.content_type) == (_FILES[f"assets/{path}"], content_type)
    async with client.get("/studio/assets/other.js") as response:
        assert response.status == 404
    async with client.get("/studio/refresh-events") as response:
        assert response.status == 204


@pytest.mark.parametrize("path", ["..%2Fsecret.txt", "assets%2F..%2F..%2Fsecret.txt", "%2Fetc%2Fpasswd", "link.txt"])
async def test_nothing_outside_the_folder_is_given_out(client: Client, folder: Path, path: str) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    async with client.get(URL(f"/studio/{path}", encoded=True)) as response:
        text = await response.text()
    assert "secret" not in text
    assert "root:" not in text


async def test_without_the_token_there_is_nothing(client: Client) -> None:
    client.session.cookie_jar.clear()
    for path in ("/studio", "/studio/assets/main.js", "/api/agents"):
        async with client.get(path) as response:
            assert response.status == 401


def test_a_folder_without_studio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no index\.html.*dist/studio"):
        StudioFiles(tmp_path)


@pytest.fixture
async def publish() -> AsyncIterator[Publish]:
    """A registry, which has the archive that a test publishes."""
    archives: list[bytes] = []

    async def archive(request: web.Request) -> web.Response:
        return web.Response(body=archives.pop())  # each fetch is one request

    app = web.Application()
    app.router.add_get("/mastra.tgz", archive)
    async with TestServer(app) as server:

        async def publish(files: dict[str, str]) -> Release:
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:gz") as tar:
                for name, text in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(text)
                    tar.addfile(member, io.BytesIO(text.encode()))
            archives.append(packed.getvalue())
            digest = base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
            return Release("9.9.9", digest, str(server.make_url("/mastra.tgz")))

        yield publish


async def test_the_files_are_fetched_once_after_a_line_about_their_licence(publish: Publish, tmp_path: Path) -> None:
    published = {f"package/dist/studio/{name}": text for name, text in _FILES.items()}
    release = await publish({"package/LICENSE.md": "...", **published})
    told: list[str] = []
    folder = await fetch(told.append, cache=tmp_path, release=release)
    assert _texts(folder) == _FILES
    assert "Apache-2.0" in told[0]
    assert "ee/" in told[0]
    assert await fetch(told.append, cache=tmp_path, release=release) == folder
    assert len(told) == 1


@pytest.mark.parametrize("name", ["package/dist/studio/../../../out.js", "/out.js", "../out.js"])
async def test_an_archive_that_names_files_elsewhere_is_refused(publish: Publish, tmp_path: Path, name: str) -> None:
    release = await publish({"package/dist/studio/index.html": _INDEX, name: "bad()"})
    with pytest.raises(ConfigurationError, match=r"out\.js"):
        await fetch(print, cache=tmp_path / "cache", release=release)
    assert _texts(tmp_path) == {}


async def test_another_archive_than_was_pinned_is_refused(publish: Publish, tmp_path: Path) -> None:
    release = await publish({"package/dist/studio/index.html": _INDEX})
    with pytest.raises(ConfigurationError, match="SHA-512"):
        await fetch(print, cache=tmp_path, release=Release(release.version, "other", release.url))
    assert _texts(tmp_path) == {}


async def test_a_registry_that_lacks_it_is_an_error_that_names_it(publish: Publish, tmp_path: Path) -> None:
    release = await publish({})
    missing = Release(release.version, release.sha512, release.url + ".old")
    with pytest.raises(OSError, match=r"mastra\.tgz\.old cannot be fetched"):
        await fetch(print, cache=tmp_path, release=missing)


def test_this_package_has_no_file_of_studio() -> None:
    folder = Path(mastra_convex.view.studio.__file__).parent
    assert {path.suffix for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts} == {".py"}


def _texts(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
