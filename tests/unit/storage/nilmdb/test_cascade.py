from __future__ import annotations

from itertools import pairwise

import numpy as np

from joule.models.decimation import reduce
from joule.models.layout import Layout
from joule.storage.nilmdb.cascade import WORTH_GROUPS, Cascade, LevelRows
from joule.storage.stretch import Stretch
from joule.testing.engine_contract.checks import make_rows

LAYOUT = Layout("int16", 2)


def stretch(start: int, end: int, *breaks: int) -> Stretch:
    rows = make_rows(LAYOUT, np.arange(start, end) * 10)
    return Stretch(rows, np.array(breaks, dtype=np.intp) - start)


def all_of(cascade: Cascade, *parts: Stretch) -> dict[int, list[LevelRows]]:
    found = [one for part in parts for one in cascade.push(part)] + cascade.finish()
    levels = sorted({one.level for one in found})
    return {level: [one for one in found if one.level == level] for level in levels}


def test_groups_are_those_of_all_rows_at_once_however_they_come() -> None:
    whole = stretch(0, 3000)
    cuts = [0, 1, 5, 5, 400, 1033, 2999, 3000]
    found = all_of(Cascade(LAYOUT), *(whole.part(*pair) for pair in pairwise(cuts)))
    assert list(found) == [4, 16, 64, 256, 1024]
    for level, parts in found.items():
        rows = np.concatenate([part.rows for part in parts])
        expected = reduce(whole.rows, level)[: 3000 // level]
        np.testing.assert_array_equal(rows["data"], expected.to_rows()["data"])
        assert (np.abs(rows["timestamp"] - expected.timestamp) <= 5).all()


def test_the_time_of_a_level_is_that_of_the_rows_in_its_groups() -> None:
    for level, parts in all_of(Cascade(LAYOUT), stretch(0, 500), stretch(500, 1100)).items():
        ends = [part.interval.end for part in parts]
        assert [part.interval.start for part in parts] == [0, *ends[:-1]]
        assert ends[-1] == 10 * (1100 // level * level - 1) + 1


def test_a_break_ends_all_groups() -> None:
    found = all_of(Cascade(LAYOUT), stretch(0, 150, 70))
    assert [(one.interval, len(one.rows)) for one in found[4]] == [
        ((0, 671), 17),
        ((700, 1491), 20),
    ]
    assert [one.interval.start for one in found[16]] == [0, 700]


def test_a_level_is_written_when_it_is_worth_a_request_and_those_below_with_it() -> None:
    cascade = Cascade(LAYOUT)
    assert cascade.push(stretch(0, 4 * WORTH_GROUPS - 1)) == []
    assert [one.level for one in cascade.push(stretch(255, 256))] == [4]
    rest = cascade.push(stretch(256, 16 * WORTH_GROUPS + 8))
    assert [one.level for one in rest] == [4, 16]
    assert len(rest[0].rows) * 4 >= len(rest[1].rows) * 16 - 256
