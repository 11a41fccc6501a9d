"""Run directories with a trained network, in the format that retraining leaves, without any training."""

import hashlib
import json
import os

import mxnet as mx
import numpy as np

from dsonas.data import registry
from dsonas.symbols import known
from dsonas.symbols.network import Network

from .runmaker import make_run


def randomise(net, seed):
    """Values at random everywhere, batch norm's too, so that no part of the network is silent."""
    print('seed', seed)
    mx.random.seed(seed)
    net.initialize()
    generator = np.random.RandomState(seed)
    for name, parameter in net.collect_params().items():
        if parameter.shape and 0 not in parameter.shape:
            if name.endswith(('gamma', 'running_var')):
                parameter.set_data(mx.nd.array(generator.uniform(0.5, 1.5, parameter.shape)))
            elif name.endswith(('beta', 'running_mean')):
                parameter.set_data(mx.nd.array(generator.uniform(-0.3, 0.3, parameter.shape)))
    return net


def make_trained(
    folder, architecture=None, dataset='digits', size=32, channels=None, kind='searched', seed=1, error=None, **data
):
    """A finished run whose network has random values. architecture None: cifar_resnet20_v1 of gluoncv. Returns the run's path."""
    made = registry.load(dataset, image_size=size, **data)
    classes = made.classes
    space = architecture.space if architecture else None
    folder = make_run(
        folder,
        *([space] if space else []),
        dataset=dataset,
        seed=seed,
        kind=kind,
        error=error,
        data__image_size=size,
        **{'data__' + key: value for key, value in data.items()},
    )
    if architecture is None:
        net = randomise(known.build('cifar_resnet20_v1', len(classes)), seed)
        net(mx.nd.zeros((1, 3, size, size)))
        widths, several = None, False
    else:
        several = len(space.blocks) > 1
        net = randomise(
            Network(architecture, channels, auxiliary=several, dropout=0.4, drop_path=True, image_size=size), seed
        )
        widths = list(net.widths)
        architecture.save(os.path.join(folder, 'architecture.json'))
    path = os.path.join(folder, 'network.params')
    net.save_parameters(path)
    describe(
        folder,
        format='dsonas.network',
        version=1,
        kind=kind,
        architecture=architecture.to_dict() if architecture else None,
        channels=widths,
        auxiliary=several,
        dropout=0.4,
        drop_path=True,
        classes=list(classes),
        image_size=size,
        dataset=dataset,
        mean=[float(value) for value in made.mean],
        std=[float(value) for value in made.std],
        sha256=hashlib.sha256(open(path, 'rb').read()).hexdigest(),
    )
    return folder


def describe(folder, **changes):
    """Write network.json, or change keys of it."""
    path = os.path.join(folder, 'network.json')
    content = json.load(open(path)) if os.path.exists(path) else {}
    content.update(changes)
    with open(path, 'w') as stream:
        json.dump({key: value for key, value in content.items() if value != 'left out'}, stream)
