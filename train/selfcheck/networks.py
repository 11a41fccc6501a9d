"""Operators and networks on a device, beside the CPU in double precision."""

import functools
from typing import Any, Callable, Dict, Tuple

import mxnet as mx
import numpy as np

from ...symbols.architecture import Architecture
from ...symbols.backend.finite import AT_ONCE, all_finite
from ...symbols.backend.kernels import kernels
from ...symbols.blocks import Reduction, operation_block
from ...symbols.network import Network
from ...symbols.operations import OPERATIONS
from ...symbols.space import SearchSpace
from ...symbols.supernet import Supernet
from .gradients import require_equal
from .target import Figures, Mismatch, Target

SPACE = SearchSpace.cifar10(channels=8, blocks=(1, 1, 1), classes=5)
IMAGENET = SearchSpace.imagenet(channels=8, classes=5, blocks=(1, 1))
CHANNELS, BATCH, SIZE, LARGE = 16, 4, 12, 64  # pixels: with the cifar and the imagenet stem
RANDOM = ('noise',)  # operations whose output is drawn
WORKING = 'works'


def _images(size: int, channels: int = 3) -> np.ndarray:
    return np.random.RandomState(3).standard_normal((BATCH, channels, size, size))


def device(target: Target) -> Figures:
    """Check that every device computes at all, and that values pass between it and the CPU."""
    figures: Figures = {}
    for context in target.devices(target.count).contexts:
        values = np.arange(12, dtype=np.float32).reshape(3, 4)
        product = mx.nd.dot(mx.nd.array(values, ctx=context), mx.nd.array(values.T, ctx=context)).asnumpy()
        if not np.array_equal(product, values @ values.T):
            raise Mismatch(f'{context}: a product of small whole numbers is wrong')
        figures[str(context)] = WORKING
        if target.on_gpu:
            free, total = mx.context.gpu_memory_info(context.device_id)
            figures[f'{context} memory GB'], figures[f'{context} free GB'] = total / 1e9, free / 1e9
    return figures


def operators(target: Target) -> Figures:
    """Check forward and backward of every registered operation, and of a reduction block, with every kind of kernels."""
    inputs = [_images(SIZE, CHANNELS)]
    figures: Figures = {}
    makes: Dict[str, Callable[[str], Any]] = {
        name: functools.partial(_operation, name) for name in OPERATIONS if name not in RANDOM
    }
    makes['reduction'] = _Reduced
    for name, make in makes.items():
        figures[name] = max(require_equal(target, make, inputs, kind, name) for kind in target.kinds)
    return figures


def _operation(name: str, kind: str) -> Any:
    return operation_block(name, CHANNELS, kernels(kind), True, f'{name}_')


class _Reduced(mx.gluon.HybridBlock):
    """A reduction block without λ."""

    def __init__(self, kind: str) -> None:
        super().__init__(prefix='reduced_')
        with self.name_scope():
            branches = Architecture.full(SPACE).reduction_branches(0)
            self.inner = Reduction(CHANNELS, 2 * CHANNELS, branches, kernels(kind), True, 'r00_')

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return self.inner(x)


def networks(target: Target) -> Figures:
    """Check forward and backward of supernets, whole and pruned, and of derived networks with all their parts."""
    pruned, sparse = Architecture.random(SPACE, seed=1, keep=0.5), Architecture.random(SPACE, seed=2, keep=0.3)
    imagenet, no_drop = Architecture.random(IMAGENET, seed=3, keep=0.4), np.zeros(1)
    cases: Dict[str, Tuple[Callable[[str], Any], Tuple[np.ndarray, ...]]] = {
        'supernet': (lambda kind: Supernet(SPACE, kernels_kind=kind), (_images(SIZE),)),
        'pruned supernet': (lambda kind: Supernet(SPACE, pruned, kernels_kind=kind), (_images(SIZE),)),
        'derived network': (
            lambda kind: Network(sparse, auxiliary=True, drop_path=True, image_size=2 * SIZE, kernels_kind=kind),
            (_images(2 * SIZE), no_drop),
        ),
        'derived network, imagenet stem': (
            lambda kind: Network(imagenet, image_size=LARGE, kernels_kind=kind),
            (_images(LARGE),),
        ),
    }
    return {
        name: max(require_equal(target, make, inputs, kind, name) for kind in target.kinds)
        for name, (make, inputs) in cases.items()
    }


def finite(target: Target) -> Figures:
    """Check that numbers that are not finite are seen, in one array of many."""
    arrays = [mx.nd.ones((3,), ctx=target.first) for _ in range(2 * AT_ONCE + 1)]
    if all_finite(arrays).asscalar() != 1:
        raise Mismatch(f'{len(arrays)} arrays of ones count as not finite')
    for place in (0, AT_ONCE, 2 * AT_ONCE):
        for number in (np.nan, np.inf):
            arrays[place][1] = number
            if all_finite(arrays).asscalar() != 0:
                raise Mismatch(f'{number} in array {place} of {len(arrays)} is not seen')
            arrays[place][1] = 1.0
    return {'arrays': len(arrays)}
