"""Modules that are told to start, stop and restart."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from joule.errors import NotFoundError
from joule.supervisor import Timing
from joule.supervisor.policy import Backoff
from tests.unit.supervisor.conftest import Bench, module, until

OUT = {"output": "/a/out:int32[x]"}
IN = {"input": "/a/out"}
SLEEP = "sleep()"
NEVER = Timing(Backoff(3600, 3600), 2.0)
ROW = "write(row(time.time_ns() // 1000, 1)); sleep()"
TAKE = """
while data := os.read(input_(), 1200):
    print("took", [struct.unpack_from("<q", data, at)[0] for at in range(0, len(data), 12)])
"""


async def test_a_restart_is_a_new_process_at_once_and_is_counted(bench: Bench) -> None:
    async with bench.running(module("m", SLEEP), timing=NEVER) as supervisor:
        await until(lambda: supervisor.module("m").state == "running")
        first = (await supervisor.statistics("m"))[0].pid
        told = await supervisor.restart_module("m")
        assert (told.state, told.restarts, told.exit_code) == ("running", 1, -signal.SIGTERM)
        second = (await supervisor.statistics("m"))[0].pid
        assert second not in (None, first)


async def test_a_stopped_module_stays_so_until_it_is_started(bench: Bench) -> None:
    async with bench.running(module("m", ROW, outputs=OUT)) as supervisor:
        await bench.until_rows("/a/out", 1)
        told = await supervisor.stop_module("m")
        assert (told.state, told.reason) == ("stopped", "")
        assert (await supervisor.statistics("m"))[0].pid is None
        await asyncio.sleep(0.3)
        assert supervisor.module("m").state == "stopped"
        assert (await supervisor.stop_module("m")).state == "stopped"
        assert (await supervisor.start_module("m")).state == "running"
        assert [len(interval) for interval in await bench.until_rows("/a/out", 2)] == [1, 1]


async def test_others_may_write_the_streams_of_a_stopped_module(bench: Bench) -> None:
    async with bench.running(module("m", ROW, outputs=OUT)) as supervisor:
        await bench.until_rows("/a/out", 1)
        await supervisor.stop_module("m")
        writer = await bench.node.data.open_writer(bench.stream("/a/out"))
        refused = await supervisor.start_module("m")
        assert refused.state == "failed to load"
        assert "is already being produced" in refused.reason
        await writer.close()
        assert (await supervisor.start_module("m")).state == "running"


async def test_starting_what_runs_changes_nothing(bench: Bench) -> None:
    async with bench.running(module("m", SLEEP)) as supervisor:
        await until(lambda: supervisor.module("m").state == "running")
        assert (await supervisor.start_module("m")).restarts == 0
        assert supervisor.module("m").state == "running"


async def test_a_module_that_waits_is_started_at_once(bench: Bench) -> None:
    async with bench.running(module("m", "sys.exit(3)"), timing=NEVER) as supervisor:
        await until(lambda: supervisor.module("m").state == "waiting to restart")
        found = supervisor.module("m")
        assert (found.reason, found.exit_code, found.restarts) == ("ended with exit code 3", 3, 0)
        await supervisor.start_module("m")
        await until(lambda: supervisor.module("m").restarts == 1)


async def test_how_a_module_was_killed_is_told(bench: Bench) -> None:
    code = "os.kill(os.getpid(), signal.SIGSEGV)"
    async with bench.running(module("m", code), timing=NEVER) as supervisor:
        await until(lambda: supervisor.module("m").state == "waiting to restart")
        found = supervisor.module("m")
        assert (found.reason, found.exit_code) == ("ended by SIGSEGV", -signal.SIGSEGV)


async def test_why_a_program_cannot_be_started_is_told(bench: Bench) -> None:
    conf = module("m", "")
    object.__setattr__(conf, "exec_cmd", "/no/such")
    async with bench.running(conf, timing=NEVER) as supervisor:
        await until(lambda: supervisor.module("m").state == "waiting to restart")
        reason = "cannot start module: No such file or directory: /no/such"
        assert supervisor.module("m").reason == reason
        assert (await supervisor.restart_module("m")).reason == reason


async def test_a_reader_of_a_stopped_module_goes_on_with_a_break(bench: Bench) -> None:
    code = "stamp = time.time_ns() // 1000; write(row(stamp, 0)); sleep()"
    reader, taker = module("r", code, outputs=OUT), module("t", TAKE, inputs=IN)

    def took() -> list[str]:
        return [line for line in supervisor.logs("t") if "took" in line]

    async with bench.running(reader, taker) as supervisor:
        await until(lambda: len(took()) == 1)
        await supervisor.stop_module("r")
        await until(lambda: len(took()) == 2)
        assert took()[1].endswith("took [0]")
        await supervisor.start_module("r")
        await until(lambda: len(took()) == 3)
        assert (supervisor.module("t").state, supervisor.module("t").restarts) == ("running", 0)


async def test_rows_that_a_module_has_not_read_outlast_its_restart(bench: Bench) -> None:
    produce = "write(*(row(n, 0) for n in range(1, 5001))); sleep()"
    mark = str(bench.folder / "mark")
    once = f"""
    if os.path.exists({mark!r}):
        data = b""
        while len(data) < 12 * 4990:
            data += os.read(input_(), 12 * 5000)
        print("rest", struct.unpack_from("<q", data)[0], len(data) // 12)
    else:
        open({mark!r}, "w").close()
        print("took", len(os.read(input_(), 12 * 10 + 5)))
    sleep()
    """
    reader, taker = module("r", produce, outputs=OUT), module("t", once, inputs=IN)
    async with bench.running(taker, reader) as supervisor:
        await until(lambda: any("took" in line for line in supervisor.logs("t")))
        await bench.until_count("/a/out", 5000)
        await supervisor.restart_module("t")
        await until(lambda: any("rest" in line for line in supervisor.logs("t")))
        assert supervisor.logs("t")[-1].endswith("rest 11 4990")


async def test_orders_come_in_any_hurry(bench: Bench) -> None:
    async with bench.running(module("m", SLEEP)) as supervisor:
        orders = [supervisor.restart_module, supervisor.stop_module, supervisor.start_module]
        await asyncio.gather(*(order("m") for order in orders * 5))
        assert (await supervisor.start_module("m")).state == "running"
        assert (await supervisor.stop_module("m")).state == "stopped"
    with pytest.raises(NotFoundError):
        await supervisor.stop_module("no")


async def test_an_order_while_the_node_stops_is_answered(bench: Bench) -> None:
    async with bench.running(module("m", SLEEP)) as supervisor:
        await until(lambda: supervisor.module("m").state == "running")
        stopping = asyncio.create_task(supervisor.stop())
        await asyncio.sleep(0)
        assert (await supervisor.restart_module("m")).state == "stopped"
        await stopping
        assert (await supervisor.start_module("m")).state == "stopped"


async def test_statistics_name_all_processes_of_a_module(bench: Bench) -> None:
    code = """
    child = os.fork()
    if child: print("child", child)
    sleep()
    """
    async with bench.running(module("m", code)) as supervisor:
        await until(lambda: "child" in " ".join(supervisor.logs("m")))
        child = int(supervisor.logs("m")[-1].split()[-1])
        found = (await supervisor.statistics("m"))[0]
        assert found.pid is not None
        assert found.pids == tuple(sorted((found.pid, child)))
        os.kill(child, 0)
