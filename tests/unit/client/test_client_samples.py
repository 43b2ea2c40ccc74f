"""The sample configuration files of the modules that come with Joule."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import joule.client.builtins
from joule.config.module_conf import module_from_conf
from joule.config.stream_conf import data_stream_from_conf

FOLDER = Path(joule.client.builtins.__file__).parent
BUILTINS = sorted(path.parent for path in FOLDER.glob("*/__init__.py"))
PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.mark.parametrize("folder", BUILTINS, ids=lambda path: path.name)
def test_each_module_has_a_description_and_files_that_can_be_used(folder: Path) -> None:
    file = folder / "module.conf"
    module = module_from_conf(file.read_text("utf-8"), file)
    assert (folder / "README.md").read_text("utf-8").startswith(f"# {module.exec_cmd}\n")
    scripts = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["scripts"]
    assert scripts[module.exec_cmd] == f"joule.client.builtins.{folder.name}:main"
    stream_file = folder / "data_stream.conf"
    if module.outputs:
        stream = data_stream_from_conf(stream_file.read_text("utf-8"), stream_file)
        assert [spec.path for spec in module.outputs.values()] == [stream.path]
    else:
        assert not stream_file.exists()
