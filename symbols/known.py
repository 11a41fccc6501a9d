"""Networks of gluoncv's model zoo, as baselines: built for the data's classes, their cost counted from their graph."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from typing import Any, Dict, List, Tuple

import mxnet as mx

from ..base.errors import UserError
from .backend.types import Block, Shape
from .operations import LayerCost

COUNTED = ('Convolution', 'FullyConnected', 'Pooling')
# Operators that count none, by the conventions of cost.py: they run in place or fused, move numbers, or work on one a channel.
FREE = {
    'null', 'BatchNorm', '_contrib_BatchNormWithReLU', 'Activation', 'LeakyReLU', 'relu', 'sigmoid', 'tanh', 'clip', 'softmax',
    'Dropout', 'Flatten', 'Reshape', 'reshape_like', 'transpose', 'SwapAxis', 'squeeze', 'expand_dims', 'Concat', 'concat', 'stack',
    'slice', 'slice_axis', 'SliceChannel', 'Pad', 'elemwise_add', 'elemwise_sub', 'elemwise_mul', 'elemwise_div', 'broadcast_add',
    'broadcast_sub', 'broadcast_mul', 'broadcast_div', '_plus_scalar', '_minus_scalar', '_mul_scalar', '_div_scalar', 'add_n',
    'mean', '_copy', 'identity', 'Cast', 'BlockGrad',
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class GraphCost(LayerCost):
    """The cost of a graph. uncounted: names of its operators whose cost is not known and in none of the numbers."""

    uncounted: Tuple[str, ...] = ()


def names() -> List[str]:
    """List the networks in the model zoo of gluoncv."""
    from gluoncv.model_zoo import get_model_list

    return list(get_model_list())


def check(name: str) -> None:
    """Check that `name` is in the model zoo. Raises UserError, which names the nearest, where it is not."""
    if name not in names():
        near = ', '.join(difflib.get_close_matches(name, names(), 3))
        hint = f' (did you mean {near}?)' if near else ''
        raise UserError(f'network {name}: not in the model zoo of gluoncv{hint}')


def build(name: str, classes: int) -> Block:
    """Build the untrained network `name` with `classes` outputs. Raises UserError for one that takes no number of classes."""
    from gluoncv.model_zoo import get_model

    check(name)
    try:
        return get_model(name, classes=classes, pretrained=False)
    except TypeError as error:
        raise UserError(f'network {name}: cannot be built for {classes} classes: {error}') from None


def count(net: Block, image_size: int) -> GraphCost:
    """Count the cost of a network for one image, by the conventions of symbols/cost.py, from its graph.

    FLOPs are multiply-adds of convolutions and dense layers; MAC is elements read and written, and weights, of these and of poolings
    but global ones; parameters are all trained ones. Needs no values. image_size: height and width, pixels.
    """
    graph = net(mx.sym.var('data'))
    graph = graph[0] if isinstance(graph, (list, tuple)) else graph
    internals = graph.get_internals()
    _, shapes, _ = internals.infer_shape(data=(1, 3, image_size, image_size))
    shape_of = dict(zip(internals.list_outputs(), shapes))
    nodes = json.loads(graph.tojson())['nodes']
    layers = [_layer(node, nodes, shape_of) for node in nodes if node['op'] in COUNTED and not _is_global(node)]
    aux = set(graph.list_auxiliary_states())
    params = sum(math.prod(shape_of[name]) for name in graph.list_arguments() if name != 'data' and name not in aux)
    uncounted = sorted({node['op'] for node in nodes} - FREE - set(COUNTED))
    return GraphCost(params, sum(flops for flops, _ in layers), sum(mac for _, mac in layers), tuple(uncounted))


def _layer(node: Dict[str, Any], nodes: List[Dict[str, Any]], shape_of: Dict[str, Shape]) -> Tuple[int, int]:
    """Count FLOPs and MAC of one node of a graph."""
    read, written = _shape(node['inputs'][0], nodes, shape_of), shape_of[node['name'] + '_output']
    weights = 0 if node['op'] == 'Pooling' else math.prod(_shape(node['inputs'][1], nodes, shape_of))
    flops = weights * (math.prod(written[2:]) if node['op'] == 'Convolution' else 1)
    return flops, math.prod(read) + math.prod(written) + weights


def _shape(entry: List[int], nodes: List[Dict[str, Any]], shape_of: Dict[str, Shape]) -> Shape:
    """Return the shape of an output, (number of its node, number of the output, …)."""
    name = nodes[entry[0]]['name']
    for key in (name, name + '_output', f'{name}_output{entry[1]}'):
        if key in shape_of:
            return shape_of[key]
    raise ValueError(f'{name}: no shape known of it')


def _is_global(node: Dict[str, Any]) -> bool:
    return node.get('attrs', {}).get('global_pool') in ('True', '1')
