"""Resolve the configuration from defaults, presets, files and flags; read and write it.

Later ones win: defaults of tree.py < what suits the data set (experiments/configs/<data set>.yaml) < preset < --config file <
--set and flags. A preset or a --config file may start from another preset: `base: other`. Keys may be nested or dotted.
A key that is set clears the one of a lower layer that would make it meaningless (pairs.py); a folder without its data set is
recognised (placing.py). Unknown keys, wrong types and values out of range raise UserError in one line that says what is accepted.
"""

import dataclasses
import difflib
import os
from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional, Tuple, Union

import yaml

from ...base import documents, plugins
from ...base.errors import UserError
from ...base.keys import brief, show
from ...base.text import shown
from ...data.registry import OWN
from ...symbols.budget import parse_budgets
from .goal import parse_goal
from .pairs import check_command, laid_over
from .placing import data_set as data_set_of
from .tree import Config, leaves, ratio

PRESETS = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'experiments', 'configs'
)
KEYS = dict(leaves())
Values = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]
GROUPS = sorted({name.split('.')[0] for name in KEYS if '.' in name})
RENAMED = {'search.budget': 'search.penalty'}  # names of earlier versions, which files and --set may still use
DATA_LAYERS = ('cifar10', 'cifar100', 'imagenet', 'folder', 'csv')  # data sets with settings of their own


def read_yaml(path: str) -> Dict[str, Any]:
    """Read a YAML file's mapping, flattened to {dotted name: value}. Raises OSError, or UserError naming the file."""
    content = documents.read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f'{path}: expected keys and values, found {type(content).__name__}')
    return _flat(content, path)


def _flat(content: Mapping[str, Any], path: str) -> Dict[str, Any]:
    values: Dict[str, Any] = {}
    for name, value in content.items():
        if name in GROUPS:
            if not isinstance(value, dict):
                raise UserError(f'{path}: {name} is a group of keys, not {shown(value)}')
            values.update((f'{name}.{inner}', v) for inner, v in value.items())
        else:
            values[str(name)] = value
    return values


def presets() -> List[str]:
    """Return the names of all presets."""
    return sorted(name[:-5] for name in os.listdir(PRESETS) if name.endswith('.yaml'))


def read_preset(name: str) -> Dict[str, Any]:
    """Read the keys that preset `name` sets, its base included: {dotted name: checked value}."""
    path = os.path.join(PRESETS, f'{name}.yaml')
    if name not in presets():
        raise UserError(
            'unknown preset {}{}; there are {}'.format(shown(name), _near(str(name), presets()), ', '.join(presets()))
        )
    return _with_base(read_yaml(path), path)


def _with_base(values: Dict[str, Any], path: str) -> Dict[str, Any]:
    base = values.pop('base', None)
    checked = check_all(values, path)
    return dict(read_preset(base), **checked) if base else checked


def check_all(values: Values, where: str = '') -> Dict[str, Any]:
    """Check every value of {dotted name: value}, and bring it into its type.

    Plugins are imported first, since they may register what other keys name.

    where: the YAML file that the values are of, from whose folder on paths of plugins are read; or what to call their place.
    """
    values = {RENAMED.get(name, name): value for name, value in dict(values).items()}
    if 'plugins' in values:
        values['plugins'] = _imported(values['plugins'], where)
    return {name: check(name, value, where) for name, value in values.items()}


def _imported(modules: Any, where: str) -> Tuple[str, ...]:
    label = f'{where}: plugins:' if where else 'plugins:'
    return plugins.load(check('plugins', modules, where), os.path.dirname(where), label)


def import_plugins(config: Optional[str] = None, assignments: Iterable[str] = ()) -> None:
    """Import the plugins that a YAML file and 'key=value' texts name, before what may need them is read."""
    for values, where in (
        (read_yaml(config) if config else {}, config or ''),
        (dict(map(_split, assignments)), '--set'),
    ):
        if 'plugins' in values:
            _imported(values['plugins'], where)


def check(name: str, value: Any, where: str = '') -> Any:
    """Bring `value` into the type of key `name`. Raises UserError that says what is accepted."""
    where = where + ': ' if where else ''
    if name not in KEYS:
        near = _near(name, KEYS)
        raise UserError(
            '{}unknown configuration key {}{}{}'.format(
                where, brief(name), near, '' if near else '; --keys lists them all'
            )
        )
    key = KEYS[name]
    try:
        value = key.cast(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f'{where}{name}={brief(value)}: expected {key.accepted}') from None
    entries = value if isinstance(value, tuple) else (value,)
    for entry in entries:
        if not key.accepts(entry):
            near = _near(entry, key.choices) if key.choices and isinstance(entry, str) else ''
            raise UserError(f'{where}{name}={brief(value)}{near}: expected {key.accepted}')
    if name == 'search.ratio':
        ratio(value)
    if name == 'search.target':
        parse_goal(value)
    if name == 'retrain.budget' and value != 'none':
        try:
            parse_budgets(value)
        except UserError as error:
            raise UserError(f'{where}{name}={brief(value)}: {error}') from None
    return value


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    if not near and '.' not in name:  # the right key in no group
        near = [full for full in known if full.split('.')[-1] == name][:1]
    return f' (did you mean {near[0]}?)' if near else ''


def parse_set(assignment: str) -> Tuple[str, Any]:
    """Read 'search.gamma=0.003' as ('search.gamma', 0.003)."""
    name, text = _split(assignment)
    name = RENAMED.get(name, name)
    return name, check(name, text, '--set')


def _split(assignment: str) -> Tuple[str, str]:
    name, equals, text = assignment.partition('=')
    if not equals:
        raise UserError(f'--set {brief(assignment)}: expected key=value, such as search.gamma=0.003')
    return name.strip(), text.strip()


def resolve(
    preset: Optional[str] = None,
    config: Optional[str] = None,
    assignments: Iterable[str] = (),
    flags: Optional[Dict[str, Any]] = None,
    start: Optional[Dict[str, Any]] = None,
) -> Config:
    """Make the Config of all layers together.

    preset: a name; config: the path of a YAML file; assignments: 'key=value' texts; flags: {dotted name: value}, None where not given.
    start: {dotted name: value} above the defaults and below everything else, such as the configuration of a run that goes on.
    """
    import_plugins(config, assignments)
    given = read_yaml(config) if config else {}
    base = given.pop('base', None) or given.get('preset')
    preset = preset or base or (None if start else 'published')
    middle = read_preset(preset) if preset else {}
    layers = [
        check_all(given, config or ''),
        check_all(map(_split, assignments), '--set'),
        check_all({name: value for name, value in (flags or {}).items() if value is not None}),
    ]
    line = {**layers[1], **layers[2]}
    last = {**layers[0], **line}
    placed = data_set_of(last, middle, start)
    if placed:
        last['data.name'] = placed
    values = dict(start or {})
    # A run that goes on keeps its settings, unless it is told another data set.
    data_set = last.get('data.name', middle.get('data.name', None if start else KEYS['data.name'].default))
    if data_set and data_set != values.get('data.name'):
        values.pop('data.dir', None)  # the folder of another data set
    for layer in (values, middle):  # nor are its own options those of another
        if data_set and data_set != layer.get('data.name', KEYS['data.name'].default):
            for option in OWN:
                layer.pop(f'data.{option}', None)
    published = read_preset(data_set) if data_set in DATA_LAYERS and data_set != values.get('data.name') else {}
    named = plugins.combined(*(layer.get('plugins', ()) for layer in (start or {}, middle, *layers)))
    values = laid_over((values, published, middle, {**layers[0], **({'data.name': placed} if placed else {})}, line))
    check_command(line, values, {name: key.default for name, key in KEYS.items()})
    values['plugins'] = named  # they add up: what is stored may name what any of them registered
    values['preset'] = preset or values.get('preset', 'published')
    return build(values)


def build(values: Mapping[str, Any]) -> Config:
    """Make the Config with {dotted name: value} over the defaults."""
    tree: Dict[str, Dict[str, Any]] = {}
    for name, value in values.items():
        head, _, tail = name.rpartition('.')
        tree.setdefault(head, {})[tail] = value
    kinds: Dict[str, Any] = {
        field.name: field.type for field in dataclasses.fields(Config) if dataclasses.is_dataclass(field.type)
    }
    groups = {name: kind(**tree.get(name, {})) for name, kind in kinds.items()}
    return Config(**dict(tree.get('', {}), **groups))


def flatten(config: Config) -> Dict[str, Any]:
    """Return {dotted name: value} of every key."""
    values = {}
    for name in KEYS:
        head, _, tail = name.rpartition('.')
        values[name] = getattr(getattr(config, head) if head else config, tail)
    return values


def replace(config: Config, **changes: Any) -> Config:
    """Make a Config with some keys changed; the dots of their names are written as two underscores."""
    return build(dict(flatten(config), **{name.replace('__', '.'): value for name, value in changes.items()}))


def dump(config: Config) -> str:
    """Write the complete configuration as YAML text, which --config takes."""
    tree: Dict[str, Any] = {}
    for name, value in flatten(config).items():
        head, _, tail = name.rpartition('.')
        (tree.setdefault(head, {}) if head else tree)[tail] = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, allow_unicode=True)


def differences(old: Config, new: Config, ignore: Collection[str] = ()) -> List[str]:
    """List 'key: old -> new' for the keys that differ, those in `ignore` (names or groups) left out."""
    before, after = flatten(old), flatten(new)
    return [
        f'{name}: {show(before[name])} -> {show(after[name])}'
        for name in KEYS
        if before[name] != after[name] and name not in ignore and name.split('.')[0] not in ignore
    ]
