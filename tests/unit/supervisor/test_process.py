from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from joule.config.module_conf import ModuleConf
from joule.models.layout import Layout
from joule.supervisor import orphan_guard
from joule.supervisor.orphans import OrphanGuard
from joule.supervisor.pipes import OsPipe
from joule.supervisor.process import PipeEnd, command_line, launch, pipes_argument, terminate
from joule.supervisor.statistics import Usage, compare, measure

API = Path("/run/api")
SLEEPS = "import time; print('up'); time.sleep(60)"
IGNORES_SIGTERM = f"import signal; signal.signal(15, signal.SIG_IGN); {SLEEPS}"


def script(code: str) -> list[str]:
    return [sys.executable, "-u", "-I", "-S", "-c", code]


def parent_of(code: str) -> str:
    """A script that runs another one."""
    return f"import subprocess, sys; subprocess.run([sys.executable, '-u', '-c', {code!r}])"


def first_line(fd: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (data := os.read(fd, 1)):
        line += data
    return line


async def started(
    code: str, environment: dict[str, str] | None = None
) -> tuple[asyncio.subprocess.Process, OsPipe]:
    """Start a script and wait for its first line."""
    pipe = OsPipe.open()
    process = await launch(script(code), environment or {}, pipe.write_fd, [])
    pipe.close_write()
    assert await asyncio.to_thread(first_line, pipe.read_fd) == b"up\n"
    return process, pipe


def test_pipes_are_described_in_json_that_is_encoded_twice() -> None:
    argument = pipes_argument(
        {"in": PipeEnd(20, None, Layout("int16", 1))}, {"out": PipeEnd(21, 7, Layout("float32", 2))}
    )
    assert json.loads(json.loads(argument)) == {
        "outputs": {"out": {"fd": 21, "id": 7, "layout": "float32_2"}},
        "inputs": {"in": {"fd": 20, "id": None, "layout": "int16_1"}},
    }


def test_the_command_line_has_the_documented_order() -> None:
    conf = ModuleConf("m", "prog 'a b'", arguments={"x": "1", "y": "2 3"})
    assert command_line(conf, "J", API, None) == [
        *("prog", "a b", "--pipes", "J", "--api-socket", "/run/api", "--x", "1", "--y", "2 3")
    ]
    with_socket = command_line(conf, "J", API, Path("/run/module4"))
    assert with_socket[2:6] == ["--pipes", "J", "--socket", "/run/module4"]


async def test_a_child_gets_its_descriptors_under_the_same_numbers_and_no_others() -> None:
    given, kept, out = OsPipe.open(), OsPipe.open(), OsPipe.open()
    code = "import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd')))"
    process = await launch(script(code), {}, out.write_fd, [given.write_fd])
    assert await process.wait() == 0
    listed = json.loads(os.read(out.read_fd, 1000))
    # 0, 1, 2, the pipe it was given, and the folder being listed
    assert given.write_fd in listed
    assert kept.write_fd not in listed
    assert len(listed) == 5
    for pipe in (given, kept, out):
        pipe.close()


async def test_a_child_has_empty_input_one_pipe_for_output_and_a_session_of_its_own() -> None:
    out = OsPipe.open()
    code = (
        "import os, sys; print(sys.stdin.read() == '', os.getsid(0) == os.getpid(),"
        " os.environ); sys.stderr.write('err')"
    )
    process = await launch(script(code), {"A": "b"}, out.write_fd, [])
    await process.wait()
    text = os.read(out.read_fd, 1000).decode()
    assert text.startswith("True True environ({'A': 'b'")
    assert text.endswith("err")
    out.close()


async def test_an_executable_that_does_not_exist_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        await launch(["/no/such/program"], {}, 1, [])


async def test_terminate_ends_a_process_that_heeds_sigterm() -> None:
    process, pipe = await started(SLEEPS)
    assert await terminate(process, 5.0) is True
    assert process.returncode == -15
    pipe.close()


async def test_terminate_kills_a_process_that_does_not_heed_sigterm() -> None:
    process, pipe = await started(IGNORES_SIGTERM)
    assert await terminate(process, 0.1) is False
    assert process.returncode == -9
    pipe.close()


async def test_terminate_ends_the_children_of_a_process_too() -> None:
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-u', '-c', {IGNORES_SIGTERM!r}])"
    )
    process, pipe = await started(code)
    (child,) = psutil.Process(process.pid).children()
    await terminate(process, 0.1)
    await asyncio.to_thread(psutil.wait_procs, [child], 3)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    pipe.close()


# ------------------------------------------------------------------ statistics


async def test_statistics_count_the_children_of_a_process() -> None:
    process, pipe = await started(parent_of("print('up')\nwhile True: pass"))
    found = await measure([process.pid, 2**22 + 1], 0.2)
    await terminate(process)
    assert list(found) == [process.pid]
    stats = found[process.pid]
    assert stats.pid == process.pid
    assert stats.cpu_percent is not None
    assert stats.cpu_percent > 5
    assert stats.memory_percent is not None
    assert stats.memory_percent > 0
    pipe.close()


def test_a_pid_that_was_used_again_counts_from_its_start() -> None:
    before = {1: Usage({(1, 0.0): 5.0, (2, 0.0): 100.0}, 1.0, 0.0)}
    after = {1: Usage({(1, 0.0): 5.5, (2, 9.0): 0.25}, 2.0, 0.0)}
    stats = compare(before, after, 0.5)[1]
    assert (stats.cpu_percent, stats.memory_percent) == (150.0, 2.0)


# ------------------------------------------------------------------ orphans


async def guarded(guard: OrphanGuard) -> tuple[asyncio.Task[None], psutil.Process]:
    """Run a guard and give its process."""
    task = asyncio.create_task(guard.run())
    await guard.ready()
    return task, await asyncio.to_thread(guard_other_than, None)


def guard_other_than(known: psutil.Process | None) -> psutil.Process:
    """Wait until a guard runs (blocking)."""
    for _ in range(500):
        for process in psutil.Process().children():
            if process != known and _is_guard(process):
                return process
        time.sleep(0.01)
    raise AssertionError("no guard was started")


def _is_guard(process: psutil.Process) -> bool:
    try:
        return orphan_guard.__file__ in process.cmdline()
    except psutil.Error:
        return False


async def test_what_a_module_leaves_behind_ends_when_the_guard_is_dismissed() -> None:
    guard = OrphanGuard()
    task, process = await guarded(guard)
    left, pipe = await started(IGNORES_SIGTERM, guard.environment)
    other, other_pipe = await started(SLEEPS, {"JOULE_SUPERVISOR": "other"})
    task.cancel()
    await asyncio.wait([task])
    assert not process.is_running()
    assert await left.wait() == -9
    assert other.returncode is None
    await terminate(other)
    pipe.close()
    other_pipe.close()


async def test_when_the_node_is_gone_its_modules_are_ended_and_others_are_not() -> None:
    mark = "JOULE_SUPERVISOR=test-token"
    node_end = OsPipe.open()
    guard = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", orphan_guard.__file__, mark), stdin=node_end.read_fd, env={}
    )
    marked = dict([mark.split("=")])
    polite, polite_pipe = await started(SLEEPS, marked)
    stubborn, stubborn_pipe = await started(IGNORES_SIGTERM, marked)
    other, other_pipe = await started(IGNORES_SIGTERM, {"JOULE_SUPERVISOR": "other"})
    node_end.close()
    async with asyncio.timeout(10):
        assert await polite.wait() == -15
        assert await stubborn.wait() == -9
        await guard.wait()
    assert other.returncode is None
    await terminate(other, 0.1)
    for pipe in (polite_pipe, stubborn_pipe, other_pipe):
        pipe.close()


async def test_a_guard_that_was_killed_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joule.supervisor.orphans._RESPAWN_S", 0.0)
    guard = OrphanGuard()
    task, first = await guarded(guard)
    first.kill()
    second = await asyncio.to_thread(guard_other_than, first)
    assert second.is_running()
    task.cancel()
    await asyncio.wait([task])


async def test_there_is_one_guard_from_the_first_module_on_and_none_before() -> None:
    guard = OrphanGuard()
    task = asyncio.create_task(guard.run())
    await asyncio.sleep(0)
    assert guards() == []
    await asyncio.gather(*(guard.ready() for _ in range(5)))
    assert len(guards()) == 1
    task.cancel()
    await asyncio.wait([task])
    assert guards() == []


async def test_no_module_is_started_when_the_guard_cannot_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = os.listdir("/proc/self/fd")
    guard = OrphanGuard()
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        await guard.ready()
    assert os.listdir("/proc/self/fd") == before


def guards() -> list[psutil.Process]:
    return [process for process in psutil.Process().children() if _is_guard(process)]
