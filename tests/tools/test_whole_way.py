"""From images to a file that another runtime classifies with: search, retrain, evaluate, predict, export give the same classes."""

import json

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

from dsonas.symbols.architecture import Architecture
from dsonas.tools import export, predict
from dsonas.tools.exporting import onnx_file
from dsonas.tools.reading import runs
from dsonas.tools.using import Predictor
from dsonas.train.config import settings
from dsonas.train.deriving import evaluation, retraining
from dsonas.train.searching import pipeline

from ..data.image_files import tree

pytest.importorskip('onnx')

TINY = {
    'data.image_size': 16,
    'space.channels': 4,
    'space.blocks': (1, 1),
    'space.levels': 2,
    'pretrain.epochs': 1,
    'pretrain.batch_size': 20,
    'search.epochs': 2,
    'search.batch_size': 20,
    'search.gamma': 0.1,
    'search.prune_every': 1,
    'retrain.epochs': 1,
    'retrain.batch_size': 20,
    'retrain.budget': 'params=6k',
    'retrain.cutout': 4,
    'retrain.drop_path': 0.3,
    'train.tensorboard': False,
    'train.cpus': 1,
}


def pngs(folder, images):
    """Write uint8 (n, 3, H, W) as PNG files; their paths."""
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(str(folder / f'{number:03d}.png'))
    return sorted(map(str, folder.iterdir()))


@pytest.mark.parametrize('name', ['digits', 'folder'])
def test_all_say_the_same(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if name == 'digits':
        from dsonas.data.sources.digits import arrays

        data = {'data.name': 'digits', 'data.limit': 80}
        files = pngs(tmp_path / 'tests', arrays()['test_images'][:6])
    else:
        tree(tmp_path / 'images' / 'train', {'cat': 24, 'dog': 24, 'eel': 24})
        tree(tmp_path / 'images' / 'test', {'cat': 2, 'dog': 2, 'eel': 2}, seed=1)
        data = {'data.name': 'folder', 'data.dir': str(tmp_path / 'images')}
        files = sorted(map(str, (tmp_path / 'images' / 'test').glob('*/*.png')))
    config = settings.build(dict(TINY, run=str(tmp_path / 'run'), **data))
    run = pipeline.search(config, ['pretrain', 'search'])
    found, candidate = retraining.searched(run + '/architecture.json')
    summary = retraining.retrain(config, candidate, add=True)
    evaluated = evaluation.evaluate_run(run)
    assert evaluated['test_error'] == pytest.approx(summary['test_error'], abs=0.1)
    assert runs.existing(run).state == 'finished' and Architecture.load(run + '/architecture.json') == found

    predicted = np.load(run + '/predictions.npz')
    capsys.readouterr()
    assert predict.main([run] + files + ['--format', 'json', '--top', '1']) == 0
    said = [entry['classes'][0] for entry in json.loads(capsys.readouterr().out)]
    for number, (entry, label) in enumerate(zip(said, predicted['predicted'])):
        assert entry['class'] == str(predicted['classes'][label])
        assert entry['probability'] == pytest.approx(predicted['probabilities'][number, label], abs=1e-4)

    assert export.main([run, '--onnx', 'net.onnx', '--symbol', 'net', '--normalise']) == 0
    predictor = Predictor(run)
    held = predictor.description
    mean, std = (np.array(held[key]).reshape(1, 3, 1, 1) for key in ('mean', 'std'))
    pixels = np.rint((np.stack([predictor.read(path) for path in files[:2]]) * std + mean) * 255).astype(np.float32)
    net = mx.gluon.SymbolBlock.imports('net-symbol.json', ['data'], 'net-0000.params')
    for logits in (onnx_file.runner('net.onnx')[0](pixels), net(mx.nd.array(pixels)).asnumpy()):
        assert [held['classes'][label] for label in logits.argmax(1)] == [entry['class'] for entry in said[:2]]
