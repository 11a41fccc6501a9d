"""Errors and losses of a test against NumPy, whatever the size of its last batch."""

import mxnet as mx
import numpy as np
import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.train.config.tree import Train
from dsonas.train.deriving import timing
from dsonas.train.engine.testing import evaluate
from dsonas.train.runtime.devices import Devices

from ..tools.runmaker import SMALL
from ..tools.trainedmaker import make_trained

COUNT, CLASSES = 23, 7


@pytest.mark.parametrize('cpus', [1, 2])
@pytest.mark.parametrize('batch', [1, 4, 10, 22, 23, 50])
def test_every_image_counts_once(batch, cpus):
    generator = np.random.RandomState(batch)
    x = generator.randn(COUNT, CLASSES).astype(np.float32)  # the network passes them on: they are the logits
    y = generator.randint(0, CLASSES, COUNT).astype(np.int32)
    batches = [(x[first : first + batch], y[first : first + batch]) for first in range(0, COUNT, batch)]
    seen = []
    result = evaluate(
        lambda images: images * 1.0,
        batches,
        batch,
        Devices(Train(cpus=cpus)),
        topk=3,
        classes=CLASSES,
        seen=lambda logits, labels: seen.append((logits, labels)),
    )
    order = np.argsort(-x, axis=1)
    shifted = x - x.max(1, keepdims=True)
    loss = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(COUNT), y]
    assert result.images == COUNT and result.loss == pytest.approx(loss.mean(), rel=1e-5)
    assert result.error == pytest.approx(100 * (order[:, 0] != y).mean())
    assert result.topk_error == pytest.approx(100 * (order[:, :3] != y[:, None]).all(1).mean())
    for found, given in zip(zip(*seen), (x, y)):
        assert np.array_equal(np.concatenate(found), given)
    for label in range(CLASSES):
        count, wrong = (y == label).sum(), ((y == label) & (order[:, 0] != y)).sum()
        assert result.class_images[label] == count
        assert result.class_errors[label] == (pytest.approx(100 * wrong / count) if count else None)


def test_nothing_to_test_on():
    with pytest.raises(ValueError, match='no image to test on'):
        evaluate(lambda images: images, [], 4, Devices(Train(cpus=1)))


def test_an_auxiliary_tower_is_not_asked():
    x, y = mx.nd.array([[0, 1.0], [2, 0]]).asnumpy(), np.array([1, 0], np.int32)
    assert evaluate(lambda images: (images, -images), [(x, y)], 2, Devices(Train(cpus=1)), topk=1).error == 0


def test_latency_is_timed_in_a_process_that_has_done_nothing_else(tmp_path, monkeypatch):
    folder, asked = make_trained(tmp_path / 'run', Architecture.random(SMALL, 1, 0.4)), []
    monkeypatch.setattr(timing, 'measure', lambda *where: asked.append(where) or {'latency_ms': -1.0})
    found = timing.timed(str(folder), mx.cpu(0))
    assert not asked and 0 < found['latency_ms'] < 60_000 and found['latency']['batch'] == 1
    monkeypatch.setattr(timing.sys, 'executable', 'false')  # a process that does not get through
    assert timing.timed(str(folder), mx.cpu(0)) == {'latency_ms': -1.0} and asked == [(str(folder), 'cpu', 0)]
