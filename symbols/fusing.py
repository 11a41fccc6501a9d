"""A block of a network as one operator (symbols/native/): its plan, and its arrays in the order that the operator takes them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import mxnet as mx

from .backend.types import Array, Block, Operators, Parameter
from .gates import GateLayout
from .operations import OPERATIONS, AveragePool, Depthwise, MaxPool, Operation, Pointwise
from .space import BLOCK_INPUT, Node, SearchSpace
from .units import BatchNormReLU, Conv

WIDEST = 15  # of kernels (native/plan.h)
Levels = Sequence[Sequence[Node]]
Sources = Mapping[Node, Sequence[Node]]


def supernet_plan(
    space: SearchSpace, levels: Levels, sources: Sources, outputs: Sequence[Node], projected: bool
) -> Optional[str]:
    """Write down what a block of the supernet computes, as native/plan.h reads it; None where an operation is none that it knows.

    levels: the operations that are there. sources: of each operation whose edges carry λ, what feeds it. outputs: what feeds the block's
    output. projected: whether the shortcut is a convolution.
    """
    layout = GateLayout(space)
    fed: Dict[Node, List[Node]] = {}
    for nodes in levels:
        feeding = {
            source for node in nodes for source in sources.get(node, ())
        }  # all sums of a level have the same terms
        before = [BLOCK_INPUT, *(node for node in fed)]
        fed.update({node: [source for source in before if source in feeding] or [BLOCK_INPUT] for node in nodes})

    def gate(source: Node, target: Node) -> int:
        return layout.place(source, target) if layout.gated(target.level) else -1

    return _plan(space, fed, outputs, gate, projected, 'fixed|learned')


def network_plan(
    space: SearchSpace,
    levels: Levels,
    sources: Sources,
    outputs: Sequence[Node],
    projected: bool,
    drawn: Mapping[Tuple[Node, Node], int],
) -> Optional[str]:
    """Write down what a block of a derived network computes, as supernet_plan; what has no `sources` reads the block's input.

    drawn: the place of each edge (source, target) that is dropped at random among an image's masks; empty: none is.
    """
    fed = {node: sources.get(node, [BLOCK_INPUT]) for nodes in levels for node in nodes}

    def mask(source: Node, target: Node) -> int:
        return drawn.get((source, target), -1)

    return _plan(space, fed, outputs, mask, projected, 'trained|drawn' if drawn else 'trained|learned')


def _plan(
    space: SearchSpace,
    fed: Sources,
    outputs: Sequence[Node],
    gate: Callable[[Node, Node], int],
    projected: bool,
    kinds: str,
) -> Optional[str]:
    """fed: the sources of each operation, by level. gate: gives the place of an edge's λ, or -1. kinds: of γ and of λ."""
    numbers = {BLOCK_INPUT: 0, **{node: number + 1 for number, node in enumerate(fed)}}

    def edges(sources: Sequence[Node], target: Node) -> str:
        return ' '.join(f'{numbers[source]}:{gate(source, target)}' for source in sources)

    parts: List[str] = []
    for node, sources in fed.items():
        window = _window(OPERATIONS[space.operations[node.operation]])
        if window is None:
            return None
        parts.append(f'{window} {node.level} {edges(sources, node)}')
    output = edges(outputs, space.output)
    return '|'.join([';'.join(parts), output, 'convolution' if projected else 'identity', kinds])


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


def arrays(F: Operators, x: Array, blocks: Sequence[Block]) -> List[Array]:
    """Return the arrays of blocks of convolutions and batch norms, in their order, as wide as feature maps are.

    x: an NDArray of the device, or a Symbol while a graph is built.
    """
    return [value for block in blocks for layer in _layers(block) for value in _values(F, x, layer)]


def _layers(block: Block) -> Iterable[Block]:
    return [block] if isinstance(block, BatchNormReLU) else block


def _values(F: Operators, x: Array, layer: Block) -> Iterator[Array]:
    def value(parameter: Parameter) -> Array:
        return parameter.data(x.context) if isinstance(x, mx.nd.NDArray) else parameter.var()

    if isinstance(layer, Conv):
        yield layer.widened(F, value(layer.weight))
    elif isinstance(layer, BatchNormReLU):
        yield from layer.widened(F, value(layer.gamma), value(layer.beta))
        yield value(layer.running_mean)
        yield value(layer.running_var)
