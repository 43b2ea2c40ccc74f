"""The web interface of a module, and the visualizer that is one."""

from __future__ import annotations

import asyncio
import socket
import stat
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from aiohttp import ClientSession, UnixConnector, web

from joule.client import FilterModule, ReaderModule
from joule.client.arguments import UNSET
from joule.client.base_module import state_key, task_key
from joule.client.builtins.visualizer import Visualizer
from joule.client.web import make_app, start_interface
from joule.errors import ConfigurationError
from joule.models.pipes import LocalPipe
from joule.models.streams import DataStream, Element
from tests.unit.client.support import args, rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class Page(FilterModule):
    """Shows what setup has left in its state."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.page)]

    async def setup(self, parsed_args: Any, app: Any, inputs: Any, outputs: Any) -> None:
        app[state_key]["text"] = "ready"

    async def run(self, parsed_args: Any, inputs: Any, outputs: Any) -> None:
        await asyncio.Event().wait()

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text=request.app[state_key]["text"])


@asynccontextmanager
async def served(
    module: FilterModule, inputs: dict[str, Any], path: Path, **more: Any
) -> AsyncIterator[ClientSession]:
    """Run a module with its interface on a UNIX socket."""
    module.parsed_args = args(socket=str(path), **more)
    async with AsyncExitStack() as stack:
        module._resources = await stack.enter_async_context(AsyncExitStack())
        task = asyncio.create_task(module.process(module.parsed_args, inputs, {}))
        async with ClientSession("http://module", connector=UnixConnector(str(path))) as session:
            await until(path.exists)
            yield session
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - there is nothing to be told by
            await asyncio.sleep(0.001)


async def test_the_interface_answers_once_setup_is_done(tmp_path: Path) -> None:
    path = tmp_path / "module0"
    async with served(Page(), {}, path) as session, session.get("/") as answer:
        assert await answer.text() == "ready"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_without_a_socket_it_takes_a_free_port(capsys: pytest.CaptureFixture[str]) -> None:
    runner = await start_interface(make_app([]), None, "127.0.0.1", None)
    assert "web interface at http://127.0.0.1:8" in capsys.readouterr().err
    await runner.cleanup()


async def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"):
            await start_interface(make_app([]), None, "127.0.0.1", port)


async def test_an_app_without_routes_is_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    module = FilterModule()
    module.parsed_args = args(socket="/somewhere")
    assert module.make_app() is None
    assert "no routes" in caplog.text
    caplog.clear()
    module.parsed_args = args(socket=UNSET)
    assert module.make_app() is None
    assert caplog.text == ""


async def test_a_development_server_runs_the_module_beside_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dev(Page):
        async def run_alone(self, parsed_args: Any) -> None:
            await self.process(parsed_args, {}, {})

    conf = tmp_path / "module.conf"
    conf.write_text("[Main]\nname = m\nexec_cmd = m\n")
    with pytest.raises(ConfigurationError, match="JOULE_MODULE_CONFIG"):
        Dev().create_dev_app()
    monkeypatch.setenv("JOULE_MODULE_CONFIG", str(conf))
    app = Dev().create_dev_app()
    runner = web.AppRunner(app)
    await runner.setup()
    (task,) = app[task_key]
    await until(lambda: "text" in app[state_key])
    assert not task.done()
    await runner.cleanup()
    assert task.done()


@pytest.mark.parametrize("given", [None, object(), ["--rate", "2"]])
def test_a_development_server_may_pass_something_along(
    given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dev(ReaderModule):
        def custom_args(self, parser: argparse.ArgumentParser) -> None:
            parser.add_argument("--rate", default="1")

        def routes(self) -> list[web.RouteDef]:
            return [web.get("/", self.page)]

        async def page(self, request: web.Request) -> web.Response:
            return web.Response()

    conf = tmp_path / "module.conf"
    conf.write_text("[Main]\nname = m\nexec_cmd = m\n")
    monkeypatch.setenv("JOULE_MODULE_CONFIG", str(conf))
    module = Dev()
    assert isinstance(module.create_dev_app(given), web.Application)
    assert module.parsed_args.rate == ("2" if given == ["--rate", "2"] else "1")


# ------------------------------------------------------------------ the visualizer


def meter(name: str, *elements: str) -> LocalPipe:
    stream = DataStream(name, elements=[Element(element) for element in elements])
    return LocalPipe(stream=stream)


async def test_the_visualizer_shows_the_newest_values_and_their_extremes(tmp_path: Path) -> None:
    inputs = {"a": meter("power", "P", "Q"), "b": meter("heat", "T")}
    module = Visualizer()
    async with served(module, inputs, tmp_path / "m", title="A <b>") as session:
        await until(lambda: len(module._readings) == 3)
        await inputs["a"].write(rows("float32_2", [1, 2], [[1, 10], [3, 20]]))
        await until(lambda: module._readings[0].value == 2.0)
        await inputs["a"].write(rows("float32_2", [3], [[0, 5]]))
        await until(lambda: module._readings[0].value == 0.0)
        async with session.get("/data.json") as answer:
            first, second, third = await answer.json()
        assert first == {
            "stream": "power",
            "element": "P",
            "value": 0.0,
            "min": 0.0,
            "max": 3.0,
            "id": 0,
        }
        assert (second["value"], second["min"], second["max"]) == (5.0, 5.0, 20.0)
        assert third == {
            "stream": "heat",
            "element": "T",
            "value": "&mdash;",
            "min": "&mdash;",
            "max": "&mdash;",
            "id": 2,
        }
        async with session.post("/reset.json") as answer:
            first, *_ = await answer.json()
        assert (first["value"], first["min"], first["max"]) == (0.0, "&mdash;", "&mdash;")


async def test_its_page_has_the_title_and_finds_its_assets(tmp_path: Path) -> None:
    async with served(Visualizer(), {}, tmp_path / "m", title="A <b>") as session:
        async with session.get("/") as answer:
            page = await answer.text()
        assert "<title>A &lt;b&gt;</title>" in page
        for asset in ("assets/css/visualizer.css", "assets/js/visualizer.js"):
            assert f'"{asset}"' in page
            async with session.get(f"/{asset}") as answer:
                assert answer.status == 200


async def test_without_inputs_it_shows_four_random_values(tmp_path: Path) -> None:
    module = Visualizer()
    async with served(module, {}, tmp_path / "m", title="t") as session:
        await until(lambda: bool(module._readings) and module._readings[3].value != "&mdash;")
        async with session.get("/data.json") as answer:
            readings = await answer.json()
    assert [reading["stream"] for reading in readings] == ["test"] * 4
    assert all(np.isfinite(reading["value"]) for reading in readings)
