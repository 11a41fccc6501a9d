"""What a network costs by its traced graph: the reference that cost.py is held to."""

import json

import mxnet as mx
import numpy as np

WEIGHTED = ('Convolution', 'FullyConnected')
WEIGHTLESS = ('Pooling', '_random_normal_like', 'zeros_like')  # the decoys read and write as pooling does


def counted(net, image_size):
    """(parameters, FLOPs, MAC) of a network for one image, from its Parameters and the nodes of its symbol."""
    params = sum(int(np.prod(p.shape)) for name, p in net.collect_params().items() if 'running' not in name)
    flops, mac = graph_costs(net(mx.sym.Variable('data')), (1, 3, image_size, image_size))
    return params, flops, mac


def graph_costs(symbol, shape):
    """(multiply-adds, elements read + written + weights read) of the nodes of a symbol: convolutions, dense layers, pooling, decoys."""
    internals = symbol.get_internals()
    _, shapes, _ = internals.infer_shape(data=shape)
    sizes = {name: int(np.prod(shape)) for name, shape in zip(internals.list_outputs(), shapes)}
    nodes = json.loads(symbol.tojson())['nodes']
    flops = mac = 0
    for node in nodes:
        if node['op'] not in WEIGHTED + WEIGHTLESS:
            continue
        read, written = (
            sizes[output_of(nodes[node['inputs'][0][0]], node['inputs'][0][1], sizes)],
            sizes[node['name'] + '_output'],
        )
        weights = 0
        if node['op'] in WEIGHTED:
            weights = sizes[nodes[node['inputs'][1][0]]['name']]
            outputs = int(node['attrs']['num_filter' if node['op'] == 'Convolution' else 'num_hidden'])
            flops += written * weights // outputs
        mac += read + written + weights
    return flops, mac


def output_of(node, index, sizes):
    if node['op'] == 'null':
        return node['name']
    single = node['name'] + '_output'
    return single if single in sizes else f'{node["name"]}_output{index}'
