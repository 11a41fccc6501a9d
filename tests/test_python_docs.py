"""docs/python.md runs from top to bottom in one process.

The first fit is made, small; of the others settings and data are checked, and one epoch is trained with their callbacks and loss.
Weights & Biases and MLflow are stand-ins that keep what they are told.
"""

import sys
import types

import pytest

import dsonas
from dsonas.runfiles.log import read_log
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.network import Network
from dsonas.symbols.operations import OPERATIONS
from dsonas.symbols.space import SearchSpace
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.fitting import FitSettings, given
from dsonas.train.runtime.hooks import Hooks

from .documents import ROOT, python_blocks
from .test_docs import TINY

DOCUMENT = ROOT / 'docs' / 'python.md'
SMALL = {
    'data.image_size': 16,
    'data.limit': 120,
    'space.channels': 4,
    'space.blocks': (1, 1),
    'space.levels': 1,
    'pretrain.epochs': 1,
    'search.epochs': 1,
    'retrain.epochs': 1,
    'train.cpus': 1,
}


class Recorder(types.ModuleType):
    """A stand-in for a module and for what its functions return: every call is kept as (name, arguments by place, by name)."""

    def __init__(self, name):
        super().__init__(name)
        self.calls = []

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)

        def call(*arguments, **named):
            self.calls.append((name, arguments, named))
            return self

        return call

    def called(self, name):
        return [(arguments, named) for called, arguments, named in self.calls if called == name]


class Fits:
    """In the place of dsonas.fit."""

    def __init__(self, folder):
        self.folder, self.original, self.calls = folder, dsonas.fit, []

    def __call__(self, data, **asked):
        self.calls.append(asked)
        if len(self.calls) == 1:
            return self.original(data, **{**asked, 'overrides': SMALL, 'quiet': True})
        arrays = given.arrays_of(data)
        assert arrays is not None and len(arrays.classes) == 10
        own = {key: value for key, value in asked.items() if key not in ('callbacks', 'loss')}
        FitSettings(**{**own, 'plugins': tuple(own.get('plugins', ()))}).checked()
        if 'callbacks' in asked or 'loss' in asked:
            config = settings.resolve('smoke', None, TINY, {'run': asked['run']})
            hooks = Hooks(callbacks=asked.get('callbacks', ()), loss=asked.get('loss'))
            retraining.retrain(config, retraining.full(), hooks=hooks)
        return None


@pytest.mark.slow
def test_the_document_runs_from_top_to_bottom(tmp_path, monkeypatch):
    wandb, mlflow = Recorder('wandb'), Recorder('mlflow')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setitem(sys.modules, 'wandb', wandb)
    monkeypatch.setitem(sys.modules, 'mlflow', mlflow)
    fits = Fits(tmp_path)
    monkeypatch.setattr(dsonas, 'fit', fits)
    names = {'__name__': 'example'}
    with OPERATIONS.restored():
        for block in python_blocks([DOCUMENT]):
            if block.path:
                (tmp_path / block.path).write_text(block.text, encoding='utf-8')
            else:
                exec(compile(block.text, block.name, 'exec'), names)
        operations = next(asked['overrides'] for asked in fits.calls if 'overrides' in asked)['space.operations']
        Network(Architecture.full(SearchSpace(channels=4, blocks=(1,), levels=1, operations=operations))).initialize()
    assert names['epochs'].done == 1 and names['result'].run == 'runs/digits'
    row = read_log(str(tmp_path / 'runs' / 'wandb' / 'log.csv'))[-1]
    (((sent,), where),) = wandb.called('log')
    assert sent['loss'] == pytest.approx(row['loss']) and where == {'step': 1}
    (((sent,), where),) = mlflow.called('log_metrics')
    assert 'test_error' in sent and 'stage' not in sent and where == {'step': 1}
    assert len(wandb.called('finish')) == len(mlflow.called('end_run')) == 1
