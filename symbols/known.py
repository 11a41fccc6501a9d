"""Known networks of gluoncv's model zoo, to see where numbers stand: built for the data's classes, their cost counted from their graph."""

import difflib
import json

import mxnet as mx

from ..base.errors import UserError


def names():
    """Networks that the model zoo of gluoncv has."""
    from gluoncv.model_zoo import get_model_list

    return list(get_model_list())


def check(name):
    """Raises UserError for a name that is not in the model zoo."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), 3)
        raise UserError(
            '--gluoncv {}: not in the model zoo of gluoncv{}'.format(
                name, ' (did you mean {}?)'.format(', '.join(near)) if near else ''
            )
        )


def build(name, classes):
    """The untrained network `name` with `classes` outputs. Raises UserError for one that is no classifier of that kind."""
    from gluoncv.model_zoo import get_model

    check(name)
    try:
        return get_model(name, classes=classes, pretrained=False)
    except TypeError as error:
        raise UserError('--gluoncv %s: cannot be built for %d classes: %s' % (name, classes, error)) from None


def count(net, image_size):
    """{'params', 'flops', 'mac'} of a network for one image, by the conventions of symbols/cost.py: multiply-adds of convolutions and
    dense layers; elements read, written, and weights of these and of poolings but global ones; all trained parameters. Needs no values."""
    graph = net(mx.sym.var('data'))
    graph = graph[0] if isinstance(graph, (list, tuple)) else graph
    internals = graph.get_internals()
    _, shapes, _ = internals.infer_shape(data=(1, 3, image_size, image_size))
    shape_of = dict(zip(internals.list_outputs(), shapes))
    nodes = json.loads(graph.tojson())['nodes']
    aux = set(graph.list_auxiliary_states())

    def shape(entry):
        name = nodes[entry[0]]['name']
        for key in (name, name + '_output', '%s_output%d' % (name, entry[1])):
            if key in shape_of:
                return shape_of[key]
        raise ValueError(f'{net.name}: no shape known of {name}')

    flops = mac = 0
    for node in nodes:
        if node['op'] not in ('Convolution', 'FullyConnected', 'Pooling') or node.get('attrs', {}).get(
            'global_pool'
        ) in ('True', '1'):
            continue
        read, written = shape(node['inputs'][0]), shape_of[node['name'] + '_output']
        weights = 0
        if node['op'] != 'Pooling':
            weight = shape(node['inputs'][1])
            weights = _size(weight)
            flops += weights * (_size(written[2:]) if node['op'] == 'Convolution' else 1)
        mac += _size(read) + _size(written) + weights
    params = sum(_size(shape_of[name]) for name in graph.list_arguments() if name != 'data' and name not in aux)
    return {'params': params, 'flops': flops, 'mac': mac}


def _size(shape):
    size = 1
    for length in shape:
        size *= length
    return size
