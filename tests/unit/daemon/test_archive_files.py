"""The files of importers and exporters, and what becomes of bad ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from joule.config.main_conf import default_config
from joule.daemon.archive_files import ArchiveFiles

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.main_conf import Folders

EXPORTER = "[Main]\nname={}\n[Target]\npath=/x\nfrequency=1h\nbacklog=all\nretain=all\n"
IMPORTER = "[Main]\nname={}\n"


class Told:
    """Stands for importers or exporters: notes which are to be used."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def use(self, confs: Any) -> None:
        self.names = [conf.name for conf in confs]


class Scene:
    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.importers, self.exporters = Told(), Told()
        importers: Any = self.importers
        exporters: Any = self.exporters
        self.files = ArchiveFiles(folders, importers, exporters)

    async def load(self) -> tuple[list[str], list[str], list[str]]:
        faults = await self.files.load()
        return self.importers.names, self.exporters.names, [each.text for each in faults]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    folders = replace(
        default_config(tmp_path).folders, importers=tmp_path / "i", exporters=tmp_path / "e"
    )
    folders.importers.mkdir()
    folders.exporters.mkdir()
    return Scene(folders)


async def test_all_files_are_read_again_each_time(scene: Scene) -> None:
    assert await scene.load() == ([], [], [])
    (scene.folders.importers / "1.conf").write_text(IMPORTER.format("a"))
    (scene.folders.exporters / "1.conf").write_text(EXPORTER.format("b"))
    (scene.folders.exporters / "2.example").write_text("nonsense")
    assert await scene.load() == (["a"], ["b"], [])
    (scene.folders.exporters / "1.conf").unlink()
    assert await scene.load() == (["a"], [], [])


async def test_a_bad_file_is_told_and_the_others_are_used(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    (scene.folders.importers / "1.conf").write_text("[Main]\n")
    (scene.folders.importers / "2.conf").write_text(IMPORTER.format("a"))
    (scene.folders.exporters / "1.conf").write_text("nonsense")
    importers, exporters, faults = await scene.load()
    assert (importers, exporters) == (["a"], [])
    assert faults[0].startswith(f"Invalid importer [{scene.folders.importers}/1.conf]: missing")
    assert faults[1].startswith("Configuration file error: ")
    assert caplog.messages == faults


async def test_what_has_become_wrong_goes_on_as_it_was(scene: Scene) -> None:
    file = scene.folders.exporters / "1.conf"
    file.write_text(EXPORTER.format("b"))
    await scene.load()
    file.write_text("nonsense")
    for _ in range(2):
        importers, exporters, faults = await scene.load()
        assert (importers, exporters, len(faults)) == ([], ["b"], 1)


async def test_a_name_is_for_one_file_and_an_importer_may_be_for_one_node(scene: Scene) -> None:
    for number, node in enumerate(["", "node=n\n", ""]):
        text = IMPORTER.format("a") + node
        (scene.folders.importers / f"{number}.conf").write_text(text)
        (scene.folders.exporters / f"{number}.conf").write_text(EXPORTER.format("b"))
    importers, exporters, faults = await scene.load()
    assert (importers, exporters) == (["a", "a"], ["b"])
    folder = scene.folders.importers
    assert faults[0] == (
        f"Invalid importer [{folder}/2.conf]: [{folder}/0.conf] has the same name [a]"
    )
    assert len(faults) == 3


async def test_modules_in_an_exporter_are_warned_about(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    text = EXPORTER.format("b") + "[Module.1]\nsource_label=m\nmodule=x\n"
    (scene.folders.exporters / "1.conf").write_text(text)
    await scene.load()
    assert caplog.messages == [f"[{scene.folders.exporters}/1.conf]: modules are not exported"]
