from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from joule.errors import ConflictError, InvalidRequestError, NotFoundError
from joule.models.access import key_hash
from joule.node import LocalNode

if TYPE_CHECKING:
    from joule.testing.clock import FakeClock
    from tests.unit.node.support import ChosenEngine

KEY = "k" * 32


async def test_a_generated_key_opens_the_node_and_no_other_does(node: LocalNode) -> None:
    key = await node.access.add_user("alice")
    assert len(key) == 43
    owner = node.access.authorise(key)
    assert owner is not None
    assert (owner.name, owner.type, owner.scope) == ("alice", "USER", "admin")
    for wrong in (None, "", key[:-1], key + "x", key.swapcase(), "\udcff"):
        assert node.access.authorise(wrong) is None


async def test_only_the_hash_of_a_key_is_kept(node: LocalNode, engine: ChosenEngine) -> None:
    await node.access.add_user("alice", KEY)
    [record] = (await engine.catalog.load()).masters
    assert record.key_hash == hashlib.sha256(KEY.encode()).digest()
    assert KEY not in repr(record)


async def test_masters_survive_a_restart(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock
) -> None:
    await node.access.add_user("alice", KEY, scope="read")
    again = await LocalNode.open(engine, "n", clock=clock)
    owner = again.access.authorise(KEY)
    assert owner is not None
    assert (owner.name, owner.scope) == ("alice", "read")


async def test_the_key_of_a_user_that_exists_is_not_changed(node: LocalNode) -> None:
    key = await node.access.add_user("alice")
    with pytest.raises(ConflictError, match=r"^User already exists$"):
        await node.access.add_user("alice")
    assert node.access.authorise(key) is not None


async def test_a_user_can_be_given_a_new_key_when_asked_for(node: LocalNode) -> None:
    old = await node.access.add_user("alice")
    new = await node.access.add_user("alice", replace=True)
    assert node.access.authorise(old) is None
    assert node.access.authorise(new) is not None
    assert len(node.access.list()) == 1


async def test_a_short_key_is_refused(node: LocalNode) -> None:
    with pytest.raises(InvalidRequestError, match=r"^API Key must be at least 32 characters$"):
        await node.access.add_user("alice", "k" * 31)
    assert await node.access.add_user("alice", "k" * 10, key_length_min=10) == "k" * 10


async def test_a_key_of_somebody_else_is_refused(node: LocalNode) -> None:
    await node.access.add_user("alice", KEY)
    with pytest.raises(ConflictError, match="belongs to somebody else"):
        await node.access.add_user("bob", KEY)
    assert await node.access.add_user("alice", KEY, replace=True) == KEY


@pytest.mark.parametrize(
    ("kind", "name", "scope"), [("USER", "", "admin"), ("USER", "a", "root"), ("CAT", "a", "read")]
)
async def test_a_master_without_name_or_of_unknown_kind_or_scope_is_refused(
    node: LocalNode, kind: str, name: str, scope: str
) -> None:
    with pytest.raises(InvalidRequestError):
        await node.access.add(kind, name, scope=scope)
    assert node.access.list() == []


async def test_removing_a_master_takes_its_key_away_and_keeps_those_it_added(
    node: LocalNode,
) -> None:
    key = await node.access.add_user("alice")
    alice = node.access.authorise(key)
    assert alice is not None
    bobs = await node.access.add_user("bob", grantor_id=alice.id)
    await node.access.remove("alice")
    assert node.access.authorise(key) is None
    bob = node.access.authorise(bobs)
    assert bob is not None
    assert bob.grantor_id is None


async def test_removing_somebody_unknown_names_the_node(node: LocalNode) -> None:
    await node.access.add_user("alice")
    with pytest.raises(
        NotFoundError, match=r"^joule_node \[alice\] is not a master of node \[n\]$"
    ):
        await node.access.remove("alice", "JOULE_NODE")


async def test_the_same_name_may_be_a_user_and_a_node(node: LocalNode) -> None:
    await node.access.add_user("x")
    await node.access.add("LUMEN_NODE", "x")
    assert [(m.type, m.name) for m in node.access.list()] == [("USER", "x"), ("LUMEN_NODE", "x")]


async def test_an_offered_key_is_good_at_once_and_for_good_when_accepted(
    node: LocalNode, engine: ChosenEngine
) -> None:
    async with node.access.offered("JOULE_NODE", scope="write") as offer:
        owner = node.access.authorise(offer.key)
        assert owner is not None
        assert owner.scope == "write"
        assert node.access.list() == []
        assert (await engine.catalog.load()).masters == ()
        await node.access.accept(offer, "other")
    [master] = node.access.list()
    assert (master.type, master.name, master.scope) == ("JOULE_NODE", "other", "write")
    assert node.access.authorise(offer.key) == master
    assert (await engine.catalog.load()).masters == (master,)


async def test_nothing_is_left_of_an_offer_that_fails(
    node: LocalNode, engine: ChosenEngine
) -> None:
    revoked: list[bytes] = []
    node.access.watch(revoked.append)
    with pytest.raises(TimeoutError):
        async with node.access.offered("LUMEN_NODE") as offer:
            raise TimeoutError
    assert node.access.authorise(offer.key) is None
    assert revoked == [offer.master.key_hash]
    assert (await engine.catalog.load()).masters == ()


async def test_an_accepted_offer_takes_the_place_of_the_older_one(node: LocalNode) -> None:
    keys = []
    for _ in range(2):
        async with node.access.offered("LUMEN_NODE") as offer:
            await node.access.accept(offer, "lumen")
            keys.append(offer.key)
    assert len(node.access.list()) == 1
    assert node.access.authorise(keys[0]) is None
    assert node.access.authorise(keys[1]) is not None


async def test_who_watches_learns_of_every_key_that_is_no_longer_good(node: LocalNode) -> None:
    revoked: list[bytes] = []
    node.access.watch(revoked.append)
    old = await node.access.add_user("alice")
    new = await node.access.add_user("alice", replace=True)
    assert revoked == [key_hash(old)]
    await node.access.add_user("alice", new, replace=True, scope="read")
    assert len(revoked) == 1
    await node.access.remove("alice")
    assert revoked == [key_hash(old), key_hash(new)]
