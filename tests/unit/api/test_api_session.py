"""Requests: headers, retries, errors, and connections that follow the event loop."""

from __future__ import annotations

import asyncio
import gc
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from joule.api import Node, Policy, TcpNode, UnixNode
from joule.errors import (
    AccessDeniedError,
    ApiError,
    ConfigurationError,
    InvalidRequestError,
    LockedError,
    NodeConnectionError,
    StreamNotFound,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.testing.node import RunningNode
    from tests.unit.api.support import FakeNode

VERSION = {"version": "2.0", "name": "n", "uuid": "u"}


async def test_every_request_carries_the_key(fake: FakeNode, client: TcpNode) -> None:
    fake.on_json("GET", "/version.json", VERSION)
    assert await client.version() == "2.0"
    assert fake.requests[0].headers["X-API-KEY"] == "key"


async def test_a_path_in_the_url_comes_before_every_route(fake: FakeNode) -> None:
    fake.on_json("GET", "/joule/version.json", VERSION)
    async with TcpNode("n", f"{fake.url}/joule/", "key") as node:
        assert await node.version() == "2.0"
        assert node.url == f"{fake.url}/joule"


async def test_connections_are_used_again(fake: FakeNode, client: TcpNode) -> None:
    fake.on_json("GET", "/version.json", VERSION)
    for _ in range(3):
        await client.version()
    transports = {id(request.transport) for request in fake.requests}
    assert len(transports) == 1


async def test_a_node_survives_several_event_loops(running: RunningNode) -> None:
    def in_other_loops(node: Node) -> list[str]:
        # Neither of these loops is told to close the connections that it leaves open.
        versions = [asyncio.run(node.version()), asyncio.run(node.version())]
        asyncio.run(node.close())
        gc.collect()  # connections that were lost would warn now
        return versions

    by_socket = UnixNode("u", str(running.socket_path))
    by_tcp = TcpNode("n", running.url, running.key)
    for node in (by_socket, by_tcp):
        versions = await asyncio.to_thread(in_other_loops, node)
        assert versions == [await node.version()] * 2
        await node.close()


async def test_a_closed_node_can_be_used_again(fake: FakeNode, client: TcpNode) -> None:
    fake.on_json("GET", "/version.json", VERSION)
    await client.version()
    await client.close()
    await client.close()
    assert await client.version() == "2.0"


async def test_a_node_that_does_not_answer_is_named(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with TcpNode("n", url, "key") as node:
        with pytest.raises(NodeConnectionError) as caught:
            await node.version()
    assert str(caught.value) == f"Cannot contact node at [{url}]"
    assert isinstance(caught.value, ConnectionError)


async def test_the_password_in_a_url_is_not_named(unused_tcp_port: int) -> None:
    place = f"127.0.0.1:{unused_tcp_port}"
    async with TcpNode("n", f"http://me:secret@{place}", "key") as node:
        with pytest.raises(NodeConnectionError) as caught:
            await node.version()
    assert str(caught.value) == f"Cannot contact node at [http://me@{place}]"


async def test_a_url_that_is_none_is_named() -> None:
    async with TcpNode("n", "http://[bad", "key") as node:
        with pytest.raises(ApiError, match=r"http://\[bad"):
            await node.version()


async def test_a_node_that_is_silent_for_too_long_counts_as_gone(fake: FakeNode) -> None:
    released = asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    fake.on("GET", "/version.json", never)
    async with TcpNode("n", fake.url, "key", policy=Policy(timeout_s=0.05)) as node:
        with pytest.raises(NodeConnectionError, match="Cannot contact node"):
            await node.version()
    released.set()


async def test_an_error_has_the_text_the_status_and_the_type_of_the_node(
    fake: FakeNode, client: TcpNode
) -> None:
    fake.on_text(
        "GET",
        "/stream.json",
        "stream is locked",
        status=400,
        headers={"X-Joule-Fault": "LockedError"},
    )
    with pytest.raises(LockedError) as caught:
        await client.data_stream_get(1)
    assert str(caught.value) == "stream is locked [400]"
    assert caught.value.status == 400


async def test_an_older_node_is_understood_by_status_and_text(
    fake: FakeNode, client: TcpNode
) -> None:
    fake.on_text("GET", "/stream.json", "404: stream does not exist", status=404)
    with pytest.raises(StreamNotFound) as caught:
        await client.data_stream_get("/a/b")
    assert str(caught.value) == "stream does not exist [404]"


async def test_a_reason_in_json_is_unwrapped(fake: FakeNode, client: TcpNode) -> None:
    fake.on_json("POST", "/master.json", {"error": "auth_key [422]"}, status=400)
    with pytest.raises(InvalidRequestError) as caught:
        await client.master_add("lumen", "host", {})
    assert str(caught.value) == "auth_key [422] [400]"


async def test_a_wrong_key_is_refused(running: RunningNode) -> None:
    async with TcpNode("n", running.url, "wrong") as node:
        with pytest.raises(AccessDeniedError, match=r"\[403\]"):
            await node.version()


@pytest.mark.parametrize("text", ["<html>", "", "[1"])
async def test_an_answer_that_is_no_json_is_an_error(
    fake: FakeNode, client: TcpNode, text: str
) -> None:
    fake.on_text("GET", "/folders.json", text)
    with pytest.raises(ApiError, match="Invalid node response"):
        await client.folder_root()


@pytest.mark.parametrize("value", [[], None, {"id": 1}, {"name": 5}])
async def test_an_answer_of_another_form_is_an_error(
    fake: FakeNode, client: TcpNode, value: object
) -> None:
    fake.on_json("GET", "/folders.json", value)
    with pytest.raises(ApiError, match="Invalid node response"):
        await client.folder_root()


async def test_a_gateway_in_trouble_is_asked_again(fake: FakeNode, client: TcpNode) -> None:
    async def at_last(_: web.Request) -> web.Response:
        if len(fake.requests) < 3:
            return web.Response(status=502)
        return web.json_response(VERSION)

    fake.on("GET", "/version.json", at_last)
    assert await client.version() == "2.0"
    assert len(fake.requests) == 3


async def test_a_gateway_that_stays_in_trouble_is_given_up(fake: FakeNode, client: TcpNode) -> None:
    fake.on_text("GET", "/version.json", "bad gateway", status=502)
    with pytest.raises(ApiError) as caught:
        await client.version()
    assert str(caught.value) == "API Error [502]: max retry count exceeded"
    assert len(fake.requests) == 3


@pytest.mark.parametrize(("status", "requests"), [(502, 1), (503, 3), (504, 1)])
async def test_a_change_is_only_asked_again_when_it_was_not_passed_on(
    fake: FakeNode, client: TcpNode, status: int, requests: int
) -> None:
    fake.on_text("PUT", "/folder/move.json", "gateway", status=status)
    with pytest.raises(ApiError, match=rf"\[{status}\]"):
        await client.folder_move("/a", "/b")
    assert len(fake.requests) == requests


@pytest.mark.parametrize(
    ("status", "headers"), [(500, {}), (400, {}), (503, {"X-Joule-Fault": "ApiError"})]
)
async def test_what_the_node_itself_answers_is_not_asked_again(
    fake: FakeNode, client: TcpNode, status: int, headers: dict[str, str]
) -> None:
    fake.on_text("GET", "/version.json", "no", status=status, headers=headers)
    with pytest.raises(ApiError, match=rf"^no \[{status}\]$"):
        await client.version()
    assert len(fake.requests) == 1


# ------------------------------------------------------------------ certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=node -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
async def secure_url(certificate: Path) -> AsyncIterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.parent / "key.pem")

    async def version(_: web.Request) -> web.Response:
        return web.json_response(VERSION)

    application = web.Application()
    application.router.add_get("/version.json", version)
    server = TestServer(application, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=context)
    yield f"https://127.0.0.1:{server.port}"
    await server.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure_url: str) -> None:
    async with TcpNode("n", secure_url, "k") as node:
        with pytest.raises(NodeConnectionError) as caught:
            await node.version()
    assert str(caught.value) == "the specified certificate authority did not validate this server"


async def test_a_given_authority_vouches_for_a_node(secure_url: str, certificate: Path) -> None:
    async with TcpNode("n", secure_url, "k", str(certificate)) as node:
        assert await node.version() == "2.0"


async def test_a_certificate_is_for_one_host_only(secure_url: str, certificate: Path) -> None:
    url = secure_url.replace("127.0.0.1", "localhost")
    async with TcpNode("n", url, "k", str(certificate)) as node:
        with pytest.raises(NodeConnectionError, match="did not validate"):
            await node.version()


async def test_verification_can_be_switched_off(secure_url: str) -> None:
    async with Node(secure_url, key="k", verify=False) as node:
        assert await node.version() == "2.0"


@pytest.mark.parametrize("content", ["no certificate", None])
async def test_an_authority_that_cannot_be_used_is_named(
    content: str | None, secure_url: str, tmp_path: Path
) -> None:
    cafile = tmp_path / "ca.crt"
    if content is not None:
        cafile.write_text(content)
    async with TcpNode("n", secure_url, "k", str(cafile)) as node:
        with pytest.raises(ConfigurationError, match=r"certificate authority \[.*ca\.crt\]"):
            await node.version()
