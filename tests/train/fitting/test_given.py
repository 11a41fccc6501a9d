"""What is given from Python is checked before anything begins: arrays, Gluon's data sets, settings; nothing is imported too early."""

import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

import dsonas
from dsonas.base.errors import UserError
from dsonas.train.fitting import given

from .conftest import TINY


def drawn(n, seed, size=16):
    """Bright squares (0) and dark ones (1) on noise: uint8 (n, size, size, 3), labels (n,)."""
    generator = np.random.RandomState(seed)
    x, y = generator.randint(90, 160, (n, size, size, 3)), np.arange(n) % 2
    for image, label in zip(x, y):
        top, left = generator.randint(0, size - 6, 2)
        image[top : top + 6, left : left + 6] = 20 if label else 235
    return x.astype(np.uint8), np.array(['bright', 'dark'])[y]


TRAIN, TEST = drawn(80, 0), drawn(20, 1)


def test_gluon_data_sets_are_the_same_arrays():
    expected = given.arrays_of((TRAIN, TEST)).fingerprint
    labels = [(y == 'dark').astype(np.float32) for _, y in (TRAIN, TEST)]
    pair = [mx.gluon.data.ArrayDataset(mx.nd.array(x, dtype='uint8'), y) for (x, _), y in zip((TRAIN, TEST), labels)]
    found = given.arrays_of(pair)
    assert found.classes == ('0', '1') and (found.images == given.arrays_of((TRAIN, TEST)).images).all()
    named = mx.gluon.data.SimpleDataset(list(zip(*TRAIN)))
    assert given.arrays_of((named, TEST)).fingerprint == expected
    assert given.arrays_of(named).fingerprint == given.arrays_of(TRAIN).fingerprint


@pytest.mark.parametrize(
    'data, words',
    [
        (7, "data: int; expected a folder's path"),
        ((TRAIN[0],), 'data: tuple of 1; expected'),
        ((TRAIN, TEST[0]), r'the second of data: ndarray; expected images and labels \(x, y\)'),
        ((TRAIN, TEST, TEST), 'data: tuple of 3'),
        (mx.gluon.data.SimpleDataset([1, 2]), r'data: sample 0 is a int; expected \(image, label\)'),
        (mx.gluon.data.SimpleDataset([]), 'data: no images'),
        (mx.gluon.data.SimpleDataset([(TRAIN[0][0], 0), (TRAIN[0][0][:9], 1)]), 'image 1 is uint8 of shape'),
        ((TRAIN[0], TRAIN[1][:5]), 'y: 5 labels for the 80 images'),
        ('nowhere/at/all', 'nowhere/at/all'),
    ],
)
def test_wrong_data_are_one_clear_line(data, words, tmp_path):
    with pytest.raises(UserError, match=words) as raised:
        dsonas.fit(data, run=tmp_path / 'run', overrides=TINY, quiet=True)
    assert '\n' not in str(raised.value) and not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    'asked, words',
    [
        ({'loss': 'hinge'}, "loss: 'hinge'; expected a loss of Gluon"),
        ({'callbacks': dsonas.Callback()}, 'callbacks: .*; expected a list'),
        ({'overrides': ['a=1']}, 'overrides: .*; expected settings by dotted key'),
        ({'overrides': {'search.gama': 1}}, 'search.gama'),
        ({'budget': 'big'}, "budget: 'big' is not written like"),
        ({'minutes': -1}, 'minutes -1'),
        ({'seeds': 0}, 'seeds 0'),
        ({'gpus': 'x'}, 'gpus'),
    ],
)
def test_wrong_settings_are_one_clear_line(asked, words, tmp_path):
    with pytest.raises(UserError, match=words) as raised:
        dsonas.fit((TRAIN, TEST), **{'run': tmp_path / 'run', **asked})
    assert '\n' not in str(raised.value) and not (tmp_path / 'run').exists()


def test_what_is_no_run_is_not_opened(tmp_path):
    with pytest.raises(UserError, match='no run is there'):
        dsonas.open_run(tmp_path)


def test_importing_the_package_imports_neither_mxnet_nor_numpy():
    code = 'import sys, dsonas; dsonas.fit, dsonas.open_run; print({"mxnet", "numpy"} & set(sys.modules))'
    done = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, universal_newlines=True, check=True)
    assert done.stdout.strip() == 'set()'
