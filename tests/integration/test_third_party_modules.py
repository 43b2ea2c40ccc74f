"""Modules as others write them, from the manual alone, on a real node."""

from __future__ import annotations

import http.client
import json
import sys
import urllib.parse
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.integration.daemon import Daemon, wait_until
from tests.integration.modules import add_module, count, intervals, modules_folder, rows

if TYPE_CHECKING:
    from joule.api import TcpNode

pytestmark = pytest.mark.slow

MAINS, SHIFTED, EDGES, EVENTS = "/live/mains", "/live/shifted", "/live/edges", "/live/edge events"

SAMPLER = """
# A reader with state of its own, setup, a cache and blocks of uneven length.
import joule

class Sampler(joule.client.ReaderModule):
    "Numbers and their squares, 1000 a second"

    def custom_args(self, parser):
        grp = parser.add_argument_group("module", "module specific arguments")
        grp.add_argument("--rate", type=int, required=True, help="rows a second")
        parser.description = self.__doc__

    async def setup(self, parsed_args, app, output):
        self.next_ts = joule.utilities.time_now()
        output.enable_cache(50)

    async def run(self, parsed_args, output):
        step = int(1e6 / parsed_args.rate)
        n = 0
        while not self.stop_requested:
            block = np.arange(n, n + 1 + n % 37)
            await output.write(np.vstack((self.next_ts + block * step, block % 100, block)).T)
            n = block[-1] + 1
            await asyncio.sleep(len(block) / parsed_args.rate)

if __name__ == "__main__":
    my_reader = Sampler()
    my_reader.start()
"""

SHIFT = """
# A filter that consumes whole groups of ten rows only, and leaves the rest for later.
from joule.errors import EmptyPipeError

class Shift(FilterModule):
    def custom_args(self, parser):
        parser.add_argument("--offset", type=int, default=0)

    async def run(self, parsed_args, inputs, outputs):
        stream_in = inputs["input"]
        stream_out = outputs["output"]
        while True:
            try:
                sarray = await stream_in.read()
            except EmptyPipeError:
                break
            whole = len(sarray) // 10 * 10
            sarray["data"] += parsed_args.offset
            if whole:
                await stream_out.write(sarray[:whole])
            stream_in.consume(whole)
            if stream_in.end_of_interval:
                await stream_out.close_interval()

if __name__ == "__main__":
    Shift().start()
"""

DETECTOR = """
# A filter with a web interface; finds edges, writes them as events with numpy times.
import pathlib, string
from aiohttp import web
import joule.api
from joule.api import Annotation, Event

HERE = pathlib.Path(__file__).parent / "detector"
TEMPLATE = string.Template((HERE / "templates" / "index.html").read_text())

class Detector(FilterModule):
    async def setup(self, parsed_args, app, inputs, outputs):
        app["state"] = {"edges": 0}
        self.events = await self.node.event_stream_get("EVENTS", create=True)
        self.source = inputs["input"].stream

    async def run(self, parsed_args, inputs, outputs):
        while await inputs["input"].not_empty():
            data = await inputs["input"].read()
            edges = np.flatnonzero(np.diff(data["data"][:, 0]) < 0)
            times = data["timestamp"][edges + 1]
            events = [
                Event(start_time=t, end_time=t + np.int64(1000),
                      content={"height": data["data"][i, 0], "index": i})
                for i, t in zip(edges, times)
            ]
            if events:
                await self.node.event_stream_write(self.events, events)
                rows = np.column_stack([times, data["data"][edges, 0]])
                await outputs["output"].write(rows)
            self._app_state["edges"] += len(events)
            inputs["input"].consume(len(data) - 1)
            if inputs["input"].end_of_interval:
                inputs["input"].consume_all()
            await asyncio.sleep(0.1)

    def routes(self):
        return [
            web.get("/", self.index),
            web.get("/count.json", self.count),
            web.post("/annotate", self.annotate),
            web.static("/assets", HERE / "assets"),
        ]

    @property
    def _app_state(self):
        return self._app["state"]

    async def index(self, request):
        names = [element.name for element in self.source.elements]
        page = TEMPLATE.substitute(stream=self.source.name, elements=", ".join(names))
        return web.Response(text=page, content_type="text/html")

    async def count(self, request):
        return web.json_response(request.app["state"])

    async def annotate(self, request):
        form = await request.post()
        annotation = Annotation(form["title"], start=int(form["start"]), end=int(form["end"]))
        annotation.content = form.get("content", "")
        made = await self.node.annotation_create(annotation, self.source)
        return web.json_response({"id": made.id})

if __name__ == "__main__":
    Detector().start()
""".replace("EVENTS", EVENTS)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A node with these three modules and files that are wrong."""
    with Daemon(tmp_path_factory.mktemp("third")) as daemon:
        outputs = {"output": f"{MAINS}:int32[phase, number]"}
        add_module(daemon, "sampler", SAMPLER, arguments={"rate": "1000"}, outputs=outputs)
        add_module(
            daemon,
            "shift",
            SHIFT,
            arguments={"offset": "1000"},
            inputs={"input": MAINS},
            outputs={"output": f"{SHIFTED}:int32[phase, number]"},
        )
        add_module(
            daemon,
            "detector",
            DETECTOR,
            inputs={"input": MAINS},
            outputs={"output": f"{EDGES}:float64[height]"},
        )
        file = modules_folder(daemon) / "detector.conf"
        file.write_text(file.read_text().replace("[Main]", "[Main]\nis_app = yes"))
        site = daemon.folder / "scripts" / "detector"
        for name, text in {
            "templates/index.html": "<h1>$stream: $elements</h1>",
            "assets/style.css": "h1 {color: green}",
        }.items():
            (site / name).parent.mkdir(parents=True)
            (site / name).write_text(text)
        (modules_folder(daemon) / "typo.conf").write_text("[Main]\nname = typo\nexec = x\n")
        (modules_folder(daemon) / "broken.conf").write_text(
            f"[Main]\nname = broken\nexec_cmd = {sys.executable}\n[Inputs]\ninput = nonsense\n"
        )
        yield daemon.start()


def ask(daemon: Daemon, method: str, path: str, form: dict[str, Any] | None = None) -> Any:
    """Ask the detector's web interface through the node."""
    app = next(
        a["id"] for a in json.loads(raw(daemon, "GET", "/app.json")[1]) if "det" in a["name"]
    )
    return raw(daemon, method, f"/app/{app}/{path}", form)


def raw(
    daemon: Daemon, method: str, path: str, form: dict[str, Any] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    try:
        headers = {"X-API-KEY": daemon.key}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def running(daemon: Daemon, path: str, least: int) -> None:
    def logs() -> str:
        names = ("sampler", "shift", "detector")
        return daemon.text + "".join(daemon.joule("module", "logs", n).stdout for n in names)

    wait_until(lambda: count(daemon, path) >= least, 30, logs)


def test_partial_consumption_loses_and_repeats_nothing(node: Daemon) -> None:
    running(node, SHIFTED, 2000)
    shifted = rows(node, SHIFTED)
    source = rows(node, MAINS)
    first = int(np.searchsorted(source["timestamp"], shifted["timestamp"][0]))
    source = source[first : first + len(shifted)]
    assert np.array_equal(shifted["timestamp"], source["timestamp"])
    assert np.array_equal(shifted["data"], source["data"] + 1000)
    assert len(intervals(node, MAINS)) == len(intervals(node, SHIFTED)) == 1


def test_the_output_is_input_plus_offset_also_when_both_are_decimated(node: Daemon) -> None:
    running(node, SHIFTED, 5000)
    start, end = intervals(node, SHIFTED)[0]

    async def reading(ours: TcpNode, path: str) -> Any:
        async with await ours.data_read(path, start, end, max_rows=500) as pipe:
            level = pipe.decimation_level
            return level, await pipe.read_all(flatten=True)

    level, source = node.ask(lambda ours: reading(ours, MAINS))
    same, shifted = node.ask(lambda ours: reading(ours, SHIFTED))
    assert level == same > 1
    assert source.shape == shifted.shape
    assert source.shape[1] == 7
    assert np.array_equal(source[:, 0], shifted[:, 0])
    np.testing.assert_allclose(shifted[:, 1:], source[:, 1:] + 1000, rtol=1e-6)


def test_events_with_numpy_times_and_contents_are_stored(node: Daemon) -> None:
    running(node, EDGES, 5)
    edges = rows(node, EDGES)
    events = node.ask(lambda ours: ours.event_stream_read_list(EVENTS, limit=5))
    assert [event.start_time for event in events] == edges["timestamp"][:5].tolist()
    assert [event.content["height"] for event in events] == edges["data"][:5, 0].tolist()
    assert [event.end_time for event in events] == [event.start_time + 1000 for event in events]
    assert {event.content["height"] for event in events} == {99}


def test_pages_with_templates_and_static_files_are_served(node: Daemon) -> None:
    running(node, EDGES, 1)
    assert ask(node, "GET", "") == (200, "<h1>mains: phase, number</h1>")
    assert ask(node, "GET", "assets/style.css") == (200, "h1 {color: green}")
    assert ask(node, "GET", "assets/none.css")[0] == 404
    status, text = ask(node, "GET", "count.json")
    assert status == 200
    assert json.loads(text)["edges"] > 0


def test_a_form_makes_an_annotation(node: Daemon) -> None:
    running(node, EDGES, 1)
    (start, end), *_ = intervals(node, MAINS)
    form = {"title": "Kettle & tea", "start": start, "end": end, "content": "äöü"}
    status, text = ask(node, "POST", "annotate", form)
    assert status == 200, text
    (found,) = node.ask(lambda ours: ours.annotation_get(MAINS))
    assert (found.id, found.title, found.content) == (
        json.loads(text)["id"],
        "Kettle & tea",
        "äöü",
    )
    assert (found.start, found.end) == (start, end)


def test_files_that_are_wrong_are_told_with_their_reason(node: Daemon) -> None:
    names = {module.name: module.state for module in node.ask(lambda ours: ours.module_list())}
    assert {"sampler", "shift", "detector", "broken"} <= names.keys()
    assert names["broken"] == "failed to load"
    assert "typo.conf" in node.text
    assert "nonsense" in node.joule("module", "logs", "broken").stdout
