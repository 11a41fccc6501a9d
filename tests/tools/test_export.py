"""Exported networks compute what was trained, whatever is in them; a file that would not is not left behind."""

import importlib.util
import json
import os

import mxnet as mx
import numpy as np
import pytest

from dsonas.data import registry
from dsonas.runfiles import stored
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools import export
from dsonas.tools.exporting import checking, onnx_file, symbol_file

from ..data import cifar_archive
from ..data.image_files import tree
from .trainedmaker import describe, make_trained

onnx = pytest.importorskip('onnx')
numpy_helper = pytest.importorskip('onnx.numpy_helper')

TINY = dict(channels=4, blocks=(1, 1), levels=2)
SHARE, FULL = SearchSpace.cifar10(**TINY), SearchSpace.cifar10(share=False, **TINY)
EDGES = [edge.name for edge in FULL.block_edges()]
ARCHITECTURES = {
    'share': (Architecture.random(SHARE, 1, 0.5), None),
    'full': (Architecture.random(FULL, 2, 0.5), (3, 7)),
    'identity block': (Architecture(FULL, [EDGES, []], [['conv_3x3']]), None),
    'nothing but pooling': (
        Architecture(SHARE, [['L2.avg_pool_3x3<-L1.max_pool_3x3', 'out<-L2.avg_pool_3x3', 'out<-L1.max_pool_3x3']]),
        None,
    ),
    'one operation': (Architecture(SHARE, [['out<-L1.sep_conv_5x5']]), None),
    'complete': (Architecture.full(SHARE), None),
    'imagenet stem': (Architecture.random(SearchSpace.imagenet(classes=10, **TINY), 1, 0.5), None),
    'imagenet stem, full': (Architecture.random(SearchSpace.imagenet(share=False, classes=10, **TINY), 1, 0.5), (6, 5)),
    'one stage': (Architecture.random(SearchSpace.cifar10(channels=4, blocks=(2,), levels=2), 1, 0.5), None),
}


def expected_on_tests(run, count=8):
    """(normalised images, their pixels from 0 to 255, logits) of the data set's first test images through the trained network."""
    net, description = stored.load(run)
    x, _ = next(
        iter(
            registry.load(description['dataset'], image_size=description['image_size']).batches(
                'test', count, train=False
            )
        )
    )
    mean, std = (np.array(description[key]).reshape(1, 3, 1, 1) for key in ('mean', 'std'))
    return x, np.rint((x * std + mean) * 255).astype(np.float32), net(mx.nd.array(x)).asnumpy()


def readers(path):
    """What can read an ONNX file here: onnx's own evaluator, and onnxruntime where it is installed."""
    found = [onnx_file.reference(path)]
    try:
        found.append(onnx_file.session(path))
    except ImportError:
        pass
    return found


@pytest.mark.parametrize(
    'name, normalise', [(name, bool(place % 2)) for place, name in enumerate(ARCHITECTURES)] + [('share', True)]
)
def test_onnx(name, normalise, tmp_path, capsys):
    architecture, channels = ARCHITECTURES[name]
    run = make_trained(tmp_path / 'run', architecture, size=16, channels=channels)
    target = str(tmp_path / 'net.onnx')
    assert export.main([run, '--onnx', target] + ['--normalise'] * normalise) == 0
    many = importlib.util.find_spec('onnxruntime') is not None  # the reference evaluator is slow, and sees two
    assert f'checked on {32 if many else 2} images' in capsys.readouterr().out
    x, pixels, expected = expected_on_tests(run, 2)
    for read in readers(target):
        for count in (1, 2):
            found = read((pixels if normalise else x)[:count])
            assert found.shape == (count, 10) and np.allclose(
                found, expected[:count], atol=1e-4 * max(1, np.abs(expected).max())
            )
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    assert [entry.name for entry in model.graph.input] == ['data'] and [entry.name for entry in model.graph.output] == [
        'logits'
    ]
    for entry, shape in ((model.graph.input[0], ['batch', 3, 16, 16]), (model.graph.output[0], ['batch', 10])):
        assert [dim.dim_param or dim.dim_value for dim in entry.type.tensor_type.shape.dim] == shape
    names = [weight.name for weight in model.graph.initializer]
    assert names and not any('auxiliary' in name or 'dropout' in name for name in names)
    assert not {'Dropout', 'RandomUniformLike', 'ScatterND'} & {node.op_type for node in model.graph.node}
    props = {entry.key: entry.value for entry in model.metadata_props}
    assert (
        json.loads(props['classes']) == [str(label) for label in range(10)]
        and ('0 to 255' in props['input']) == normalise
    )


@pytest.mark.parametrize('name', ['full', 'identity block', 'imagenet stem'])
def test_symbol(name, tmp_path):
    architecture, channels = ARCHITECTURES[name]
    run = make_trained(tmp_path / 'run', architecture, size=16, channels=channels)
    prefix = str(tmp_path / 'net')
    assert export.main([run, '--symbol', prefix, '--normalise']) == 0
    _, pixels, expected = expected_on_tests(run)
    net = mx.gluon.SymbolBlock.imports(prefix + '-symbol.json', ['data'], prefix + '-0000.params')
    assert np.allclose(net(mx.nd.array(pixels)).asnumpy(), expected, atol=1e-4 * max(1, np.abs(expected).max()))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        'net-0000.params',
        'net-blocks.png',
        'net-symbol.json',
        'net.md',
        'run',
    ]


def test_a_known_network(tmp_path):
    run = make_trained(tmp_path / 'run', kind='gluoncv:cifar_resnet20_v1')
    target = str(tmp_path / 'net.onnx')
    assert export.main([run, '--onnx', target]) == 0
    x, _, expected = expected_on_tests(run, 3)
    assert np.allclose(readers(target)[-1](x), expected, atol=1e-4 * max(1, np.abs(expected).max()))
    assert not (tmp_path / 'net-blocks.png').exists() and 'cifar_resnet20_v1' in (tmp_path / 'net.md').read_text()


def test_card(tmp_path):
    run = make_trained(tmp_path / 'run', ARCHITECTURES['share'][0], size=16, error=7.25)
    assert export.main([run, '--onnx', str(tmp_path / 'net.onnx')]) == 0
    card = (tmp_path / 'net.md').read_text()
    for part in (
        'digits',
        '7.25 %',
        '| parameters |',
        '| FLOPs',
        '![',
        'net-blocks.png',
        '| seed | 1 |',
        'lr 0.05',
        'gamma 0.03',
        '16 × 16',
        '0, 1, 2, 3, 4, 5, 6, 7, 8, 9',
        'mxnet',
        'SHA-256',
        'largest difference',
    ):
        assert part in card, part
    assert (tmp_path / 'net-blocks.png').read_bytes()[:4] == b'\x89PNG'


@pytest.fixture
def run(tmp_path):
    return make_trained(tmp_path / 'run', ARCHITECTURES['full'][0], size=16)


def left_behind(tmp_path):
    return sorted(entry.name for entry in tmp_path.iterdir() if entry.name != 'run')


def test_onnx_that_differs_is_not_written_and_says_where(run, tmp_path, monkeypatch, capsys):
    tidied = onnx_file.tidied

    def wrong(onnx, model, *arguments):
        model = tidied(onnx, model, *arguments)
        for weight in model.graph.initializer:
            if weight.name == 'network_r00_conv_3x3_conv_weight':
                values = numpy_helper.to_array(weight) * 1.5
                weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), weight.name))
        return model

    monkeypatch.setattr(onnx_file, 'tidied', wrong)
    assert export.main([run, '--onnx', str(tmp_path / 'net.onnx')]) == 1
    error = capsys.readouterr().err
    assert (
        'nothing written' in error
        and 'the first operator that differs is network_r00_conv_3x3_conv_fwd' in error.replace('convolution0', 'fwd')
        and 'test image' in error
        and len(error.splitlines()) == 1
    )
    assert left_behind(tmp_path) == []


def test_symbol_that_differs_is_not_written(run, tmp_path, monkeypatch, capsys):
    write = symbol_file.write

    def wrong(net, prefix):
        paths = write(net, prefix)
        values = mx.nd.load(paths[1])
        values['arg:network_head_dense_bias'][3] += 1
        mx.nd.save(paths[1], values)
        return paths

    monkeypatch.setattr(symbol_file, 'write', wrong)
    assert export.main([run, '--symbol', str(tmp_path / 'net')]) == 1
    assert 'for class 3 of test image' in capsys.readouterr().err and left_behind(tmp_path) == []


@pytest.mark.parametrize(
    'change, message',
    [(lambda y: y[:, :9], 'shape'), (lambda y: y * np.nan, 'gives nan'), (lambda y: y + 1e-2, 'gives')],
)
def test_what_counts_as_different(run, change, message):
    net, _ = stored.load(run)
    x = np.random.RandomState(0).randn(5, 3, 16, 16).astype(np.float32)
    right = (lambda images: net(mx.nd.array(images)).asnumpy(), 'itself', 9)
    checked = checking.compare('f', right, net, x, x, 1e-4, 'noise')
    assert checked.images == 5 and checked.difference < 1e-4
    with pytest.raises(checking.Mismatch, match=message):
        checking.compare('f', (lambda images: change(right[0](images)), 'itself', 9), net, x, x, 1e-4, 'noise')


def test_decoys_have_no_place_in_onnx(tmp_path, capsys):
    space = SearchSpace.cifar10(operations=('noise', 'sep_conv_3x3'), **TINY)
    run = make_trained(tmp_path / 'run', Architecture.full(space), size=16)
    with pytest.raises(ValueError, match='net.onnx'):
        export.main([run, '--onnx', str(tmp_path / 'net.onnx')])
    assert left_behind(tmp_path) == []


def test_images_of_a_folder(tmp_path):
    tree(tmp_path / 'images', {'a': 3, 'b': 3})
    run = make_trained(tmp_path / 'run', ARCHITECTURES['share'][0], size=16)
    describe(run, dataset='folder')
    target = str(tmp_path / 'net.onnx')
    with pytest.raises(ValueError, match='--data-dir says where they are, --images FOLDER takes others') as error:
        export.main([run, '--onnx', target])
    assert '\n' not in str(error.value)
    assert export.main([run, '--onnx', target, '--images', str(tmp_path / 'images')]) == 0
    assert 'on 6 images' in (tmp_path / 'net.md').read_text()


def test_images_of_gluons_place(tmp_path, monkeypatch):
    """A run that names no folder is checked on the data that gluon keeps on this machine."""
    monkeypatch.setenv('MXNET_HOME', str(tmp_path))
    folder = tmp_path / 'datasets' / 'cifar10'
    folder.mkdir(parents=True)
    archive = cifar_archive.write(folder, 'binary')
    run = make_trained(tmp_path / 'run', ARCHITECTURES['share'][0], size=16, dataset='cifar10')
    opened = export.source(run)
    assert opened.images_from == 'test set of cifar10' and len(opened.images) == 20
    archive.unlink()
    with pytest.raises(ValueError, match=f'no CIFAR-10 in {folder}.*--data-dir says where they are'):
        export.source(run)
    archive = cifar_archive.write(tmp_path, 'python')
    assert len(export.source(run, data_dir=str(archive)).images) == 20


@pytest.mark.parametrize(
    'words, message',
    [
        (['{run}'], 'nothing to write: accepted are --onnx F and --symbol PREFIX'),
        (['{run}', '--onnx', '{tmp}/net.pb'], 'net.pb: accepted are files that end in .onnx'),
        (['{run}', '--onnx', '{tmp}/no/net.onnx'], 'there is no folder'),
        (['{run}', '--symbol', '{tmp}/no/net'], 'there is no folder'),
        (['{run}', '--onnx', '{tmp}/net.onnx', '--tolerance', '0'], "--tolerance: '0' is not a number above 0"),
        (['{run}', '--onnx', '{tmp}/net.onnx', '--images', '{tmp}/no'], 'no folder with images in it'),
        (['{tmp}', '--onnx', '{tmp}/net.onnx'], 'not a run directory'),
    ],
)
def test_mistakes(words, message, run, tmp_path):
    with pytest.raises(ValueError, match=message) as error:
        export.main([word.format(run=run, tmp=tmp_path) for word in words])
    assert '\n' not in str(error.value) and left_behind(tmp_path) == []


def test_without_onnx(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'onnx', None)
    with pytest.raises(ValueError, match="the package onnx is not installed; pip install 'dsonas.onnx.'"):
        export.main([run, '--onnx', str(tmp_path / 'net.onnx')])


def test_without_onnxruntime(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)
    assert export.main([run, '--onnx', str(tmp_path / 'net.onnx')]) == 0
    assert 'checked on 2 images with onnx.reference' in capsys.readouterr().out and os.path.exists(
        str(tmp_path / 'net.onnx')
    )
