from __future__ import annotations

import random
import re

from joule.supervisor.log import LINE_BYTES_MAX, ModuleLog, local_time


def make(lines_max: int = 100, echoed: list[str] | None = None) -> ModuleLog:
    return ModuleLog(lines_max, None if echoed is None else echoed.append, lambda: "T")


def test_lines_carry_the_local_time() -> None:
    log = ModuleLog(10)
    log.add("hello")
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\]: hello", log.lines[0])
    assert len(local_time()) == 26


def test_lines_cut_anywhere_come_out_whole() -> None:
    log = make()
    for piece in (b"on", b"e\ntw", b"o\n\nthr", b"ee\r\n"):
        log.feed(piece)
    assert log.lines == ["[T]: one", "[T]: two", "[T]: ", "[T]: three"]


def test_an_unfinished_last_line_is_a_line_once_the_module_has_ended() -> None:
    log = make()
    log.feed(b"no newline")
    assert log.lines == []
    log.finish()
    log.finish()
    assert log.lines == ["[T]: no newline"]


def test_only_the_configured_number_of_lines_is_kept() -> None:
    log = make(3)
    log.feed(b"".join(b"%d\n" % n for n in range(1000)))
    assert log.lines == ["[T]: 997", "[T]: 998", "[T]: 999"]


def test_the_last_lines_are_kept_however_the_output_is_cut() -> None:
    chance = random.Random(5)
    text = b"".join(b"%d" % n + b"\n" * chance.randint(1, 3) for n in range(500))
    for lines_max in (1, 2, 5):
        log, at = make(lines_max), 0
        while at < len(text):
            size = chance.randint(1, 40)
            log.feed(text[at : at + size])
            at += size
            expected = text[:at].decode().split("\n")[:-1][-lines_max:]
            assert log.lines == [f"[T]: {line}" for line in expected]


def test_any_bytes_are_tolerated() -> None:
    log = make()
    log.feed(b"caf\xc3\xa9 \xff\x00\nnext\n")
    assert log.lines == ["[T]: caf\xe9 \\xff\x00", "[T]: next"]


def test_a_huge_line_is_cut_and_the_lines_after_it_are_not_lost() -> None:
    log = make()
    for _ in range(5):
        log.feed(b"x" * 50_000)
    log.feed(b"end\nnext\n")
    assert len(log.lines) == 2
    assert log.lines[0].startswith("[T]: xxx")
    assert log.lines[0].endswith(f"x [line cut at {LINE_BYTES_MAX} bytes]")
    assert log.lines[1] == "[T]: next"


def test_a_huge_line_in_one_piece_is_cut_too() -> None:
    log = make()
    log.feed(b"x" * 200_000 + b"\nnext\n")
    assert len(log.lines[0]) < LINE_BYTES_MAX + 50
    assert log.lines[1] == "[T]: next"


def test_every_line_is_echoed_even_those_the_ring_cannot_hold() -> None:
    echoed: list[str] = []
    log = make(2, echoed)
    log.feed(b"a\nb\nc\nd\n")
    assert echoed == ["a", "b", "c", "d"]
    assert log.lines == ["[T]: c", "[T]: d"]
