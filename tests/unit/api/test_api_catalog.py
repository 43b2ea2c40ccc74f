"""Folders, data streams, annotations, modules and proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.api import Annotation, DataStream, Element, Folder, TcpNode
from joule.errors import (
    ApiError,
    ConflictError,
    InvalidRequestError,
    LockedError,
    NotFoundError,
    StreamNotFound,
)
from joule.models.modules import Module, ModuleConfiguration, ModuleStatistics
from joule.models.proxies import Proxy
from joule.testing.node import NoModules, running_node
from tests.unit.api.support import stream_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from joule.testing.node import RunningNode
    from tests.unit.api.support import FakeNode


async def test_the_root_holds_everything(node: TcpNode) -> None:
    await node.data_stream_create(stream_of(), "/a/b")
    root = await node.folder_root()
    assert repr(root) == f"<joule.api.Folder id={root.id} name='root' description=None locked=True>"
    assert root.children[0].children[0].data_streams[0].name == "stream"


async def test_a_folder_can_be_named_by_path_id_or_object(node: TcpNode) -> None:
    await node.data_stream_create(stream_of(), "/a/b")
    by_path = await node.folder_get("/a")
    by_id = await node.folder_get(by_path.id)
    by_object = await node.folder_get(by_path)
    assert by_path.id == by_id.id == by_object.id


async def test_a_missing_folder_has_the_documented_error(node: TcpNode) -> None:
    with pytest.raises(NotFoundError) as caught:
        await node.folder_get("/does/not/exist")
    assert str(caught.value) == "folder does not exist [404]"


async def test_folders_are_renamed_moved_and_deleted(node: TcpNode) -> None:
    await node.data_stream_create(stream_of(), "/parent1/my_folder")
    folder = await node.folder_get("/parent1/my_folder")
    folder.name, folder.description = "new name", "about it"
    await node.folder_update(folder)
    await node.folder_move("/parent1/new name", "/parent2/deep")
    moved = await node.folder_get("/parent2/deep/new name")
    assert (moved.id, moved.description) == (folder.id, "about it")
    with pytest.raises(ApiError) as caught:
        await node.folder_delete("/parent2")
    assert str(caught.value) == "specify [recursive] or remove child folders first [400]"
    await node.folder_delete("/parent2", True)
    with pytest.raises(StreamNotFound):
        await node.data_stream_get("/parent2/deep/new name/stream")


async def test_the_root_is_locked(node: TcpNode) -> None:
    with pytest.raises(LockedError, match=r"folder is locked \[400\]"):
        await node.folder_delete("/", recursive=True)


async def test_a_local_object_has_no_id(client: TcpNode) -> None:
    for call in (
        client.folder_get(Folder("f")),
        client.folder_update(Folder("f")),
        client.data_stream_get(DataStream("s")),
        client.data_stream_update(DataStream("s")),
        client.annotation_update(Annotation("t", 1)),
    ):
        with pytest.raises(ApiError, match=r"^this is a local model with no ID\. See API docs$"):
            await call


async def test_a_data_stream_is_created_from_a_template(node: TcpNode) -> None:
    template = stream_of(datatype="int16", keep_us=0, is_configured=True)
    first = await node.data_stream_create(template, "/a")
    copy = await node.data_stream_create(first, "/b")
    assert copy.id != first.id
    assert (copy.layout, copy.keep_us, copy.is_configured) == ("int16_2", 0, False)
    with pytest.raises(ConflictError, match="same name"):
        await node.data_stream_create(first, "/b")


async def test_a_data_stream_without_elements_is_refused(node: TcpNode) -> None:
    with pytest.raises(InvalidRequestError, match="stream must have at least one element"):
        await node.data_stream_create(DataStream("s"), "/a")


async def test_attributes_of_a_data_stream_are_saved(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    stream.description = "about it"
    stream.keep_us = 5_000_000
    stream.elements[0] = Element("New Name", units="V", display_type="discrete")
    await node.data_stream_update(stream)
    saved = await node.data_stream_get(stream)
    assert (saved.description, saved.keep_us) == ("about it", 5_000_000)
    assert (saved.elements[0].name, saved.elements[0].units) == ("New Name", "V")


async def test_display_types_come_from_a_node_in_upper_case(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    assert repr(stream.elements[0]).endswith("plottable=True display_type='CONTINUOUS'>")
    stream.elements[0].display_type = "Event"
    await node.data_stream_update(stream)
    saved = (await node.folder_get("/a")).data_streams[0]
    assert [element.display_type for element in saved.elements] == ["EVENT", "CONTINUOUS"]


async def test_data_streams_are_moved_and_deleted(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    pipe = await node.data_write(stream)
    await pipe.write([[5, 1, 2]])
    await pipe.close()
    await node.data_stream_move("/a/stream", "/b")
    info = await node.data_stream_info("/b/stream")
    assert (info.rows, info.start, info.end) == (1, 5, 5)
    await node.data_stream_delete(stream.id)
    with pytest.raises(StreamNotFound):
        await node.data_stream_get(stream)


async def test_an_empty_data_stream_has_no_bounds(node: TcpNode) -> None:
    info = await node.data_stream_info(await node.data_stream_create(stream_of(), "/a"))
    assert (info.start, info.end, info.rows, info.total_time) == (None, None, 0, 0)


@pytest.mark.parametrize("bad", [1.5, None, True, []])
async def test_arguments_of_a_wrong_type_are_named(client: TcpNode, bad: Any) -> None:
    folder = "datatype. Must be Folder, Path, or ID"
    calls: dict[str, list[Awaitable[object]]] = {
        f"Invalid folder {folder}": [client.folder_get(bad), client.folder_delete(bad)],
        f"Invalid source {folder}": [client.folder_move(bad, "/a")],
        f"Invalid destination {folder}": [
            client.folder_move("/a", bad),
            client.data_stream_move("/a", bad),
            client.event_stream_move("/a", bad),
        ],
        "Invalid module datatype. Must be Module, Name, or ID": [
            client.module_get(bad),
            client.module_logs(bad),
        ],
        "Invalid proxy datatype. Must be Proxy, Name, or ID": [client.proxy_get(bad)],
        "Invalid annotation datatype. Must be Annotation or ID": [client.annotation_delete(bad)],
        "Invalid stream datatype. Must be DataStream": [
            client.data_stream_create(bad, "/a"),
            client.data_stream_update(bad),
        ],
    }
    for text, pending in calls.items():
        for call in pending:
            with pytest.raises(InvalidRequestError) as caught:
                await call
            assert str(caught.value) == text


# ------------------------------------------------------------------ annotations


async def test_annotations_are_made_changed_and_removed(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    moment = await node.annotation_create(Annotation("moment", 1000.5), stream)  # type: ignore[arg-type]
    span = await node.annotation_create(Annotation("span", 2000, 3000, "text"), "/a/stream")
    assert (moment.start, moment.end, span.end, span.content) == (1000, None, 3000, "text")
    span.title = "renamed"
    assert (await node.annotation_update(span)).title == "renamed"
    assert await node.annotation_get(stream, 1500) == [span]
    info = await node.annotation_info(stream)
    assert (info.start, info.end, info.count) == (1000, 2000, 2)
    await node.annotation_delete(moment)
    await node.annotation_delete(span.id)
    assert await node.annotation_get(stream.id) == []


async def test_all_annotations_of_a_range_are_removed_together(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    for start in (10, 20, 30):
        await node.annotation_create(Annotation("t", start), stream)
    await node.data_stream_annotation_delete(stream, 20, 30)
    assert [annotation.start for annotation in await node.annotation_get(stream)] == [10]
    await node.data_stream_annotation_delete("/a/stream")
    assert await node.annotation_get(stream) == []


# ------------------------------------------------------------------ modules and proxies


class OneModule(NoModules):
    """A directory of one module."""

    def __init__(self) -> None:
        self.the_module = Module("plus1", "adds 1", inputs={"input": "/a"}, state="running")
        self.the_module.id = 0

    def modules(self) -> Sequence[Module]:
        return (self.the_module,)

    def module(self, _spec: str | int) -> Module:  # type: ignore[override]
        return self.the_module

    def logs(self, spec: str | int) -> list[str]:
        return [f"[2019-03-04T22:57:01.049266]: log of {spec}"]

    def configuration(self, spec: str | int) -> ModuleConfiguration:
        return ModuleConfiguration("plus1", "plus", {"by": "1"}, {"input": "/a"}, {"output": "/b"})

    async def statistics(self, spec: str | int | None = None) -> dict[int, ModuleStatistics]:
        return {0: ModuleStatistics(1460, 1551805343.4, 5.6, 6.23)}


async def test_modules_are_listed_with_statistics_on_request() -> None:
    async with running_node(modules=OneModule()) as running, client_of(running) as node:
        (plain,) = await node.module_list()
        (measured,) = await node.module_list(statistics=True)
        assert repr(plain) == (
            "<joule.api.Module id=0 name='plus1' description='adds 1' is_app=False>"
        )
        assert plain.inputs == {"input": "/a"}
        assert plain.statistics is None
        assert measured.statistics == ModuleStatistics(1460, 1551805343.4, 5.6, 6.23)
        assert (await node.module_get(plain)).name == "plus1"
        assert await node.module_logs("plus1") == ["[2019-03-04T22:57:01.049266]: log of plus1"]
        said = await node.module_configuration("plus1")
        assert (said.exec_cmd, said.arguments) == ("plus", {"by": "1"})
        assert (said.inputs, said.outputs) == ({"input": "/a"}, {"output": "/b"})


async def test_an_unknown_module_has_the_documented_error(node: TcpNode) -> None:
    assert await node.module_list() == []
    with pytest.raises(NotFoundError) as caught:
        await node.module_get("x")
    assert str(caught.value) == "module does not exist [404]"


async def test_proxies_are_reachable_through_the_node() -> None:
    proxy = Proxy("flask_app", "http://localhost:5000/")
    proxy.id = 0
    async with running_node(proxies=[proxy]) as running, client_of(running) as node:
        (listed,) = await node.proxy_list()
        assert listed.proxied_url == f"{running.url}/interface/p0"
        assert (await node.proxy_get("flask_app")).target_url == "http://localhost:5000/"
        assert repr(await node.proxy_get(listed)) == (
            f"<joule.api.Proxy id=0 name='flask_app' proxied_url='{running.url}/interface/p0' "
            "target_url='http://localhost:5000/'>"
        )
        with pytest.raises(NotFoundError, match="proxy does not exist"):
            await node.proxy_get("x")


def client_of(running: RunningNode) -> TcpNode:
    return TcpNode("test", running.url, running.key)


async def test_the_node_describes_itself(node: TcpNode) -> None:
    info = await node.info()
    assert info.name == "test_node"
    assert info.version == await node.version()


async def test_an_id_may_be_a_numpy_integer(fake: FakeNode, client: TcpNode) -> None:
    import numpy as np

    fake.on_text("DELETE", "/data", "ok")
    await client.data_delete(np.int64(7), np.float64(1.5), np.int64(9))  # type: ignore[arg-type]
    assert dict(fake.requests[0].query) == {"id": "7", "start": "1", "end": "9"}
