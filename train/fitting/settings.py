"""What a caller of `run_fit` asks for, checked before anything is looked at."""

import dataclasses
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from ...base import limits, plugins
from ...base.argtypes import between
from ...base.errors import UserError
from ...base.text import shown
from ...data import place
from ...data.registry import DATASETS, DataSource, recognised
from ...symbols.budget import parse_budgets
from ..config import settings as config
from ..config.goal import NONE
from ..config.placing import data_set
from ..config.tree import Config

ROOT = 'runs'
MOST_SEEDS = 100
MOST_MINUTES = 60 * 24 * 30.0
FREE = ('train', 'data.dir', 'data.workers', 'data.memory_gb')  # what may be another when a run goes on
GIVEN = 'given'  # the data set's name where the caller's object has none
START: Dict[str, Any] = {
    'data.max_bad': 0.1,
    'data.split': 0.5,
    'train.tensorboard': False,
}  # settings that every fit starts from


@dataclasses.dataclass
class FitSettings:
    """What is asked of `run_fit`; None, 0 and '' leave the choice to it.

    budget: size of the network, such as 'params=30k', 'flops=15M', 'latency=2ms'. minutes: that all may take. target: what the search
    shall leave, such as 'edges=30%'. run: the run directory, runs/<name of the data> by default. seeds: how many searches, each with its
    network; seed: of the first one. dataset: the data set's name, where it is not to be recognised. gpus, cpus: devices, as in the
    configuration. overrides: settings by dotted key, which win over what is chosen. plugins: modules and .py files to import first.
    """

    budget: Optional[str] = None
    minutes: Optional[float] = None
    target: Optional[str] = None
    run: Optional[str] = None
    seeds: int = 1
    seed: int = 0
    dataset: Optional[str] = None
    gpus: str = ''
    cpus: int = 0
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    plugins: Tuple[str, ...] = ()

    def checked(self) -> Dict[str, Any]:
        """Return all settings that are given, by dotted key. Raises UserError for what is not accepted, in one line."""
        named = plugins.load(tuple(self.plugins), '', 'plugins:')
        values = config.check_all(dict(self.overrides), '')
        if named:
            values['plugins'] = plugins.combined(values.get('plugins', ()), named)
        if self.budget is not None and self.budget != NONE:
            parse_budgets(self.budget)
        for flag, key in (('budget', 'retrain.budget'), ('target', 'search.target'), ('dataset', 'data.name')):
            value = getattr(self, flag)
            if value is not None:
                values[key] = config.check(key, value)
        for key, value, nothing in (
            ('train.gpus', self.gpus, ''),
            ('train.cpus', self.cpus, 0),
            ('seed', self.seed, 0),
        ):
            if value != nothing:
                values[key] = config.check(key, value)
        whole = isinstance(self.seeds, int) and not isinstance(self.seeds, bool)
        if not whole or not 1 <= self.seeds <= MOST_SEEDS:
            raise UserError(f'seeds {shown(self.seeds)}: expected {between("a whole number", 1, MOST_SEEDS)}')
        if int(values.get('seed', 0)) + self.seeds - 1 > limits.SEED:
            raise UserError(f'seed {values["seed"]}: with {self.seeds} seeds the last is beyond {limits.SEED}')
        number = isinstance(self.minutes, (int, float)) and not isinstance(self.minutes, bool)
        if self.minutes is not None and (not number or not 0 < float(self.minutes) <= MOST_MINUTES):
            raise UserError(f'minutes {shown(self.minutes)}: expected a number above 0, at most {MOST_MINUTES:g}')
        return values

    def asked(self, values: Mapping[str, Any]) -> Dict[str, Any]:
        """Return what makes another run of it, as plain data. values: of `checked`."""
        kept = {key: value for key, value in values.items() if key not in FREE and key.split('.')[0] not in FREE}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in sorted(kept.items())}
        return {'minutes': self.minutes, 'seeds': self.seeds, **plain}


def located(data: Union[str, DataSource], values: Dict[str, Any]) -> Tuple[Dict[str, Any], str]:
    """Return (values with data.name and data.dir, a word that names the data).

    data: a path, the name of a data set, or an object as the registry of data sets holds; one with a `name` is known by it from
    then on. Raises UserError where there is nothing, or nothing that is recognised.
    """
    if not isinstance(data, (str, os.PathLike)):
        name = str(getattr(data, 'name', '') or GIVEN)
        if name not in DATASETS:
            DATASETS.register(name, data)
        elif DATASETS.get(name) is not data:
            DATASETS.replace(name, data)
        return {**values, 'data.name': name}, name
    path = os.fspath(data)
    if not path:
        raise UserError('data: expected a folder of images, or the name of a data set')
    if not os.path.exists(place.expanded(path)) and path in DATASETS:
        return {**values, 'data.name': path}, path
    found = values.get('data.name') or next(iter(recognised(path)), '') or data_set({'data.dir': path}, {}, None)
    word = os.path.basename(os.path.normpath(os.path.abspath(place.expanded(path)))) or str(found)
    return {**values, 'data.name': found, 'data.dir': path}, word


def directory(settings: FitSettings, word: str) -> str:
    """Return the run directory: the one given, or runs/<word>, of which letters that folders dislike are replaced."""
    return settings.run or os.path.join(ROOT, re.sub(r'[^\w.-]+', '_', word).strip('.') or 'fit')


def resolved(chosen: Mapping[str, Any], values: Mapping[str, Any], run: str) -> Config:
    """Make the Config of what was chosen, with what the caller gave above it."""
    below = {**START, **chosen}
    if 'retrain.channels' in values and 'retrain.budget' not in values:
        below.pop('retrain.budget', None)
        below['retrain.budget'] = NONE
    return config.resolve(flags={**values, 'run': run}, start={**below, 'data.name': values['data.name']})


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> List[str]:
    """List 'key: old -> new' of two results of `asked`."""
    keys = [key for key in dict.fromkeys([*before, *now]) if before.get(key) != now.get(key)]
    return [f'{key}: {shown(before.get(key), 30)} -> {shown(now.get(key), 30)}' for key in keys]
