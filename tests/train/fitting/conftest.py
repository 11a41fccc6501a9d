"""Fits small enough for tests: two classes of drawn shapes at 16 pixels, two blocks of two levels, one or two epochs."""

import pytest

from ...data import image_files

TINY = {
    'data.image_size': 16,
    'space.channels': 4,
    'space.blocks': (1, 1),
    'space.levels': 2,
    'space.operations': ('sep_conv_3x3', 'max_pool_3x3'),
    'pretrain.epochs': 1,
    'search.epochs': 2,
    'retrain.epochs': 2,
    'retrain.budget': 'params=4k',
    'train.cpus': 1,
}


@pytest.fixture(scope='session')
def shapes(tmp_path_factory):
    """A folder of two classes of forty images."""
    return str(image_files.shapes(tmp_path_factory.mktemp('data') / 'shapes', {'disc': 40, 'square': 40}))


@pytest.fixture
def overrides():
    """Settings of a tiny fit, by dotted key."""
    return dict(TINY)
