"""What a module does not load at its start: a node may have a hundred of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "dateparser", "h5py", "apsw", "click", "joule.api", "joule.config", "psutil")


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


def test_older_names_still_work() -> None:
    script = """if True:
        import joule.models, joule.models.pipes, joule.client.base_module
        from joule.client.base_module import BaseModule, state_key, task_key
        from joule.client.composite_module import CompositeModule
        from joule.client.filter_module import FilterModule
        from joule.client.fir_filter_module import FIRFilterModule
        from joule.client.reader_module import ReaderModule
        from joule.client.helpers import (build_fd_pipes, build_network_pipes, load_args_from_file,
            module_args, read_module_config, read_stream_configs, validate_time_bounds)
        from joule.errors import EmptyPipeError
        from joule.models import InputPipe, LocalPipe, OutputPipe, Pipe
        from joule.models.pipes import (EmptyPipe, compute_dtype, find_interval_token,
            interval_token, reader_factory, writer_factory)
        assert EmptyPipe is EmptyPipeError is joule.models.EmptyPipe
        assert joule.models.pipes.Pipe is Pipe
        assert set(joule.models.__all__) <= set(dir(joule.models))
        for name in joule.models.__all__:
            getattr(joule.models, name)
    """
    subprocess.run([sys.executable, "-c", script], check=True)
