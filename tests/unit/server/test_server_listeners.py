from __future__ import annotations

import asyncio
import shutil
import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from joule.server import Server, TcpListener

if TYPE_CHECKING:
    from pathlib import Path


def hello() -> web.Application:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", handler)
    return app


async def test_without_a_tcp_listener_only_the_socket_answers(tmp_path: Path) -> None:
    socket_path = tmp_path / "api"
    async with Server(hello(), socket_path=socket_path) as server:
        assert server.tcp_port is None
        connector = aiohttp.UnixConnector(str(socket_path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get("http://localhost/") as response,
        ):
            assert await response.text() == "hello"
    assert not socket_path.exists()


async def test_a_socket_file_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    socket_path = tmp_path / "api"
    left = await asyncio.start_unix_server(lambda *_: None, str(socket_path))
    left.close()
    await left.wait_closed()
    assert socket_path.exists()
    async with Server(hello(), socket_path=socket_path):
        pass


async def test_a_port_in_use_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    async with Server(
        hello(), socket_path=tmp_path / "one", tcp=TcpListener("127.0.0.1", 0)
    ) as first:
        assert first.tcp_port is not None
        taken = TcpListener("127.0.0.1", first.tcp_port)
        second = Server(hello(), socket_path=tmp_path / "two", tcp=taken)
        with pytest.raises(OSError, match="address already in use"):
            await second.__aenter__()
        with pytest.raises(OSError, match=r"two|refused|No such file"):
            await asyncio.open_unix_connection(str(tmp_path / "two"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
async def test_tcp_can_be_encrypted(tmp_path: Path) -> None:
    certificate, key = tmp_path / "node.crt", tmp_path / "node.key"
    making = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(key), "-out", str(certificate),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await making.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    tcp = TcpListener("127.0.0.1", 0, context)
    async with Server(hello(), socket_path=tmp_path / "api", tcp=tcp) as server:
        trusting = ssl.create_default_context(cafile=str(certificate))
        url = f"https://127.0.0.1:{server.tcp_port}/"
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, ssl=trusting) as response,
        ):
            assert await response.text() == "hello"
