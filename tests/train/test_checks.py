"""What is wrong with any stage is said before data are opened, or before the first step, and leaves nothing behind."""

import os
from types import SimpleNamespace

import mxnet as mx
import pytest

from dsonas.base import machine
from dsonas.base.errors import UserError
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend import native
from dsonas.symbols.cost import check_image_size
from dsonas.symbols.memory import network_bytes, supernet_bytes
from dsonas.symbols.space import SearchSpace
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.engine import checks
from dsonas.train.engine.names import StageName
from dsonas.train.runtime import opening
from dsonas.train.searching import pipeline, stages

BOTH = ('pretrain', 'search')


@pytest.fixture
def unbuilt(monkeypatch):
    """No network is built: what is refused is refused before."""

    def built(*_, **__):
        raise AssertionError('a network was built')

    monkeypatch.setattr(stages.Supernet, '__init__', built)
    monkeypatch.setattr(retraining, 'retrain_stage', built)


@pytest.mark.parametrize(
    'changes, named',
    [
        (dict(search__batch_size=150), ['search.batch_size=150', 'W part', '--batch-size', 'data.split']),
        (dict(data__split=0.9, search__batch_size=30), ['search.batch_size=30', 'λ part', '24 images']),
        (dict(search__split=False, search__batch_size=300), ['search.batch_size=300', 'the training set']),
        (dict(data__split=0.2, search__batch_size=24, pretrain__batch_size=60), ['pretrain.batch_size=60', 'W part']),
        (dict(search__ratio='9:1'), ['search.ratio', 'W part']),
        (
            dict(search__schedule='cosine_restarts', search__lr=0.1, pretrain__warmup=5.0),
            ['warm-up', 'pretrain.schedule'],
        ),
        (dict(train__cpus=3), ['pretrain.batch_size=40', 'multiple of 3']),
        (dict(space__blocks=(1,) * 6, data__image_size=8), ['data.image_size=8', 'space.blocks', '17 pixels']),
        (dict(run='/dev/null/x'), ['run directory', '/dev/null', 'not a folder']),
    ],
)
def test_a_search_is_refused(changes, named, tiny, unbuilt):
    config = settings.replace(tiny(), **changes)
    with pytest.raises(UserError) as error:
        pipeline.search(config, BOTH)
    assert all(word in str(error.value) for word in named) and len(str(error.value)) < 300
    assert not os.path.exists(config.run)


def test_what_needs_no_data_is_refused_before_they_are_opened(tiny, unbuilt, monkeypatch):
    monkeypatch.setattr(opening, 'open_data', lambda *_: pytest.fail('data were opened'))
    for changes in (dict(train__cpus=3), dict(pretrain__warmup=5.0), dict(run='/dev/null/x')):
        with pytest.raises(UserError):
            pipeline.search(settings.replace(tiny(), **changes), BOTH)
    with pytest.raises(UserError, match='retrain.schedule'):
        retraining.retrain(tiny(retrain__warmup=9.0), retraining.full())


@pytest.mark.parametrize(
    'changes, named',
    [
        (dict(retrain__batch_size=250), ['retrain.batch_size=250', 'the training set', 'data.limit']),
        (dict(retrain__channels=(), retrain__budget='params=10'), ['budget', 'cannot be met']),
        (dict(space__blocks=(1,), retrain__auxiliary=0.4), ['retrain.auxiliary', 'space.blocks']),
    ],
)
def test_a_retraining_is_refused(changes, named, tiny, unbuilt):
    config = tiny(**changes)
    with pytest.raises(UserError) as error:
        retraining.retrain(config, retraining.full())
    assert all(word in str(error.value) for word in named)
    assert not os.path.exists(config.run)


def test_a_stage_without_epochs_is_not_checked(tiny, monkeypatch):
    class Reached(Exception):
        pass

    def reached(*_):
        raise Reached

    monkeypatch.setattr(pipeline, 'SupernetStages', reached)
    with pytest.raises(Reached):
        pipeline.search(tiny(pretrain__epochs=0, pretrain__batch_size=1000), BOTH)


def test_memory_is_compared_with_what_is_free(tiny, unbuilt, monkeypatch):
    need = supernet_bytes(tiny().space, 40, 16, compiled=native.missing() is None)
    monkeypatch.setattr(machine, 'free_memory', lambda: need * 0.9)
    with pytest.raises(UserError, match='pretrain.batch_size=40: .*more than the .* lower --batch-size'):
        pipeline.search(tiny(), BOTH)
    said = []
    devices = SimpleNamespace(contexts=[mx.cpu()], share=lambda size, name: size)
    for free, count in ((need * 1.2, 1), (need * 2, 1), (None, 1)):
        monkeypatch.setattr(machine, 'free_memory', lambda free=free: free)
        checks.memory(tiny(), StageName.SEARCH, 16, devices, lambda *_: need, said.append)
        assert len(said) == count and 'warning: search.batch_size=40' in said[0]


def test_the_estimate_follows_what_is_asked_for():
    space = SearchSpace.cifar10(channels=8, blocks=(1, 1, 1))
    base = supernet_bytes(space, 50, 32)
    assert 0.5e9 < base < 0.9e9  # measured: 0.77 GB
    assert 3.0e9 < supernet_bytes(SearchSpace.cifar10(), 8, 32) < 4.2e9  # measured: 3.65 GB
    for larger in (supernet_bytes(space, 100, 32), supernet_bytes(space, 50, 64), supernet_bytes(space, 50, 32, 8)):
        assert larger > base
    assert 0.35e9 < supernet_bytes(space, 50, 32, compiled=True) < 0.5e9  # measured: 0.45 GB
    assert 0.9e9 < supernet_bytes(SearchSpace.cifar10(), 8, 32, compiled=True) < 1.2e9  # measured: 1.09 GB
    full, few = Architecture.full(space), Architecture.random(space, 0, 0.2)
    assert network_bytes(full, None, 50, 32) > network_bytes(few, None, 50, 32) > 0.25e9
    assert network_bytes(full, (16, 32, 64), 50, 32) > network_bytes(full, None, 50, 32)
    assert network_bytes(full, None, 50, 32) > network_bytes(full, None, 50, 32, compiled=True)
    assert network_bytes(full, None, 100, 32, compiled=True) > network_bytes(few, None, 100, 32, compiled=True) > 0.3e9


@pytest.mark.parametrize(
    'stem, blocks, least', [('cifar', 1, 1), ('cifar', 3, 3), ('imagenet', 4, 17), ('imagenet', 1, 3)]
)
def test_the_smallest_image(stem, blocks, least):
    space = SearchSpace(stem=stem, blocks=(1,) * blocks)
    check_image_size(space, least)
    if least > 1:
        with pytest.raises(UserError, match=f'accepted are {least} pixels'):
            check_image_size(space, least - 1)


def test_free_memory_is_known_here():
    free = machine.free_memory()
    assert free is None or 0 <= free < 1e15
