"""Every command at a real node, beside the command of ``joule==1.0.1`` at another one like it.

``tests/data/cli`` keeps both outputs. After a change that is meant, JOULE_RECORD=1 writes them
anew; read the difference before it is kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.api import Annotation, DataStream, Element, Event, EventStream
from joule.errors import AccessDeniedError
from tests.integration.configured import ConfiguredDaemon
from tests.integration.daemon import wait_until
from tests.integration.transcripts import read, written
from tests.unit.cli.command_table import TABLE_OF_COMMANDS
from tests.unit.node.archives.joule_1_0 import Archive, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import TcpNode
    from tests.integration.transcripts import Entry, Run

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "data" / "cli"
FILES = sorted(FOLDER.glob("*.txt"))
RECORDS = bool(os.environ.get("JOULE_RECORD"))

START = 1_700_000_000_000_000
SECOND = 1_000_000

_MODULE = """\
[Main]
name = sleeper
description = says hello
exec_cmd = sh -c "echo hello; exec sleep 1000"
[Outputs]
output = /modules/sleep:float32[x]
"""


_IMPORTER = """\
[Main]
name = daily
[DataStream.1]
source_label = volts
path = /imported/volts
[EventStream.1]
source_label = trips
path = /imported/trips
on_conflict = keep_both
"""


def _save_archives(folder: Path) -> None:
    """Make two archives that can be imported, one that cannot, and a file that is none."""
    folder.mkdir()
    rows = [(START + second * SECOND, second, -second) for second in range(10)]
    trip = event(START, START + SECOND, 3, kind="fault")
    Archive().data(rows[:3], rows[5:]).events([trip]).save(folder / "a.zip")
    Archive().data([(START + 20 * SECOND, 1.0, 1.0)], label="other").save(folder / "b.zip")
    Archive("weekly").save(folder / "c.zip")
    (folder / "d.zip").write_text("nonsense")


class Scene(ConfiguredDaemon):
    """A node with a module, a site and streams that are always the same."""

    def __init__(self, folder: Path) -> None:
        (folder / "modules").mkdir(parents=True)
        (folder / "modules" / "sleeper.conf").write_text(_MODULE)
        (folder / "importers").mkdir()
        (folder / "importers" / "daily.conf").write_text(_IMPORTER)
        _save_archives(folder / "archives")
        super().__init__(
            folder,
            "here",
            f"ModuleDirectory = {folder}/modules\nImporterConfigsDirectory = {folder}/importers\n"
            "[Proxies]\nsite = http://127.0.0.1:9/\n",
        )

    def set_up(self) -> Scene:
        """Start it and fill it."""
        self.start()
        wait_until(lambda: self.ask(_is_running), 30, lambda: self.text)
        self.ask(_fill)
        return self

    @property
    def environment(self) -> dict[str, str]:
        """That of the commands: a fixed zone and terminal width."""
        return {**super().environment, "TZ": "UTC", "COLUMNS": "100"}

    def typed(self, *program: str) -> Run:
        """Give what runs the program with words and answers."""

        def run(words: list[str], answers: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*program, *words],
                input=answers,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env=self.environment,
                cwd=self.folder,
            )

        return run


async def _is_running(node: TcpNode) -> bool:
    """Whether the users file has been read and the module has been started."""
    try:
        return (await node.module_get("sleeper")).state == "running"
    except AccessDeniedError:
        return False


async def _fill(node: TcpNode) -> None:
    volts = DataStream("volts", "of phase A", elements=[Element("x", "V"), Element("y")])
    volts.elements[0].default_min = 1
    await node.data_stream_create(volts, "/lab/meter")
    pipe = await node.data_write("/lab/meter/volts")
    for begin in (START, START + 10 * SECOND):
        await pipe.write(np.array([[begin + i * SECOND, i, -i] for i in range(3)], dtype=float))
        await pipe.close_interval()
    await pipe.close()
    for annotation in (
        Annotation("start", START, content="of the test"),
        Annotation("middle", START + SECOND, START + 2 * SECOND),
    ):
        await node.annotation_create(annotation, "/lab/meter/volts")
    fields = {"level": "numeric", "kind": 'category:["a","b"]'}
    await node.event_stream_create(EventStream("trips", "of fuses", event_fields=fields), "/lab")
    await node.event_stream_create(EventStream("plain"), "/lab")
    trips = [
        Event(START + i * SECOND, START + (i + 2) * SECOND, {"level": i, "kind": "a"})
        for i in range(3)
    ]
    await node.event_stream_write("/lab/trips", trips)
    await node.data_stream_create(DataStream("empty", elements=[Element("x")]), "/lab")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A node that is running and filled."""
    made = Scene(tmp_path / "scene")
    with made:
        yield made.set_up()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_command_says_what_was_written_down(scene: Scene, file: Path) -> None:
    program = scene.typed(str(Path(sys.executable).with_name("joule")))
    entries = read(file)
    said = [replace(each, ours=each.run(program, scene.folder)) for each in entries]
    check(file, said)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_joule_1_0_says_what_stands_beside_it(scene: Scene, old_python: Path, file: Path) -> None:
    program = scene.typed(str(old_python.with_name("joule")))
    # What 1.0 has no words for changes the node, too: our command does it.
    new = scene.typed(str(Path(sys.executable).with_name("joule")))
    said = []
    for each in read(file):
        outcome = each.run(new if each.is_new else program, scene.folder)
        said.append(each if each.is_new else replace(each, theirs=outcome))
    check(file, said)


def check(file: Path, said: list[Entry]) -> None:
    text = written(said)
    if RECORDS:
        file.write_text(text)
    assert text == file.read_text()


def test_every_command_has_a_transcript() -> None:
    """Apart from those on rows and on the machine, which have tests of their own."""
    text = "\n".join(each.text for file in FILES for each in read(file))
    for line in TABLE_OF_COMMANDS:
        if line.words[0] not in ("admin", "data", "doctor"):
            assert f"joule {' '.join(line.words)}" in text, f"no transcript has {line.words}"
