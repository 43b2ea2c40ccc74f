"""Whatever was done to a stream, its stored groups have the form of Joule 1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from joule.models.intervals import ALL_TIME
from joule.storage.postgres.levels import covering
from joule.storage.postgres.tables import seams
from tests.property.test_postgres_against_model import PostgresAgainstModel
from tests.property.test_store_against_model import quick
from tests.unit.storage.postgres.level_kit import Group, group_of, stored_groups, stored_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Connection

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres import PostgresEngine


class Child(NamedTuple):
    """A row or group of a level, and the times of its first and last row."""

    group: Group
    first: int
    last: int


async def check_form(connection: Connection, stream: StreamRef) -> None:
    """Fail unless each group holds four neighbours between two cuts, and none is forgotten.

    Neighbours that are in no group lie at the ends of what is between two cuts.
    """
    groups = await stored_groups(connection, stream)
    if not groups:
        return
    cuts = [cut.time for cut in await seams.cuts(connection, stream.id, ALL_TIME, 10_000)]
    rows = await stored_rows(connection, stream)
    children = [Child(row, row[0], row[0]) for row in rows]
    for level in sorted(groups):
        children = _check_level(children, groups[level], cuts)


def _check_level(
    children: Sequence[Child], groups: Sequence[Group], cuts: Sequence[int]
) -> list[Child]:
    """Check the groups of a level against the level below, and give them."""
    is_in_group = [False] * len(children)
    found, at = [], 0
    for group in groups:
        while sum(child.group[0] for child in children[at : at + 4]) // 4 < group[0]:
            at += 1
        four = children[at : at + 4]
        assert group_of([child.group for child in four]) == group
        parent = Child(group, four[0].first, four[-1].last)
        assert not any(parent.first < cut <= parent.last for cut in cuts)
        is_in_group[at : at + 4] = [True] * 4
        found.append(parent)
        at += 4
    for start, end in zip([-(2**63), *cuts], [*cuts, 2**63], strict=True):
        run = [is_in_group[i] for i, child in enumerate(children) if start <= child.first < end]
        whole = "".join("#" if is_in else "." for is_in in run)
        assert "." not in whole.strip("."), f"a hole in the middle: {whole}"
    return found


class LevelsAgainstModel(PostgresAgainstModel):
    engine: PostgresEngine
    numbers = (
        *PostgresAgainstModel.numbers,
        (covering, "CUTS_MAX", 3),
        (covering, "PIECES_FEW", 1),
    )
    everywhere = (16,)

    @invariant()
    def groups_have_the_form_of_joule_1_0(self) -> None:
        server = self.engine._server
        self.run(server.read(lambda connection: check_form(connection, self.stream)))


def test_levels_against_model(postgres_address: str) -> None:
    LevelsAgainstModel.address = postgres_address
    few = settings(quick, max_examples=4)  # each step asks a server dozens of questions
    run_state_machine_as_test(LevelsAgainstModel, settings=few)
