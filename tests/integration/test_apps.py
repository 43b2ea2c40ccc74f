"""Web interfaces of modules through a real node, with nothing in between."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import psutil
import pytest

from joule.models.proxies import Proxy
from joule.testing.node import running_node
from tests.integration.browser import Browser
from tests.integration.certificates import self_signed
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import Daemon, wait_until
from tests.integration.modules import modules_folder
from tests.unit.server.site import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MIB = 1 << 20
GROWTH_MAX_BYTES = 48 * MIB
"""How much a node may grow while it passes on far more than that."""

APP = Path(__file__).with_name("own_app.py")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A node with an app of one's own (m0) and the visualizer (m1), both running."""
    with Daemon(tmp_path_factory.mktemp("apps")) as daemon:
        add(daemon, "app", f"{sys.executable} {APP}")
        visualizer = "from joule.client.builtins.visualizer import main; main()"
        add(daemon, "view", f'{sys.executable} -c "{visualizer}" --title Mains')
        daemon.start()
        for app in ("m0", "m1"):
            wait_for(daemon, app)
        yield daemon


def add(daemon: Daemon, name: str, command: str) -> None:
    text = f"""\
        [Main]
        name = {name}
        exec_cmd = {command}
        is_app = yes
        """
    (modules_folder(daemon) / f"{name}.conf").write_text(textwrap.dedent(text))


def key(daemon: Daemon) -> dict[str, str]:
    return {"X-API-KEY": daemon.key}


def wait_for(daemon: Daemon, app: str) -> None:
    def answers() -> bool:
        return daemon.request("GET", f"/app/{app}/", headers=key(daemon))[0] == 200

    wait_until(answers, 30, lambda: f"{app} does not answer\n{daemon.text}")


@pytest.fixture
async def session(node: Daemon) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"{node.url}/", headers=key(node)) as made:
        yield made


async def test_the_apps_are_listed_and_located(session: aiohttp.ClientSession) -> None:
    async with session.get("app.json") as answer:
        apps = await answer.json()
    assert apps == [{"id": "m0", "name": "app"}, {"id": "m1", "name": "view"}]
    async with session.get("app/auth", headers={"X-App-Id": "m1"}) as answer:
        assert answer.headers["X-Proxy-Path"].endswith("/module1:/")


@pytest.mark.parametrize(("app", "status"), [("m0", 200), ("p0", 404), ("m9", 404), ("x", 400)])
def test_a_proxy_in_front_of_the_node_asks_where_an_app_is(
    node: Daemon, app: str, status: int
) -> None:
    headers = {**key(node), "X-App-Id": app, "X-Auth-Required": "true"}
    assert node.request("GET", "/app/auth", headers=headers)[0] == status


async def test_a_page_its_files_and_its_form_work(session: aiohttp.ClientSession) -> None:
    async with session.get("app/m0") as answer:
        assert "<h1>Hello you</h1>" in await answer.text()
        assert answer.url.path == "/app/m0/"
    async with session.get("app/m0/assets/style.css") as answer:
        assert (answer.content_type, await answer.text()) == ("text/css", "h1 {color: red}")
    async with session.post("app/m0/form", data={"name": "x y"}) as answer:
        assert answer.status == 200
        assert answer.url.raw_path_qs == "/app/m0/?saved=x+y"


async def test_the_app_does_not_get_the_key(session: aiohttp.ClientSession, node: Daemon) -> None:
    async with session.get("app/m0/headers") as answer:
        text = await answer.text()
    assert node.key not in text
    assert json.loads(text)["X-Script-Name"] == "/app/m0"


async def test_a_web_socket_works(session: aiohttp.ClientSession) -> None:
    async with session.ws_connect("app/m0/socket") as socket:
        for word in ("one", "two"):
            await socket.send_str(word)
            assert await socket.receive_str() == word.upper()


async def test_events_of_an_app_arrive_one_by_one(session: aiohttp.ClientSession) -> None:
    async with session.get("app/m0/ticks") as answer:
        assert answer.content_type == "text/event-stream"
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"
        await session.post("app/m0/tick")
        assert await answer.content.read() == b"data: 2\n\n"


async def test_100_mib_go_up_and_300_down_in_bounded_memory(
    session: aiohttp.ClientSession, node: Daemon
) -> None:
    assert node.process is not None
    process = psutil.Process(node.process.pid)
    before = process.memory_info().rss
    block, size = bytes(range(256)) * 4096, 100 * MIB

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield block

    async with session.put("app/m0/upload", data=body()) as answer:
        assert (await answer.json())["size"] == size
    peak = process.memory_info().rss
    async with session.get("app/m0/download", params={"mib": 300}) as answer:
        await asyncio.sleep(0.5)  # a slow reader: what is on its way waits somewhere
        peak = max(peak, process.memory_info().rss)
        received = 0
        async for part in answer.content.iter_any():
            received += len(part)
    assert received == 300 * MIB
    assert peak - before < GROWTH_MAX_BYTES


async def test_without_a_key_there_is_nothing(node: Daemon) -> None:
    assert node.request("GET", "/app/m0/") == (403, "403: Forbidden")
    assert node.request("GET", "/app/m0/", headers={"X-API-KEY": "wrong"})[0] == 403


async def test_an_app_that_died_is_a_bad_gateway_until_it_is_back(
    session: aiohttp.ClientSession, node: Daemon
) -> None:
    async with session.get("app/m0/crash") as answer:
        assert answer.status == 502
        # A connection that was used before is tried once more; by then nobody listens.
        assert await answer.text() in (
            "[app] broke off without an answer",
            "[app] has no web interface now, see its log: joule module logs app",
        )
    await asyncio.to_thread(wait_for, node, "m0")


# ------------------------------------------------------------------ sites beside the node


def test_a_site_of_the_main_file_is_reached_below_its_address(tmp_path: Path, node: Daemon) -> None:
    """The site is the other node, which wants a key: the first one's is not passed on."""
    sites = f"[Proxies]\nMy Site = {node.url}/app\nGone = http://127.0.0.1:9\n"
    with ConfiguredDaemon(tmp_path, "first", sites) as first:
        first.start()
        assert first.request("GET", "/app/p0/m0/", headers=key(first)) == (403, "403: Forbidden")
        text = "[gone] cannot be reached at http://127.0.0.1:9/"
        assert first.request("GET", "/interface/p1/x", headers=key(first)) == (502, text)
        text = first.joule("proxy", "info", "my site").stdout
        assert f"{first.url}/interface/p0/" in text


async def test_a_site_whose_certificate_is_not_trusted_is_not_shown(tmp_path: Path) -> None:
    async with serving(tls=self_signed(tmp_path).context()) as site:
        proxy = Proxy("secret", site.url)
        proxy.id = 0
        async with (
            running_node(proxies=[proxy]) as running,
            aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session,
            session.get(f"{running.url}/app/p0/") as answer,
        ):
            text = f"the certificate of [secret] at {site.url} is not trusted"
            assert (answer.status, await answer.text()) == (502, text)
        assert site.requests == []


# ------------------------------------------------------------------ the visualizer


async def test_the_visualizer_works_through_the_node(session: aiohttp.ClientSession) -> None:
    async with session.get("app/m1/") as answer:
        page = await answer.text()
        assert "<title>Mains</title>" in page
    for asset in ("assets/css/visualizer.css", "assets/js/visualizer.js"):
        assert asset in page
        async with session.get(f"app/m1/{asset}") as answer:
            assert answer.status == 200
    async with session.get("app/m1/data.json") as answer:
        assert len(await answer.json()) == 4
    async with session.post("app/m1/reset.json") as answer:
        assert [reading["min"] for reading in await answer.json()] == ["&mdash;"] * 4


@pytest.mark.slow
async def test_the_visualizer_shows_values_in_a_browser(node: Daemon) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs chromium")
    async with Browser(program) as browser:
        await browser.send("Network.enable")
        await browser.send("Network.setExtraHTTPHeaders", headers=key(node))
        await browser.open(f"{node.url}/app/m1/")
        rows = "document.querySelectorAll('#readings tr').length"
        value = "document.querySelector('#readings tr td:nth-child(3)').textContent"
        assert await browser.until(f"{rows} == 4 && Number({value}) > 0")
        assert await browser.value("document.querySelector('h1').textContent") == "Mains"
        colour = "getComputedStyle(document.querySelector('table')).borderCollapse"
        assert await browser.value(colour) == "collapse"  # the style sheet has come
        await browser.value("document.getElementById('reset').click()")
        least = "document.querySelector('#readings tr td:nth-child(4)').textContent"
        assert await browser.until(f"{least} == '\\u2014'")
        assert await browser.value("document.getElementById('status').textContent") == ""
        assert browser.faults == []
