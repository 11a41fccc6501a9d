"""Test a network: loss and errors over batches, on the devices of all workers."""

import dataclasses
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ..runtime.devices import Devices


@dataclasses.dataclass(frozen=True)
class TestResult:
    """Loss and errors (percent) over `images` images; by class where that was asked for, None for a class without images."""

    loss: float
    error: float
    topk_error: float
    images: int
    class_errors: Tuple[Optional[float], ...] = ()
    class_images: Tuple[int, ...] = ()


def evaluate(
    net: Any,
    batches: Iterable[Tuple[np.ndarray, np.ndarray]],
    batch_size: int,
    devices: Devices,
    topk: int = 5,
    classes: int = 0,
    inputs: Sequence[np.ndarray] = (),
    seen: Optional[Callable[[np.ndarray, np.ndarray], None]] = None,
) -> TestResult:
    """Test `net` on batches of at most `batch_size` (a short last one is filled up, so that no graph is built for it).

    Returns a TestResult over all workers; `classes`: how many there are, for errors by class. `seen` is called with each batch's
    logits and labels (numpy). Raises UserError if there is no image.
    """
    contexts = devices.contexts
    sums: List[Any] = [0.0, 0, 0, 0]
    by_class = [[0, 0] for _ in range(classes)]
    waiting: List[Any] = []

    def fetch(limit: int) -> None:
        while len(waiting) > limit:
            loss, order, labels, logits = waiting.pop(0)
            if seen is not None:
                seen(logits.asnumpy()[: len(labels)], labels)
            loss, order = loss.asnumpy()[: len(labels)], order.asnumpy()[: len(labels)].astype(int)
            hits = order == labels[:, None]
            sums[0] += float(loss.sum())
            sums[1] += int((~hits[:, 0]).sum())
            sums[2] += int((~hits.any(axis=1)).sum())
            sums[3] += len(labels)
            for label, hit in zip(labels, hits[:, 0]) if classes else ():
                by_class[label][0] += 1
                by_class[label][1] += int(not hit)

    for number, (x, y) in enumerate(batches):
        context = contexts[number % len(contexts)]
        images, labels = (mx.nd.array(_filled(array, batch_size), ctx=context, dtype=array.dtype) for array in (x, y))
        outputs = net(images, *[mx.nd.array(value, ctx=context, dtype=value.dtype) for value in inputs])
        logits = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        loss = -mx.nd.pick(mx.nd.log_softmax(logits, axis=-1), labels, axis=-1)
        waiting.append(
            (loss, mx.nd.topk(logits, k=min(topk, logits.shape[1]), axis=-1), y, logits if seen is not None else None)
        )
        fetch(2 * len(contexts))
    fetch(0)
    loss, wrong, far, count = devices.total(sums)
    if not count:
        raise UserError('no image to test on')
    errors = tuple(100.0 * missed / images if images else None for images, missed in by_class)
    return TestResult(
        float(loss / count),
        100.0 * float(wrong) / float(count),
        100.0 * float(far) / float(count),
        int(count),
        errors,
        tuple(images for images, _ in by_class),
    )


def _filled(array: np.ndarray, size: int) -> np.ndarray:
    if len(array) == size:
        return array
    return (
        np.resize(array, (size,) + array.shape[1:]) if len(array) else array
    )  # one after the other, then again from the first
