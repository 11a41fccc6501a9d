"""Batches in the background: in order, bounded, errors where they belong, threads gone after close."""

import gc
import threading
import time

import pytest

from dsonas.data.prefetch import Batches


@pytest.fixture
def threads():
    """How many threads there are more than when the test began."""
    before = set(threading.enumerate())
    return lambda: len(set(threading.enumerate()) - before)


@pytest.mark.parametrize('workers', [0, 1, 3])
def test_order_and_length(workers, threads):
    batches = Batches(lambda i: i * i, 2, 9, workers)
    assert len(batches) == 7
    assert next(batches) == 4 and len(batches) == 6
    assert list(batches) == [9, 16, 25, 36, 49, 64] and len(batches) == 0
    assert list(batches) == [] and threads() == 0


@pytest.mark.parametrize('workers', [1, 2])
def test_no_more_than_so_many_ahead(workers):
    made = []
    batches = Batches(lambda i: made.append(i) or i, 0, 1000, workers, ahead=3)
    next(batches)
    time.sleep(0.2)
    assert sorted(made) == [0, 1, 2, 3]
    batches.close()


@pytest.mark.parametrize('workers', [0, 2])
def test_an_error_comes_at_its_place(workers, threads):
    def make(i):
        if i == 3:
            raise OSError('record 3 is gone')
        return i

    batches = Batches(make, 0, 10, workers)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match='record 3'):
        next(batches)
    assert list(batches) == [] and threads() == 0


def test_close_ends_the_threads_and_the_pass(threads):
    with Batches(lambda i: time.sleep(0.01) or i, 0, 1000, 2) as batches:
        assert next(batches) == 0
    assert threads() == 0 and list(batches) == []
    batches.close()


def test_work_goes_on_while_the_consumer_works():
    made = threading.Event()
    batches = Batches(lambda i: made.set() if i == 1 else i, 0, 2, 1)
    next(batches)
    assert made.wait(5)
    batches.close()


def test_empty_pass():
    assert list(Batches(lambda i: i, 4, 3)) == []


def test_a_pass_that_is_given_up_leaves_no_thread(threads):
    batches = Batches(lambda i: i, 0, 1000, 2)
    next(batches)
    del batches
    gc.collect()
    for _ in range(100):
        if threads() == 0:
            break
        time.sleep(0.05)
    assert threads() == 0
