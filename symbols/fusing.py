"""A block of the supernet as one operator (symbols/native/): its plan, and its arrays in the order that the operator takes them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import mxnet as mx

from .backend.types import Array, Block, Parameter
from .gates import GateLayout
from .operations import OPERATIONS, AveragePool, Depthwise, MaxPool, Operation, Pointwise
from .space import BLOCK_INPUT, Node, SearchSpace
from .units import BatchNormReLU, Conv

WIDEST = 15  # of kernels (native/plan.h)


def plan(
    space: SearchSpace,
    levels: Sequence[Sequence[Node]],
    sources: Mapping[Node, Sequence[Node]],
    outputs: Sequence[Node],
    projected: bool,
) -> Optional[str]:
    """Write down what a block computes, as native/plan.h reads it; None where an operation is none that it knows.

    levels: the operations that are there. sources: of each operation with λ, what feeds it. outputs: what feeds the block's output.
    projected: whether the shortcut is a convolution.
    """
    layout = GateLayout(space)
    numbers = {BLOCK_INPUT: 0}
    parts: List[str] = []
    for nodes in levels:
        before = list(numbers)
        for node in nodes:
            window = _window(OPERATIONS[space.operations[node.operation]])
            if window is None:
                return None
            edges = '0:-1'
            if layout.gated(node.level):
                feeding = {
                    source for other in nodes for source in sources[other]
                }  # all sums of a level have the same terms
                places = {source: layout.place(source, node) for source in before if source in feeding}
                edges = _edges(numbers, places)
            parts.append(f'{window} {node.level} {edges}')
            numbers[node] = len(numbers)
    level = Node(space.levels + 1, 0)
    output = _edges(numbers, {source: layout.place(source, level) for source in outputs})
    return '|'.join([';'.join(parts), output, 'convolution' if projected else 'identity'])


def _edges(numbers: Mapping[Node, int], places: Mapping[Node, int]) -> str:
    return ' '.join(f'{numbers[source]}:{place}' for source, place in places.items())


def _window(operation: Operation) -> Optional[str]:
    """Kind, kernel and dilation of an operation that the operator knows."""
    kinds: Dict[Tuple[Any, ...], str] = {
        (Depthwise, Pointwise): 'separable',
        (Depthwise,): 'depthwise',
        (AveragePool,): 'average',
        (MaxPool,): 'max',
    }
    kind = kinds.get(tuple(type(layer) for layer in operation.layers))
    if kind is None:
        return None
    first: Any = operation.layers[0]
    if first.kernel % 2 == 0 or first.kernel > WIDEST:
        return None
    return f'{kind} {first.kernel} {getattr(first, "dilation", 1)}'


def arrays(x: Array, blocks: Sequence[Block]) -> List[Array]:
    """Return the arrays of blocks of convolutions and batch norms, in their order. x: of the graph that is built, or an NDArray."""
    found = []
    for block in blocks:
        for parameter in _parameters(block):
            found.append(parameter.data(x.context) if isinstance(x, mx.nd.NDArray) else parameter.var())
    return found


def _parameters(block: Block) -> Iterator[Parameter]:
    for layer in [block] if isinstance(block, BatchNormReLU) else block:
        if isinstance(layer, Conv):
            yield layer.weight
        elif isinstance(layer, BatchNormReLU):
            yield from (layer.gamma, layer.beta, layer.running_mean, layer.running_var)
