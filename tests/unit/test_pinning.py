"""CPUs of their own for runs side by side."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from memcap.pinning import CpuPool

PATIENCE_SECONDS = 30


def test_runs_side_by_side_have_cpus_of_their_own() -> None:
    pool = CpuPool(range(4))
    with pool.taken(1) as one, pool.taken(2) as two, pool.taken(1) as three:
        assert (one, two, three) == ("0", "1,2", "3")
    with pool.taken(4) as everything:
        assert everything == "0,1,2,3"


def test_what_is_given_back_is_taken_again_lowest_first() -> None:
    pool = CpuPool(range(3))
    with pool.taken(1) as first:
        assert first == "0"
        with pool.taken(1) as second:
            assert second == "1"
        with pool.taken(2) as both:
            assert both == "1,2"


def test_runs_that_are_not_pinned_take_nothing_and_never_wait() -> None:
    pool = CpuPool(range(1))
    with pool.taken(1), pool.taken(None) as cpuset:
        assert cpuset == ""


@pytest.mark.parametrize("count", [0, -1, 3])
def test_what_can_never_be_had_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} of 2 CPUs"), CpuPool(range(2)).taken(count):
        pass


def test_a_run_that_fails_gives_its_cpus_back() -> None:
    pool = CpuPool(range(1))
    with pytest.raises(KeyboardInterrupt), pool.taken(1):
        raise KeyboardInterrupt
    with pool.taken(1) as cpuset:
        assert cpuset == "0"


def test_a_run_waits_until_all_its_cpus_are_free() -> None:
    pool, got = CpuPool(range(2)), threading.Event()

    def want_both() -> None:
        with pool.taken(2):
            got.set()

    waiting = threading.Thread(target=want_both)
    with ExitStack() as held, pool.taken(1):
        held.enter_context(pool.taken(1))
        waiting.start()
        held.close()
        assert not got.wait(0.05), "one of the two is still taken"
    assert got.wait(PATIENCE_SECONDS)
    waiting.join()


def test_many_runs_of_different_widths_neither_share_nor_hang() -> None:
    pool, lock, in_use, shared = CpuPool(range(4)), threading.Lock(), set[str](), list[str]()

    def run(width: int) -> None:
        for _ in range(50):
            with pool.taken(width) as cpuset:
                own = set(cpuset.split(","))
                with lock:
                    shared.extend(in_use & own)
                    in_use.update(own)
                with lock:
                    in_use.difference_update(own)

    threads = [threading.Thread(target=run, args=(1 + number % 4,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    assert shared == []
