"""Outputs and gradients of a block on a device, with values that depend on nothing but parameters' order and a seed."""

import dataclasses
from typing import Any, Callable, Dict, List, Sequence

import mxnet as mx
import numpy as np
from mxnet import autograd

from .target import Target, require_close

OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = (
    1e-3,
    1e-2,
)  # single beside double precision; wrong kernels were seen to deviate by 0.4
Make = Callable[[str], Any]  # a kind of kernels -> a HybridBlock


@dataclasses.dataclass(frozen=True)
class Computed:
    """Outputs, gradients of inputs and weights, running statistics after two steps, and outputs in inference mode, by name."""

    outputs: Dict[str, np.ndarray]
    gradients: Dict[str, np.ndarray]


def compute(net: Any, context: mx.Context, dtype: str, inputs: Sequence[np.ndarray]) -> Computed:
    """Run a fresh block forward and backward. inputs: the first one gets a gradient, too."""
    net.cast(dtype)
    net.initialize(ctx=context)
    net.hybridize(static_alloc=True, static_shape=True)
    arrays = [mx.nd.array(array, ctx=context, dtype=dtype) for array in inputs]
    net(*arrays)  # settles the shapes
    _fill(net)
    arrays[0].attach_grad()
    for _ in range(2):  # the second one from the memory that the first has planned
        with autograd.record():
            outputs = _listed(net(*arrays))
            losses = [(output * _weights(output)).sum() for output in outputs]
        autograd.backward(losses)
    params = net.collect_params()
    found = {f'output {number}': output.asnumpy() for number, output in enumerate(outputs)}
    mx.nd.waitall()  # batch norm writes its statistics in the backward pass, unknown to the engine
    found.update({name: param.data().asnumpy() for name, param in params.items() if 'running' in name})
    gradients = {name: param.grad().asnumpy() for name, param in params.items() if param.grad_req != 'null'}
    gradients['input'] = arrays[0].grad.asnumpy()
    for number, output in enumerate(_listed(net(*arrays))):
        found[f'inference {number}'] = output.asnumpy()
    return Computed(found, gradients)


def require_equal(target: Target, make: Make, inputs: Sequence[np.ndarray], kind: str, what: str) -> float:
    """Return the largest deviation of a block with kernels `kind` on the first device. Raises Mismatch beyond the tolerances.

    The reference is MXNet's own operators on the CPU in double precision.
    """
    found = compute(make(kind), target.first, 'float32', inputs)
    wanted = compute(make('plain'), mx.cpu(0), 'float64', inputs)
    what = f'{what}, {kind} kernels'
    largest = require_close(found.outputs, wanted.outputs, OUTPUT_TOLERANCE, what)
    return max(largest, require_close(found.gradients, wanted.gradients, GRADIENT_TOLERANCE, f'{what}, gradients'))


def _listed(outputs: Any) -> List[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _fill(net: Any) -> None:
    """Give every weight values of its own, λ others than one."""
    generator = np.random.RandomState(7)
    for name, param in sorted(net.collect_params().items()):
        values = generator.standard_normal(param.shape)
        if name.endswith('weight'):
            param.set_data(mx.nd.array(values / max(np.prod(param.shape[1:]), 1) ** 0.5, dtype=param.dtype))
        elif name.endswith('lambda'):
            param.set_data(mx.nd.array(0.8 + 0.1 * values, dtype=param.dtype))


def _weights(output: Any) -> Any:
    """Weights of a loss that has another gradient at every place."""
    ramp = np.cos(np.arange(output.size, dtype=np.float64)).reshape(output.shape)
    return mx.nd.array(ramp, ctx=output.context, dtype=output.dtype)
