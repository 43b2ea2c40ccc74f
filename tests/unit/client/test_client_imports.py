"""What a module does not load at its start: a node may have a hundred of them."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

HEAVY = (
    *("aiohttp", "dateparser", "h5py", "apsw", "click", "joule.api", "joule.config", "psutil"),
    *("aiomqtt", "pymodbus", "serial"),
)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("joule.client", ()),
        ("joule.client.builtins.random_reader", ()),
        ("joule.client.builtins.mean_filter", ()),
        ("joule.client.builtins.median_filter", ()),
        ("joule.client.builtins.merge_filter", ()),
        ("joule.client.builtins.file_reader", ()),
        ("joule.client.builtins.host_reader", ("psutil",)),
        ("joule.client.builtins.visualizer", ("aiohttp",)),
        ("joule.client.builtins.mqtt_reader", ()),
        ("joule.client.builtins.serial_reader", ()),
        ("joule.client.builtins.modbus_reader", ()),
        ("joule.client.builtins.http_reader", ()),
    ],
)
def test_a_module_starts_light(name: str, allowed: tuple[str, ...]) -> None:
    script = f"import sys, {name}; print(*(m for m in {HEAVY} if m in sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) <= set(allowed)


def test_the_domain_without_arrays_does_not_load_numpy() -> None:
    script = "import sys, joule.models.folders, joule.models.modules; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_import_paths_of_joule_1_0_still_work() -> None:
    script = """if True:
        import joule.models, joule.models.pipes, joule.client.base_module
        from joule.client.base_module import BaseModule, state_key, task_key
        from joule.client.composite_module import CompositeModule
        from joule.client.filter_module import FilterModule
        from joule.client.fir_filter_module import FIRFilterModule
        from joule.client.reader_module import ReaderModule
        from joule.client.helpers import (build_fd_pipes, build_network_pipes, load_args_from_file,
            module_args, read_module_config, read_stream_configs, validate_time_bounds)
        from joule.client.builtins.file_reader import FileReader
        from joule.client.builtins.mean_filter import MeanFilter
        from joule.client.builtins.median_filter import MedianFilter
        from joule.client.builtins.merge_filter import MergeFilter
        from joule.client.builtins.random_reader import RandomReader
        from joule.client.builtins.visualizer import Visualizer
        from joule.models import InputPipe, LocalPipe, OutputPipe, Pipe
        from joule.models.pipes import (compute_dtype, find_interval_token, interval_token,
            reader_factory, writer_factory)
        from joule.models.pipes.input_pipe import InputPipe
        from joule.models.pipes.local_pipe import LocalPipe
        from joule.models.pipes.output_pipe import OutputPipe
        from joule.models.pipes.pipe import Pipe
        assert joule.models.pipes.Pipe is Pipe
        assert set(joule.models.__all__) <= set(dir(joule.models))
        for name in joule.models.__all__:
            getattr(joule.models, name)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(
            (f"joule.{name}", f"joule.client.{name}")
            for name in (
                *("BaseModule", "CompositeModule", "FIRFilterModule"),
                *("FilterModule", "ReaderModule"),
            )
        ),
        *(
            (f"joule.{name}", f"joule.models.{name}")
            for name in ("InputPipe", "LocalPipe", "OutputPipe", "Pipe")
        ),
        ("joule.EmptyPipe", "joule.errors.EmptyPipeError"),
        ("joule.EmptyPipeError", "joule.errors.EmptyPipeError"),
        ("joule.ConfigurationError", "joule.errors.ConfigurationError"),
        ("joule.time_now", "joule.utilities.time_now"),
        ("joule.models.EmptyPipe", "joule.errors.EmptyPipeError"),
        ("joule.models.pipes.EmptyPipe", "joule.errors.EmptyPipeError"),
    ],
)
def test_older_names_warn_and_lead_to_the_newer(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=new.rpartition(".")[2]) as caught:
        found = resolved(old)
    assert found is resolved(new)
    if old.count(".") == 1:
        assert caught[0].filename == __file__


def resolved(path: str) -> Any:
    home, _, name = path.rpartition(".")
    return getattr(import_module(home), name)


def test_the_older_home_of_the_factories_warns() -> None:
    with pytest.warns(DeprecationWarning, match="are in joule.models.pipes"):
        factories = import_module("joule.models.pipes.factories")
    assert factories.reader_factory is resolved("joule.models.pipes.reader_factory")


def test_unknown_names_are_no_names() -> None:
    for home in ("joule", "joule.models", "joule.models.pipes"):
        with pytest.raises(AttributeError, match=f"module '{home}' has no attribute 'Nothing'"):
            resolved(f"{home}.Nothing")
