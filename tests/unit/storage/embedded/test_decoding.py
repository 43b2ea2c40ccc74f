from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from joule.storage.embedded import decoding
from joule.storage.embedded.decoding import WORTH_BYTES, Decoders

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 1 << 30


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoders]:
    monkeypatch.setattr(decoding, "HELPERS", 1)
    decoders = Decoders()
    yield decoders
    decoders.close()
    decoders.close()


def test_results_come_in_the_order_of_the_items(decoders: Decoders) -> None:
    for count in (0, 1, 2, 100):
        assert decoders.each(lambda n: n * n, range(count), LARGE) == [n * n for n in range(count)]


def test_two_threads_work_at_the_same_time(decoders: Decoders) -> None:
    both = threading.Barrier(2, timeout=10)
    assert (
        len(set(decoders.each(lambda _: (both.wait(), threading.get_ident())[1], "ab", LARGE))) == 2
    )


def test_small_items_are_left_to_the_thread_that_asks(decoders: Decoders) -> None:
    found = decoders.each(lambda _: threading.get_ident(), range(10), 10 * WORTH_BYTES - 1)
    assert set(found) == {threading.get_ident()}


def test_a_helper_that_is_busy_is_not_waited_for(decoders: Decoders) -> None:
    release, asked = threading.Event(), threading.Barrier(3, timeout=10)

    def hold(_: int) -> None:
        asked.wait()
        assert release.wait(10)

    # Another thread keeps itself and the only helper busy.
    other = threading.Thread(target=lambda: decoders.each(hold, range(2), LARGE))
    other.start()
    asked.wait()
    assert decoders.each(str, range(3), LARGE) == ["0", "1", "2"]
    release.set()
    other.join()


def test_the_first_item_that_fails_is_told(decoders: Decoders) -> None:
    both = threading.Barrier(2, timeout=10)

    def fail(number: int) -> None:
        both.wait()
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        decoders.each(fail, range(2), LARGE)
    assert decoders.each(str, range(3), LARGE) == ["0", "1", "2"]
