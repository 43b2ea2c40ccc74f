from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from joule.config.module_conf import module_with_fault
from joule.errors import NotFoundError
from tests.unit.supervisor.conftest import Bench, module, until
from tests.unit.supervisor.scripts import conf_text

OUT = {"output": "/a/out:int32[x]"}
TWO_ROWS = "write(row(1, 10), row(2, 20)); sleep()"


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


# ------------------------------------------------------------------ rows


async def test_what_a_module_writes_is_stored(bench: Bench) -> None:
    async with bench.running(module("m", TWO_ROWS, outputs=OUT)):
        assert await bench.until_rows("/a/out", 2) == [[(1, 10), (2, 20)]]
        assert bench.stream("/a/out").is_destination
    assert not bench.stream("/a/out").is_destination


async def test_rows_written_right_before_the_end_are_not_lost(bench: Bench) -> None:
    code = """
    def last(*_):
        write(*(row(stamp, 0) for stamp in range(10, 50_010)))
        os._exit(0)
    signal.signal(signal.SIGTERM, last)
    write(row(1, 10)); sleep()
    """
    async with bench.running(module("m", code, outputs=OUT)):
        await bench.until_rows("/a/out", 1)
    (interval,) = await bench.rows("/a/out")
    assert len(interval) == 50_001


async def test_an_interval_token_makes_a_break(bench: Bench) -> None:
    code = "write(row(1, 1), BREAK, BREAK, row(2, 2)); sleep()"
    async with bench.running(module("m", code, outputs=OUT)):
        assert await bench.until_rows("/a/out", 2) == [[(1, 1)], [(2, 2)]]


async def test_rows_flow_from_a_reader_through_a_filter(bench: Bench) -> None:
    double = """
    while data := os.read(input_(), 12 * 1000):
        for at in range(0, len(data), 12):
            stamp, value = struct.unpack_from("<qi", data, at)
            write(row(stamp, 2 * value))
    """
    filter_ = module(
        "f", double, inputs={"input": "/a/out"}, outputs={"output": "/a/doubled:int32[x]"}
    )
    code = "write(row(1, 10), BREAK, row(2, 20)); sleep()"
    async with bench.running(filter_, module("r", code, outputs=OUT)):
        # The filter starts first and reads bare what the reader declares.
        assert await bench.until_rows("/a/doubled", 2) == [[(1, 20)], [(2, 40)]]
        assert bench.stream("/a/out").is_source


async def test_a_stopped_reader_of_a_stream_slows_nobody_and_catches_up(bench: Bench) -> None:
    count = 200_000
    produce = f"""
    for start in range(1, {count}, 10_000):
        write(*(row(start + i, i) for i in range(10_000)))
    sleep()
    """
    total = """
    os.kill(os.getpid(), signal.SIGSTOP)
    fd, rest, expected = input_(), b"", 1
    while expected <= %d:
        data = rest + os.read(fd, 1 << 20)
        for stamp, _ in struct.iter_unpack("<qi", data[: len(data) // 12 * 12]):
            assert stamp == expected, stamp
            expected += 1
        rest = data[len(data) // 12 * 12 :]
    write(row(expected - 1, 0)); sleep()
    """
    slow = module(
        "slow", total % count, inputs={"input": "/a/out"}, outputs={"output": "/a/sum:int32[n]"}
    )
    async with bench.running(slow, module("r", produce, outputs=OUT)) as supervisor:
        await bench.until_count("/a/out", count)
        pid = (await supervisor.statistics("slow"))[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGCONT)
        assert await bench.until_rows("/a/sum", 1) == [[(count, 0)]]


@pytest.mark.parametrize(
    ("rows", "kept", "reason"),
    [
        ("row(1,1), row(2,2), row(2,3), row(3,4)", [[(1, 1), (2, 2)], [(3, 4)]], "Non-monotonic"),
        ("row(5,1), row(3,2), row(4,3), row(6,4)", [[(4, 3)], [(5, 1)], [(6, 4)]], "Non-mono"),
    ],
)
async def test_rows_against_the_rules_are_lost_with_a_log_line_and_no_restart(
    bench: Bench, rows: str, kept: list[list[tuple[int, float]]], reason: str
) -> None:
    code = f"write({rows}); sleep()"
    async with bench.running(module("m", code, outputs=OUT)) as supervisor:
        assert await bench.until_rows("/a/out", sum(map(len, kept))) == kept
        lines = supervisor.logs("m")
        assert f"1 of 4 rows for [/a/out] are lost: {reason}" in lines[-1]
        assert sum("starting module" in line for line in lines) == 1


async def test_nan_is_lost_and_its_neighbours_are_kept(bench: Bench) -> None:
    code = """
    nan = float("nan")
    write(row(1, 1.0, "f"), row(2, nan, "f"), row(3, 3.0, "f")); sleep()
    """
    outputs = {"output": "/a/out:float32[x]"}
    async with bench.running(module("m", code, outputs=outputs)) as supervisor:
        assert await bench.until_rows("/a/out", 2) == [[(1, 1.0)], [(3, 3.0)]]
        assert "1 of 3 rows for [/a/out] are lost: Invalid values (NaN)" in supervisor.logs("m")[-1]


async def test_a_timestamp_that_is_stored_already_costs_only_that_row(bench: Bench) -> None:
    code = "write(row(1,1), row(2,2)); write(BREAK, row(2,5), row(3,3)); sleep()"
    async with bench.running(module("m", code, outputs=OUT)) as supervisor:
        await until(lambda: "already exists" in " ".join(supervisor.logs("m")))
        assert (await bench.rows("/a/out"))[0] == [(1, 1), (2, 2)]


# ------------------------------------------------------------------ restarts


async def test_a_module_that_ends_is_started_again_with_a_break_in_its_data(bench: Bench) -> None:
    code = """
    start = time.time_ns() // 1000
    write(row(start, 1), row(start + 1, 2))
    """
    async with bench.running(module("m", code, outputs=OUT)) as supervisor:
        rows = await bench.until_rows("/a/out", 6)
        lines = [line.partition("]: ")[2] for line in supervisor.logs("m")]
    assert [len(interval) for interval in rows[:3]] == [2, 2, 2]
    assert lines[:3] == ["---starting module---", "---module terminated---", lines[0]]


async def test_a_module_waits_for_its_guard_and_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = module("m", TWO_ROWS, outputs=OUT)
    monkeypatch.setattr("joule.supervisor.orphans.sys.executable", "/no/such/python")
    async with bench.running(conf) as supervisor:
        await until(lambda: "ERROR: cannot start module" in " ".join(supervisor.logs("m")))
        monkeypatch.undo()
        assert await bench.until_rows("/a/out", 2) == [[(1, 10), (2, 20)]]


async def test_a_module_that_cannot_be_started_is_tried_again(bench: Bench) -> None:
    conf = module_with_fault("[Main]\nname=m\nexec_cmd=/no/such -x\n", Path("m.conf"))
    async with bench.running(conf) as supervisor:
        await until(lambda: len(supervisor.logs("m")) > 4)
        text = "ERROR: cannot start module: No such file or directory: /no/such"
        assert [text in line for line in supervisor.logs("m")[:4]] == [False, True, False, False]
        assert supervisor.module("m").state in ("starting", "waiting to restart")


async def test_restarts_leak_no_descriptors(bench: Bench) -> None:
    before = open_fds()
    inputs = {"input": "/a/out"}
    async with bench.running(
        module("m", "", outputs=OUT), module("f", "os.read(input_(), 1)", inputs=inputs)
    ) as supervisor:
        await until(lambda: len(supervisor.logs("m")) > 12)
        await until(lambda: supervisor.module("f").state == "running")
        # Guard pipe (1); f: log and input; while m starts: log and output, at most two ends each
        assert open_fds() <= before + 10
    assert open_fds() == before


async def test_an_input_goes_on_where_the_last_process_stopped(bench: Bench) -> None:
    produce = "\n".join(
        ("write(*(row(n, 0) for n in range(1, 5)))", "time.sleep(0.3)", "write(row(5, 0)); sleep()")
    )
    take = """
    data = os.read(input_(), 12 * 100)
    stamps = [struct.unpack_from("<q", data, at)[0] for at in range(0, len(data), 12)]
    print("took", stamps)
    """
    async with bench.running(
        module("r", produce, outputs=OUT), module("f", take, inputs={"input": "/a/out"})
    ) as supervisor:
        await until(lambda: sum("took" in line for line in supervisor.logs("f")) == 2)
        took = [line for line in supervisor.logs("f") if "took" in line]
    assert took[0].endswith("took [1, 2, 3, 4]")
    assert took[1].endswith("took [5]")


# ------------------------------------------------------------------ what cannot be had


async def test_a_second_producer_is_refused_with_its_reason(bench: Bench) -> None:
    first, second = module("a", TWO_ROWS, outputs=OUT), module("b", TWO_ROWS, outputs=OUT)
    async with bench.running(first, second) as supervisor:
        await until(lambda: supervisor.module("a").state == "running")
        assert supervisor.module("b").state == "failed to load"
        (line,) = supervisor.logs("b")
        assert "Output [output=/a/out:int32[x]]: DataStream [out] is already being" in line


async def test_a_module_whose_input_nobody_produces_ends_and_stays_listed(bench: Bench) -> None:
    reader = module("r", "", outputs=OUT)
    lonely = module("m", "print('ran')", inputs={"input": "/a/in:int32[x]"}, outputs=OUT)
    async with bench.running(lonely) as supervisor:
        await until(lambda: supervisor.module("m").state == "failed to load")
        assert "inputs are not available: stream is not being produced" in supervisor.logs("m")[-1]
        assert not bench.stream("/a/out").is_destination
        assert (await supervisor.statistics())[0].pid is None
    assert supervisor.module("m").state == "failed to load"
    assert reader.outputs == lonely.outputs


async def test_a_bad_pipe_keeps_the_module_in_the_list_with_its_fault(bench: Bench) -> None:
    text = conf_text("m", "print('ran')", inputs={"in": "nonsense"})
    bad = module_with_fault(text, Path("m.conf"))
    unknown = module("u", "", inputs={"input": "/no/such"})
    remote = module("x", "", outputs={"output": "hub /a/b:int16[x]"})
    good = module("g", TWO_ROWS, outputs=OUT)
    async with bench.running(bad, unknown, remote, good) as supervisor:
        await bench.until_rows("/a/out", 2)
        assert [m.state for m in supervisor.modules()] == [*["failed to load"] * 3, "running"]
        assert "Invalid module [m.conf]: Input [in=nonsense]: invalid" in supervisor.logs("m")[0]
        assert "add inline config or *.conf file for stream [/no/such]" in supervisor.logs("u")[0]
        assert "Remote node [hub] is not a follower" in supervisor.logs("x")[0]


# ------------------------------------------------------------------ stopping


async def test_modules_stop_side_by_side(bench: Bench) -> None:
    code = """
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.4), os._exit(0)))
    print("up"); sleep()
    """
    names = [f"m{n}" for n in range(5)]
    async with bench.running(*(module(name, code) for name in names)) as supervisor:
        await until(lambda: all("up" in " ".join(supervisor.logs(name)) for name in names))
        began = asyncio.get_running_loop().time()
        await supervisor.stop()
        assert asyncio.get_running_loop().time() - began < 1.5
    assert {m.state for m in supervisor.modules()} == {"stopped"}


async def test_stop_can_be_called_twice_and_before_run(bench: Bench) -> None:
    supervisor = bench.supervisor(module("m", "print('ran')"))
    await supervisor.stop()
    await supervisor.run()
    await supervisor.stop()
    assert supervisor.module("m").state == "stopped"
    assert supervisor.logs("m") == []


async def test_cancelling_run_leaves_no_process(bench: Bench) -> None:
    supervisor = bench.supervisor(module("m", TWO_ROWS, outputs=OUT))
    task = asyncio.create_task(supervisor.run())
    await bench.until_rows("/a/out", 2)
    pid = (await supervisor.statistics("m"))[0].pid
    assert pid is not None
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# ------------------------------------------------------------------ what is known


async def test_modules_are_found_by_name_and_id(bench: Bench) -> None:
    supervisor = bench.supervisor(module("a", ""), module("b", "", outputs=OUT, is_app=True))
    assert [m.id for m in supervisor.modules()] == [0, 1]
    described = supervisor.module("b")
    assert supervisor.module(1).name == "b"
    assert (described.is_app, described.outputs) == (True, {"output": "/a/out"})
    for spec in ("c", 2, -1):
        with pytest.raises(NotFoundError, match="module does not exist"):
            supervisor.module(spec)
        with pytest.raises(NotFoundError):
            supervisor.logs(spec)
        with pytest.raises(NotFoundError):
            await supervisor.statistics(spec)


async def test_a_module_with_a_web_interface_gets_a_socket_that_is_cleared(bench: Bench) -> None:
    socket = bench.folder / "module0"
    socket.touch()
    code = """
    at = sys.argv.index("--socket") + 1
    print(os.path.exists(sys.argv[at]))
    open(sys.argv[at], "w").close()
    sleep()
    """
    async with bench.running(module("m", code, is_app=True)) as supervisor:
        await until(lambda: len(supervisor.logs("m")) > 1)
        assert supervisor.logs("m")[1].endswith("False")
        await until(socket.exists)
    assert not socket.exists()


async def test_output_is_echoed_with_the_name_of_the_module(bench: Bench) -> None:
    echoed: list[tuple[str, str]] = []
    code = "print('out'); print('err', file=sys.stderr); sleep()"
    async with bench.running(module("m", code), echo=lambda *line: echoed.append(line)):
        await until(lambda: len(echoed) == 3)
    assert echoed[:3] == [("m", "---starting module---"), ("m", "out"), ("m", "err")]


async def test_modules_get_the_environment_of_the_daemon(bench: Bench) -> None:
    code = "print(os.environ['PYTHONUNBUFFERED'], os.environ.get('X'), os.environ.get('HOME'))"
    async with bench.running(module("m", code), environment={"X": "y"}) as supervisor:
        await until(lambda: len(supervisor.logs("m")) > 1)
        assert supervisor.logs("m")[1].endswith("1 y None")
