"""The recipe by which a network was trained and tested: what must be equal for two test errors to be compared.

A `Recipe` is made of config.yaml and data.json: how long and how the network was trained, on which images, by which rule its
widths were chosen, in which precision. Seed, machine and the search are no part of it; `search_recipe_of` has the latter. What a
run does not say, because an older version did not write it or it means nothing for its network, is not known: no difference.
"""

import dataclasses
from typing import Any, Collection, Dict, Iterator, List, Mapping, Sequence, Tuple

from ...base.errors import UserError
from ...base.text import few
from ...runfiles.data import names_of, printable
from ...runfiles.network import SEARCHED, gluoncv_name, kind_of
from ...symbols.budget import parse_budgets
from .runs import Run

NAMES = {
    'retrain.epochs': 'epochs',
    'retrain.batch_size': 'batch size',
    'retrain.lr': 'learning rate',
    'retrain.schedule': 'schedule',
    'retrain.lr_min': 'last learning rate',
    'retrain.t0': 'epochs of the first period',
    'retrain.tmul': 'growth of periods',
    'retrain.warmup': 'epochs of warm-up',
    'retrain.wd': 'weight decay',
    'retrain.momentum': 'momentum',
    'retrain.clip_gradient': 'bound on gradients',
    'retrain.dropout': 'dropout',
    'retrain.drop_path': 'drop path',
    'retrain.auxiliary': 'weight of the auxiliary loss',
    'retrain.label_smoothing': 'label smoothing',
    'retrain.cutout': 'cutout',
    'data.augment': 'augmentation',
    'train.sync_bn': 'synchronised batch norm',
    'callbacks': 'callbacks',
}
WIDTHS = ('budget', 'retrain.width_multiple')  # the rule that chose how wide a network is
DATA = (
    'data set',
    'classes',
    'fingerprint',
    'training images',
    'test images',
    'most training images',
    'share held out',
)
# What means nothing: to a network of gluoncv, which has its own shape; unless the learning rate restarts.
_OF_SHAPE = ('retrain.dropout', 'retrain.drop_path', 'retrain.auxiliary')
_OF_RESTARTS = ('retrain.t0', 'retrain.tmul')
_FIRST = ('data set', 'training images', 'image size')  # of differences, as they are told
ROOM = 100  # letters of the differences that a line tells
_NO_RECIPE = ('retrain.test_every', 'retrain.budget', 'retrain.channels')


@dataclasses.dataclass(frozen=True)
class Recipe:
    """facts: {name: value}, in the order in which differences are told; a name that is not there is not known."""

    facts: Mapping[str, Any]

    def differences(self, other: 'Recipe', ignore: Collection[str] = ()) -> List[str]:
        """List what differs from another recipe, as 'epochs 15 against 1', this one's value first. ignore: names left out."""
        shared = [name for name in self.facts if name in other.facts and name not in ignore]
        if 'training images' in shared:  # which says more than how many there were to be at most
            shared = [name for name in shared if name != 'most training images']
        return [
            f'{name} {_shown(self.facts[name])} against {_shown(other.facts[name])}'
            for name in shared
            if _plain(name, self.facts[name]) != _plain(name, other.facts[name])
        ]

    def only(self, names: Collection[str]) -> 'Recipe':
        """Return the part of a recipe that has these names."""
        return Recipe({name: value for name, value in self.facts.items() if name in names})


def told(different: Sequence[str]) -> str:
    """Write differences as one line: what was learned from and tested on first, and of many the first few.

    `dsonas compare --json` lists all of them, whatever their number.
    """
    data = [text for text in different if text.startswith(_FIRST)]
    order = [*data, *(text for text in different if text not in data)]
    line = few(order, ROOM)
    return line if line == '; '.join(order) else f'{line}; all: dsonas compare RUN... --json'


def recipe_of(run: Run) -> Recipe:
    """Return the Recipe of the network that a run trained, or trains."""
    zoo = gluoncv_name(kind_of(run.summary, run.environment)) is not None
    facts: Dict[str, Any] = {}
    without = _NO_RECIPE + (_OF_SHAPE if zoo else ())
    if run.get('retrain.schedule') != 'cosine_restarts':
        without += _OF_RESTARTS
    if run.get('retrain.schedule') == 'constant':
        without += ('retrain.lr_min',)
    if zoo or run.get('retrain.channels') or run.get('retrain.budget') == 'none':
        without += ('retrain.width_multiple',)
    for key, value in _flat(run.config, ('retrain',)):
        if key not in without:
            facts[NAMES.get(key, key)] = value
    facts = {**{name: facts[name] for name in NAMES.values() if name in facts}, **facts}
    if not zoo and run.get('retrain.budget') is not None:
        facts['budget'] = _budget(run)
    for key in ('data.augment', 'callbacks', 'train.sync_bn'):
        if run.get(key) is not None:
            facts[NAMES[key]] = run.get(key)
    if run.get('train.amp') is not None:
        facts['precision'] = 'float16' if run.get('train.amp') else 'float32'
    facts.update(_data(run))
    return Recipe(facts)


def search_recipe_of(run: Run) -> Recipe:
    """Return what a network was drawn from and, where it was searched, how: settings by their dotted keys."""
    kind = kind_of(run.summary, run.environment)
    groups = ('space', 'pretrain', 'search') if kind == SEARCHED else () if gluoncv_name(kind) else ('space',)
    facts = {key: value for key, value in _flat(run.config, groups) if not key.endswith('.test_every')}
    if facts.get('pretrain.epochs') == 0:
        facts = {
            key: value for key, value in facts.items() if key == 'pretrain.epochs' or key.split('.')[0] != 'pretrain'
        }
    if 'search' in groups and run.get('data.split') is not None:
        facts['data.split'] = run.get('data.split')
    return Recipe(facts)


def alike(recipes: Sequence[Recipe], ignore: Collection[str] = ()) -> List[List[int]]:
    """Group recipes without a difference: lists of their places, in the order of first members.

    One that lacks facts belongs to the one group that it does not differ from; where there are several, it stands apart.
    """
    groups: List[Tuple[Recipe, List[int]]] = []
    for place in sorted(range(len(recipes)), key=lambda at: -len(recipes[at].facts)):
        recipe = recipes[place]
        fitting = [number for number, (other, _) in enumerate(groups) if not other.differences(recipe, ignore)]
        same = [number for number in fitting if set(groups[number][0].facts) == set(recipe.facts)]
        chosen = same[:1] or (fitting if len(fitting) == 1 else [])
        if chosen:
            other, members = groups[chosen[0]]
            groups[chosen[0]] = Recipe({**recipe.facts, **other.facts}), members + [place]
        else:
            groups.append((recipe, [place]))
    return sorted((sorted(members) for _, members in groups), key=lambda members: members[0])


def split_alike(runs: Sequence[Run], ignore: Collection[str] = ()) -> List[List[Run]]:
    """Group runs whose recipes do not differ, in the order of first members. ignore: names of facts left out."""
    return [[runs[place] for place in places] for places in alike([recipe_of(run) for run in runs], ignore)]


def _budget(run: Run) -> str:
    """What chose the widths: the channels given, else a budget, else the width of the search."""
    channels = run.get('retrain.channels')
    if channels:
        return f'none (channels {", ".join(map(str, channels if isinstance(channels, list) else [channels]))})'
    budget = str(run.get('retrain.budget'))
    return budget if budget != 'none' else f'none (C = {run.get("space.channels")})'


def _data(run: Run) -> Dict[str, Any]:
    """What was learned from and tested on, by data.json; for a run without one, by its settings."""
    known, facts = run.data, {}
    name = run.get('data.name', run.summary.get('dataset'))
    if name is not None:
        facts['data set'] = name
    size = known.image_size if known else run.get('data.image_size')
    if size:
        facts['image size'] = size
    if known is None:
        if run.get('data.limit') is not None:
            facts['most training images'] = run.get('data.limit') or 'all'
        if name == 'folder' and run.get('data.held_out') is not None:
            facts['share held out'] = run.get('data.held_out')
        return facts
    facts['classes'] = list(known.classes)
    if known.fingerprint:
        facts['fingerprint'] = known.fingerprint
    for fact, part in (('training images', 'train'), ('test images', 'test')):
        if known.total(part) is not None:
            facts[fact] = known.total(part)
    facts['most training images'] = (
        known.limit if known.limit and known.total('train') in (None, known.limit) else 'all'
    )
    return facts


def _flat(config: Mapping[str, Any], groups: Collection[str]) -> Iterator[Tuple[str, Any]]:
    for group in groups:
        values = config.get(group)
        for name, value in values.items() if isinstance(values, dict) else ():
            yield f'{group}.{name}', value


def _plain(name: str, value: Any) -> Any:
    """A value as it is compared: budgets by what they say, lists alike however they were read."""
    if name == 'budget':
        try:
            return parse_budgets(value)
        except UserError:
            return value
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return names_of([str(entry) for entry in value]) or 'none'
    if isinstance(value, bool):
        return 'on' if value else 'off'
    text = f'{value:g}' if isinstance(value, float) else printable(str(value))
    if len(text) >= 32 and not set(text) - set('0123456789abcdef'):  # a digest
        return text[:8]
    return text if len(text) <= 60 else f'{text[:57]}...'
