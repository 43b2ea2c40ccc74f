from __future__ import annotations

import pytest

from joule.config.users_file import AddUser, DeleteUsers, user_changes

KEY = "k" * 32


def deletion(line: str) -> DeleteUsers:
    [change], faults = user_changes(line)
    assert faults == []
    assert isinstance(change, DeleteUsers)
    return change


def test_entries_and_deletions_come_in_the_order_of_the_file() -> None:
    text = f"# users\n\n  alice ,  {KEY}  \nDELETE bob\nJohn Doe,{KEY}\n"
    changes, faults = user_changes(text)
    assert faults == []
    assert changes[0] == AddUser("alice", KEY)
    assert isinstance(changes[1], DeleteUsers)
    assert changes[2] == AddUser("John Doe", KEY)


@pytest.mark.parametrize(
    "line",
    ["alice", "alice,", f",{KEY}", f"a,b,{KEY}", "DELETE", "DELETE a b", "DELETE LIKE a b", "a b"],
)
def test_a_line_that_cannot_be_understood_is_a_fault_and_the_others_count(line: str) -> None:
    changes, faults = user_changes(f"{line}\nalice, {KEY}\n")
    assert changes == [AddUser("alice", KEY)]
    [fault] = faults
    assert fault.startswith("line 1: invalid syntax")


def test_a_short_key_is_refused_and_not_shown() -> None:
    changes, [fault] = user_changes("alice, abcdefghi\nbob, abcdefghij\n")
    assert changes == [AddUser("bob", "abcdefghij")]
    assert fault == "line 1: the key of [alice] must be at least 10 characters long"


@pytest.mark.parametrize(
    ("line", "yes", "no"),
    [
        ("DELETE bob", ["bob"], ["bobby", "Bob", "xbob"]),
        ("DELETE b.b", ["b.b"], ["bob"]),
        ("DELETE LIKE b%", ["b", "bob", "b\nb"], ["abba", "Bob"]),
        ("DELETE LIKE b_b", ["bob", "b.b"], ["bb", "bobb"]),
        (r"DELETE LIKE b\_b%", ["b_b", "b_bb"], ["bob"]),
        ("DELETE LIKE b.%", ["b.", "b.c"], ["bob"]),
    ],
)
def test_a_deletion_means_whole_names(line: str, yes: list[str], no: list[str]) -> None:
    users = deletion(line)
    assert [name for name in yes + no if users.matches(name)] == yes
