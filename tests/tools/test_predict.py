"""Classes of image files: what the network says of the same image in the test set, in every format; files that are none."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

from dsonas.base.errors import UserError
from dsonas.data import registry
from dsonas.runfiles import stored
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools import predict
from dsonas.tools.using import Predictor
from dsonas.tools.using.formats import FORMATS

from ..data.image_files import png, tree
from .trainedmaker import describe, make_trained

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COUNT = 7


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    space = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2)
    return make_trained(tmp_path_factory.mktemp('runs') / 'run', Architecture.random(space, 1, 0.5), size=32)


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """A folder of the first test images of digits, as PNG, some of them deeper."""
    from dsonas.data.sources.digits import arrays

    folder = tmp_path_factory.mktemp('images')
    (folder / 'more').mkdir()
    for number in range(COUNT):
        path = folder / ('more' if number > 4 else '') / f'{number}.png'
        Image.fromarray(arrays()['test_images'][number].transpose(1, 2, 0)).save(str(path))
    return folder


def expected(run, count=COUNT):
    """Probabilities of the first test images, from the data set and the network alone."""
    net, _ = stored.load(run)
    x, _ = next(iter(registry.load('digits').batches('test', count, train=False)))
    logits = net(mx.nd.array(x)).asnumpy().astype(float)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def test_equals_the_networks_answer_to_the_test_set(run, images, capsys):
    assert predict.main([run, str(images), '--format', 'json', '--top', '10', '--batch-size', '3']) == 0
    found = json.loads(capsys.readouterr().out)
    assert [os.path.basename(entry['image']) for entry in found] == [f'{number}.png' for number in range(COUNT)]
    for entry, shares in zip(found, expected(run)):
        ordered = [part['probability'] for part in entry['classes']]
        assert ordered == sorted(ordered, reverse=True)
        assert {part['class']: part['probability'] for part in entry['classes']} == pytest.approx(
            {str(label): share for label, share in enumerate(shares)}, abs=1e-5
        )


def test_formats_agree(run, images, capsys):
    found = {}
    for kind in FORMATS:
        assert predict.main([run, str(images / '0.png'), str(images / 'more'), '--format', kind, '--top', '2']) == 0
        found[kind] = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(found['csv'])))
    assert list(rows[0]) == ['image', 'class_1', 'probability_1', 'class_2', 'probability_2']
    entries, lines = json.loads(found['json']), found['table'].splitlines()
    assert len(rows) == len(entries) == len(lines) == 3
    for row, entry, line in zip(rows, entries, lines):
        assert row['image'] == entry['image'] and line.startswith(row['image'])
        assert [row['class_1'], row['class_2']] == [part['class'] for part in entry['classes']]
        assert '  {} {:.1f}%'.format(row['class_1'], 100 * float(row['probability_1'])) in line


def test_batches_make_no_difference(run, images):
    predictor = Predictor(run)
    paths = [str(images / f'{number}.png') for number in range(5)]
    results = [[row for _, row in predictor.files(paths, size)] for size in (1, 2, 5, 99)]
    for found in results[1:]:
        assert np.allclose(found, results[0], atol=1e-6)


def test_arrays_files_and_folders_are_the_same_images(run, images):
    from dsonas.data.sources.digits import arrays

    pixels = arrays()['test_images'][:COUNT]  # (n, 3, H, W)
    paths = [images / ('more' if number > 4 else '') / f'{number}.png' for number in range(COUNT)]
    predictor = Predictor(run)
    wanted = expected(run)
    for given in (pixels, pixels.transpose(0, 2, 3, 1), paths, images, list(pixels), [paths[0], *pixels[1:]]):
        assert np.allclose(predictor(given, batch_size=3), wanted, atol=1e-5)
    assert np.allclose(predictor(pixels[0]), wanted[:1], atol=1e-5) and np.allclose(
        predictor(str(paths[0])), wanted[:1], atol=1e-5
    )
    assert predictor([]).shape == (0, 10)
    best = predictor.predict(pixels, top=2)
    assert [[name for name, _ in row] for row in best] == [
        [str(label) for label in np.argsort(-row)[:2]] for row in wanted
    ]


@pytest.mark.parametrize(
    'array', [np.zeros((32, 32, 3)), np.zeros((32, 32), np.uint8), np.zeros((2, 32, 32, 4), np.uint8)]
)
def test_arrays_that_are_no_images(run, array):
    with pytest.raises(UserError, match='uint8 of shape'):
        Predictor(run)(array)


def test_unreadable_images_are_named_and_passed_over(run, images, tmp_path, capsys):
    (tmp_path / 'broken.png').write_bytes((images / '0.png').read_bytes()[:60])
    (tmp_path / 'text.jpg').write_text('no image')
    words = [run, str(tmp_path), str(tmp_path / 'none.png'), str(images / '1.png'), '--format', 'csv', '--top', '1']
    assert predict.main(words) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and '1.png' in out
    for name in ('broken.png', 'text.jpg', 'none.png'):
        assert sum(name in line for line in err.splitlines()) == 1
    assert '3 of 4 images could not be read' in err


def test_odd_files_are_one_line_each(run, images, tmp_path, capsys):
    os.mkfifo(tmp_path / 'pipe.png')
    (tmp_path / 'large.png').write_bytes(png(60000, 60000, rows=bytes(10**6)))
    words = [run, str(tmp_path / 'pipe.png'), str(tmp_path / 'large.png'), str(images / '1.png'), '--format', 'csv']
    assert predict.main(words) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and '1.png' in out
    assert 'pipe.png: not a regular file' in err and 'large.png: 60000 x 60000 pixels, more than' in err
    assert len(err.splitlines()) == 3


def test_a_folder_as_people_have_it(run, images, tmp_path, capsys, caplog):
    """Suffixes that do not tell and links are taken; what is passed over is said."""
    shutil.copytree(images, tmp_path / 'pool')
    folder = tmp_path / 'mine'
    folder.mkdir()
    os.symlink(tmp_path / 'pool' / 'more', folder / 'more')
    os.symlink('..', folder / 'above')
    for name in ('a.jfif', 'b.JPG_large', 'c'):
        shutil.copy(images / '0.png', folder / name)
    os.mkfifo(folder / 'pipe.png')
    (folder / 'notes.txt').write_text('words')
    assert predict.main([run, str(folder), '--format', 'csv']) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3 + 2
    for words in (
        '1 file, not a regular file (pipe.png)',
        '1 file, of another kind (notes.txt)',
        'a link to a folder above',
    ):
        assert sum(words in line for line in caplog.messages) == 1
    for name in ('a.jfif', 'b.JPG_large', 'c'):
        (folder / name).unlink()
    (folder / 'more').unlink()
    with pytest.raises(UserError, match=r'no images in this folder \(1 file: of another kind; '):
        predict.main([run, str(folder)])


def test_nothing_readable(run, tmp_path, capsys):
    assert predict.main([run, str(tmp_path / 'none.png'), '--format', 'json']) == 1
    assert json.loads(capsys.readouterr().out) == []


def test_class_names_are_those_of_the_run(tmp_path, capsys):
    tree(tmp_path / 'data', {'cat': 5, 'häuser, alt': 5})
    space = SearchSpace.cifar10(channels=4, blocks=(1,), levels=2, classes=2)
    run = make_trained(
        tmp_path / 'run', Architecture.random(space, 1, 0.5), dataset='folder', size=24, dir=str(tmp_path / 'data')
    )
    capsys.readouterr()
    assert predict.main([run, str(tmp_path / 'data' / 'cat'), '--format', 'csv']) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 5 and {rows[0]['class_1'], rows[0]['class_2']} == {'cat', 'häuser, alt'}
    assert 'class_3' not in rows[0]


@pytest.mark.parametrize(
    'words, message',
    [
        (['{run}', '{tmp}'], 'no images in this folder'),
        (['{tmp}', 'x.png'], 'no trained network in it'),
        (['{tmp}/no', 'x.png'], 'no such run directory'),
        (['{run}', 'x.png', '--top', '0'], "argument --top: '0' is not a whole number from 1"),
        (['{run}', 'x.png', '--batch-size', '0'], "argument --batch-size: '0' is not a whole number from 1"),
        (['{run}', 'x.png', '--gpu', '99'], '--gpu 99: MXNet sees 0 GPUs'),
    ],
)
def test_mistakes(words, message, run, tmp_path):
    with pytest.raises(ValueError, match=message) as error:
        predict.main([word.format(run=run, tmp=tmp_path) for word in words])
    assert '\n' not in str(error.value)


def test_as_a_command(run, images, tmp_path):
    def command(*words):
        return subprocess.run(
            [sys.executable, os.path.join(ROOT, 'tools', 'predict.py')] + list(map(str, words)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=120,
        )

    fine = command(run, images / '0.png')
    assert fine.returncode == 0 and fine.stdout.startswith(str(images / '0.png')) and not fine.stderr
    line = f'"{sys.executable}" "{os.path.join(ROOT, "tools", "predict.py")}" "{run}" "{images}" | true; exit ${{PIPESTATUS[0]}}'
    cut = subprocess.run(['bash', '-c', line], stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
    assert cut.returncode == 141 and not cut.stderr
    describe(
        make_trained(tmp_path / 'run', Architecture.full(SearchSpace.cifar10(channels=4, blocks=(1,), levels=1))),
        sha256='0',
    )
    wrong = command(tmp_path / 'run', images / '0.png')
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1 and 'damaged' in wrong.stderr
