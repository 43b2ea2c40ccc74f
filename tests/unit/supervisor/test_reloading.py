from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joule.config.module_conf import ModuleConf
from joule.supervisor.reloading import plan_reload
from tests.unit.supervisor.conftest import Bench, module, until

if TYPE_CHECKING:
    from joule.supervisor import Supervisor

A, B, C = (ModuleConf(n, "x", file=Path(f"/etc/{n}.conf")) for n in ("a", "b", "c"))
WRONG_A = replace(A, fault="bad pipe")


def test_nothing_leaves_when_nothing_has_changed() -> None:
    plan = plan_reload([A, B], [A, B])
    assert (plan.leaving, plan.coming) == ((), ())
    assert plan.order == ("/etc/a.conf", "/etc/b.conf")


def test_added_changed_and_removed_modules_are_told_apart() -> None:
    changed = replace(B, arguments={"x": "1"})
    plan = plan_reload([A, B], [changed, C])
    assert (plan.added, plan.changed, plan.removed) == (("c",), ("b",), ("a",))
    assert plan.leaving == ("/etc/a.conf", "/etc/b.conf")
    assert plan.coming == (changed, C)


def test_a_file_that_has_become_wrong_changes_nothing() -> None:
    for plan in (
        plan_reload([A, B], [B], [Path("/etc/a.conf")]),
        plan_reload([A, B], [WRONG_A, B]),
    ):
        assert (plan.added, plan.changed, plan.removed, plan.leaving) == ((), (), (), ())
        assert plan.order == ("/etc/a.conf", "/etc/b.conf")


def test_a_file_that_was_wrong_may_be_wrong_in_another_way() -> None:
    other = replace(A, fault="another")
    assert plan_reload([WRONG_A], [other]).coming == (other,)


def test_what_failed_to_load_is_tried_again_without_being_changed() -> None:
    plan = plan_reload([A, B], [A, B], failed=["/etc/b.conf"])
    assert (plan.changed, plan.leaving, plan.coming) == ((), ("/etc/b.conf",), (B,))


OUT = {"output": "/a/out:int32[x]"}
READ = "write(row(time.time_ns() // 1000, %d)); sleep()"
TAKE = """
while data := os.read(input_(), 12):
    stamp, value = struct.unpack("<qi", data)
    print("took", "break" if not stamp else value)
"""


def conf(name: str, code: str, **options: Any) -> ModuleConf:
    return replace(module(name, code, **options), file=Path(f"/etc/{name}.conf"))


def pids(supervisor: Supervisor) -> dict[str, int | None]:
    return {worker.conf.name: worker.pid for worker in supervisor._crew}


async def test_only_what_has_changed_is_stopped_and_started(bench: Bench) -> None:
    same, other = conf("same", "sleep()"), conf("zother", "sleep()")
    changed = conf("changed", "sleep()")
    async with bench.running(changed, same, other) as supervisor:
        await until(lambda: all(pids(supervisor).values()))
        before = pids(supervisor)
        new = replace(changed, description="new")
        report = await supervisor.reload([conf("more", "sleep()"), new, same])
        assert (report.added, report.changed, report.removed) == (
            ("more",),
            ("changed",),
            ("zother",),
        )
        await until(lambda: all(pids(supervisor).values()))
        assert [m.name for m in supervisor.modules()] == ["changed", "more", "same"]
        assert [m.id for m in supervisor.modules()] == [0, 3, 1]
        assert pids(supervisor)["same"] == before["same"]
        assert pids(supervisor)["changed"] != before["changed"]
        assert supervisor.module("changed").description == "new"
        log = supervisor.logs("changed")
        assert sum("starting module" in line for line in log) == 2


async def test_who_reads_a_changed_module_goes_on_with_its_successor(bench: Bench) -> None:
    producer = conf("a", READ % 1, outputs=OUT)
    taker = conf("t", TAKE, inputs={"input": "/a/out"})

    def took() -> list[str]:
        return [line.partition("took ")[2] for line in supervisor.logs("t") if "took" in line]

    async with bench.running(producer, taker) as supervisor:
        await until(lambda: took() == ["1"])
        changed = conf("a", READ % 2, outputs=OUT)
        await supervisor.reload([changed, taker])
        await until(lambda: took() == ["1", "break", "2"])
        assert supervisor.module("t").restarts == 0
        assert not (await supervisor.reload([changed, taker])).changed


async def test_streams_are_free_for_modules_that_come_and_failed_ones_get_them(
    bench: Bench,
) -> None:
    first, second = conf("a", READ % 1, outputs=OUT), conf("b", READ % 2, outputs=OUT)
    lonely = conf("c", TAKE, inputs={"input": "/b/out:int32[x]"})
    async with bench.running(first, second, lonely) as supervisor:
        await until(lambda: supervisor.module("c").state == "failed to load")
        assert supervisor.module("b").state == "failed to load"
        source = conf("d", READ % 3, outputs={"output": "/b/out:int32[x]"})
        report = await supervisor.reload([second, lonely, source])
        assert (report.added, report.changed, report.removed) == (("d",), (), ("a",))
        assert [m.state for m in supervisor.modules()] == ["running"] * 3
        assert bench.stream("/b/out").is_source
        assert not (await supervisor.reload([])).added
        assert not bench.stream("/b/out").is_source
        assert not bench.stream("/a/out").is_destination


async def test_the_log_goes_with_the_name(bench: Bench) -> None:
    async with bench.running(conf("a", "print('old'); sleep()")) as supervisor:
        await until(lambda: "old" in " ".join(supervisor.logs("a")))
        renamed = replace(conf("a", "sleep()"), name="z")
        await supervisor.reload([renamed])
        assert [m.name for m in supervisor.modules()] == ["z"]
        assert not any("old" in line for line in supervisor.logs("z"))
