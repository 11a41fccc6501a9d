"""Trained networks read back: the same logits, and one line for whatever is wrong with the files."""

import dataclasses
import hashlib
import os

import mxnet as mx
import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles import stored
from dsonas.runfiles.network import NetworkDescription, write_network
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace

from ..tools.trainedmaker import describe, make_trained

SPACE = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2)


@pytest.fixture
def run(tmp_path):
    return make_trained(tmp_path / 'run', Architecture.random(SPACE, 1, 0.5), size=16, channels=(3, 7))


@pytest.mark.parametrize('kernels', [None, 'plain'])
def test_same_logits_with_and_without_what_only_training_needs(run, kernels):
    x = mx.nd.random.normal(shape=(2, 3, 16, 16))
    training, description = stored.load(run, training=True)
    expected = training(x, mx.nd.zeros(1))[0]
    used, _ = stored.load(run, kernels_kind=kernels)
    assert np.allclose(used(x).asnumpy(), expected.asnumpy(), atol=1e-5) and used.widths == (3, 7)
    assert (
        used.auxiliary is None
        and training.auxiliary is not None
        and description['classes'] == [str(label) for label in range(10)]
    )


def test_a_network_of_gluoncv(tmp_path):
    run = make_trained(tmp_path / 'run', kind='gluoncv:cifar_resnet20_v1')
    net, _ = stored.load(run)
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    assert net(x).shape == (2, 10) and np.array_equal(net(x).asnumpy(), stored.load(run)[0](x).asnumpy())


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'format': 'x'}, 'expected format dsonas.network, version 1'),
        ({'version': 2}, 'expected format dsonas.network, version 1'),
        ({'classes': ['a']}, 'classes is .* accepted is a list of at least two names'),
        ({'image_size': 'left out'}, 'image_size is None'),
        ({'mean': [1, 2]}, 'mean is .* three numbers'),
        ({'channels': [0, 2]}, 'channels is .* accepted is a list of one width a stage'),
        ({'channels': [1, 2, 3]}, 'network.json: channels: .* is not one width for each of the 2 stages'),
        ({'architecture': {}}, 'network.json: not an architecture'),
        ({'drop_path': 1}, 'drop_path is 1; accepted is true or false'),
        ({'architecture': None, 'kind': 'gluoncv:resnet'}, 'network.json: .*resnet: not in the model zoo'),
        ({'sha256': '00'}, 'network.params: damaged: its checksum is not that of network.json'),
        ({'channels': [3, 8]}, 'network.params: .* has shape .* the network of network.json wants'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, changes, message):
    describe(run, **changes)
    with pytest.raises(ValueError, match=message) as error:
        stored.load(run)
    assert str(error.value).startswith(run) and '\n' not in str(error.value)


def test_parameters_of_another_architecture(run):
    other = Architecture.random(SPACE, 2, 0.9)
    describe(run, architecture=other.to_dict())
    with pytest.raises(ValueError, match='it does not belong to the network of network.json .lacks '):
        stored.load(run)
    describe(run, architecture=Architecture(SPACE, [['out<-L1.max_pool_3x3']]).to_dict())
    with pytest.raises(ValueError, match='it does not belong to the network of network.json'):
        stored.load(run)


@pytest.mark.parametrize('kind', ['searched', 'gluoncv:cifar_resnet20_v1'])
def test_saved_as_gluon_saves(kind, tmp_path):
    architecture = Architecture.random(SPACE, 1, 0.5) if kind == 'searched' else None
    net, _ = stored.load(make_trained(tmp_path / 'run', architecture, kind=kind))
    odd = os.fsdecode(os.fsencode(str(tmp_path)) + b'/\xff.params')
    stored.save(net, odd)
    net.save_parameters(str(tmp_path / 'x.params'))
    with open(odd, 'rb') as own, open(str(tmp_path / 'x.params'), 'rb') as gluons:
        assert own.read() == gluons.read()


def test_a_run_whose_name_is_no_text(tmp_path, run):
    odd = os.fsdecode(os.fsencode(str(tmp_path)) + b'/\xff\x1b|')
    os.rename(run, odd)
    assert stored.load(odd)[0].widths == (3, 7)


def sealed(run, content):
    with open(os.path.join(run, 'network.params'), 'wb') as stream:
        stream.write(content)
    describe(run, sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize('seed', range(3))
def test_parameters_with_a_right_checksum_and_wrong_content(run, seed):
    print('seed', seed)
    path = os.path.join(run, 'network.params')
    with open(path, 'rb') as stream:
        whole = stream.read()
    generator = np.random.RandomState(seed)
    for number in range(40):
        content = bytearray(whole)
        place = generator.randint(len(content)) if number % 2 else generator.randint(400)
        if number % 4 == 3:
            del content[place:]
        else:
            content[place] ^= 1 << generator.randint(8)
        sealed(run, bytes(content))
        try:
            stored.load(run)
        except UserError as error:
            assert str(error).startswith(path) and len(str(error)) < 300


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda array: array * np.nan, 'has values that are not finite'),
        (lambda array: array.astype('float64'), 'is float64, the network of network.json wants float32'),
        (lambda array: array.astype('int32'), 'is int32, the network of network.json wants float32'),
        (lambda array: array.reshape(-1), 'has shape'),
    ],
)
def test_arrays_that_are_no_parameters(run, change, message):
    path = os.path.join(run, 'network.params')
    loaded = {name: array.asnumpy() for name, array in mx.nd.load(path).items()}
    name = next(name for name, array in loaded.items() if array.ndim == 4)
    loaded[name] = change(loaded[name])
    mx.nd.save(path, {name: mx.nd.array(array, dtype=array.dtype) for name, array in loaded.items()})
    with open(path, 'rb') as stream:
        sealed(run, stream.read())
    with pytest.raises(UserError, match=f'network.params: {name} {message}'):
        stored.load(run)


def test_a_network_of_gluoncv_that_takes_no_such_images(tmp_path):
    run = make_trained(tmp_path / 'run', kind='gluoncv:cifar_resnet20_v1')
    describe(run, kind='gluoncv:alexnet', image_size=16)
    with pytest.raises(UserError, match='network.json: image_size: gluoncv:alexnet takes no images of 16 pixels'):
        stored.load(run)


def test_files_that_are_not_there(run, tmp_path):
    with pytest.raises(ValueError, match='no such run directory'):
        stored.load(str(tmp_path / 'none'))
    with pytest.raises(ValueError, match='no trained network in it .network.json.; retraining makes one'):
        stored.load(str(tmp_path))
    os.remove(os.path.join(run, 'network.params'))
    with pytest.raises(OSError):
        stored.load(run)


@pytest.mark.parametrize('content', ['', '{', '[]', 'null'])
def test_a_description_that_is_none(run, content):
    with open(os.path.join(run, 'network.json'), 'w') as stream:
        stream.write(content)
    with pytest.raises(ValueError, match='network.json: (not JSON|expected format)'):
        stored.load(run)


def test_the_writer_and_the_reader_agree(tmp_path):
    net = Network(Architecture.random(SPACE, 1, 0.5))
    net.initialize()
    description = NetworkDescription(
        'random',
        Architecture.random(SPACE, 1, 0.5).to_dict(),
        list(net.widths),
        False,
        0.4,
        False,
        [str(label) for label in range(10)],
        16,
        'digits',
        [0.5, 0.5, 0.5],
        [0.2, 0.2, 0.2],
    )
    write_network(str(tmp_path), description, net.save_parameters)
    x = mx.nd.random.normal(shape=(1, 3, 16, 16))
    loaded, found = stored.load(str(tmp_path))
    assert np.array_equal(loaded(x).asnumpy(), net(x).asnumpy())
    assert dataclasses.replace(found, sha256='') == description and len(found['sha256']) == 64
