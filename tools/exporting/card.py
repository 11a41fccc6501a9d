"""Write a model card in Markdown: what the network is, what it learned from, how good and how large it is, how to use it."""

import hashlib
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import jinja2
from markupsafe import Markup

from ...base import files as written
from ...base.text import markdown
from ...runfiles.network import NetworkDescription, gluoncv_name
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ..reading.runs import Run
from ..reading.timed import latency
from .checking import Checked

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'templates')
SETTINGS = {
    'pretrain': ('epochs', 'batch_size', 'lr', 'wd'),
    'search': ('epochs', 'batch_size', 'lr', 'gate_lr', 'gamma', 'penalty', 'ratio', 'split', 'prune_every'),
    'retrain': (
        'epochs',
        'batch_size',
        'lr',
        'schedule',
        'wd',
        'dropout',
        'drop_path',
        'auxiliary',
        'label_smoothing',
        'cutout',
    ),
}
OPTIONS = {'retrain': ('patience', 'ema', 'mixup')}  # told where they are on
ORIGINS = {
    'searched': 'whose blocks were found by search',
    'random': 'of randomly drawn blocks (a baseline)',
    'full': 'of completely connected blocks (a baseline)',
}
COUNTS = {
    'params': 'parameters',
    'flops': 'FLOPs (multiply-adds of convolutions and dense layers)',
    'mac': 'memory accesses (elements read, written, and weights)',
}
HEADS = ('what', 'value')

Rows = List[Tuple[str, ...]]


def cell(value: object) -> Markup:
    """Escape a value for Markdown, within a table or a line of text."""
    return Markup(markdown(' '.join(str(value).split('\n'))))


_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_environment.filters['cell'] = cell


def write(
    path: str,
    run: Run,
    description: NetworkDescription,
    files: Sequence[str],
    checked: Checked,
    normalised: bool,
    picture: str = '',
) -> None:
    """Write the card to `path`.

    files: paths of the exported network; normalised: whether normalisation is inside it; picture: name
    of a file beside the card, '' for none. Raises OSError.
    """
    text = _environment.get_template('card.md.j2').render(
        name=run.name,
        classes=description.classes,
        dataset=description.dataset,
        origin=_origin(description.kind),
        files=[('file', 'bytes', 'SHA-256')] + [_file(name) for name in files],
        interface=_interface(description, normalised),
        data=_data(run, description),
        result=_result(run.summary),
        cost=_cost(run, description),
        picture=picture,
        settings=_settings(run),
        environment=_environment_of(run),
        checked=checked,
    )
    written.write_text(path, text)


def _origin(kind: str) -> str:
    zoo_name = gluoncv_name(kind)
    if zoo_name is not None:
        return f"of gluoncv's model zoo, {zoo_name}"
    return ORIGINS.get(kind, f'of kind {kind}')


def _interface(description: NetworkDescription, normalised: bool) -> Rows:
    size, classes = description.image_size, description.classes
    how = 'as they are: normalisation is inside' if normalised else 'normalised: (pixel / 255 - mean) / std by channel'
    return [
        HEADS,
        ('input `data`', f'float32 (batch, 3, {size}, {size}), any batch; RGB, pixels from 0 to 255 {how}'),
        ('mean', ', '.join(f'{value:.6g}' for value in description.mean)),
        ('std', ', '.join(f'{value:.6g}' for value in description.std)),
        ('output', f'logits float32 (batch, {len(classes)}); softmax gives probabilities'),
        ('classes, in order', ', '.join(classes)),
    ]


def _data(run: Run, description: NetworkDescription) -> Rows:
    split, size = run.get('data.split'), description.image_size
    parts = f'{split:g} : {1 - split:g} of the training set' if split else 'one half each, or as prepared'
    rows: Rows = [HEADS, ('data set', description.dataset), ('image size', f'{size} × {size} pixels')]
    rows.append(('split in search, W : λ', parts))
    if run.get('data.limit'):
        rows.append(('training images', f'limited to {run.get("data.limit")}'))
    learned = 'the whole training set'
    if run.get('retrain.patience'):
        share = run.get('retrain.held_out') or 0
        learned = (
            f'the training set without {100 * share:g} % of it, which were held out and chose the epoch that is kept'
        )
    rows.append(('retrained on', f'{learned}; tested on the test set, which nothing was chosen on'))
    return rows


def _result(summary: Mapping[str, Any]) -> Rows:
    rows: Rows = [HEADS]
    for key, text in (('test_error', 'top-1 error on the test set'), ('top5_error', 'top-5 error on the test set')):
        if summary.get(key) is not None:
            rows.append((text, f'{summary[key]:.2f} %'))
    if summary.get('test_loss') is not None:
        rows.append(('loss on the test set', f'{summary["test_loss"]:.4f}'))
    return rows


def _cost(run: Run, description: NetworkDescription) -> Rows:
    counts: Dict[str, Optional[int]]
    if description.architecture is None:
        counts = {key: run.summary.get(key) for key in COUNTS}
    else:
        architecture = Architecture.from_dict(description.architecture)
        counted = cost(architecture, description.channels, description.image_size)
        counts = {key: getattr(counted, key) for key in COUNTS}
    rows: Rows = [HEADS]
    rows += [(COUNTS[key], f'{count:,}') for key, count in counts.items() if count is not None]
    if description.channels:
        rows.append(('channels by stage', ', '.join(map(str, description.channels))))
    timed = latency(run)
    if timed:
        rows.append(('latency', f'{timed}; of the network as it was trained, not of the files above'))
    budget = run.summary.get('budget') or {}
    if budget.get('target'):
        limits = [budget, *budget.get('also', ())]
        met = [f'{limit["kind"]} = {limit["target"]:g}, reached {limit["reached"]:g}' for limit in limits]
        rows.append(('budget', '; '.join(met)))
    return rows


def _settings(run: Run) -> Rows:
    rows: Rows = [HEADS, ('seed', str(run.get('seed'))), ('preset', str(run.get('preset')))]
    space = run.config.get('space') or {}
    if space:
        share = 'share' if space.get('share') else 'full'
        operations = ', '.join(space.get('operations', ()))
        rows.append(('space', f'{share}, blocks {space.get("blocks")}, {space.get("levels")} levels of {operations}'))
    for stage, keys in SETTINGS.items():
        if stage == 'retrain' or run.summary.get('kind') == 'searched':
            values = run.config.get(stage) or {}
            given = [
                *(key for key in keys if key in values),
                *(key for key in OPTIONS.get(stage, ()) if values.get(key)),
            ]
            rows.append((stage, ', '.join(f'{key} {values[key]}' for key in given)))
    return rows


def _environment_of(run: Run) -> Rows:
    names = ('dsonas', 'commit', 'mxnet', 'numpy', 'python', 'devices', 'started')
    values = [(name, run.environment.get(name)) for name in names]
    rows: Rows = [HEADS]
    rows += [(name, ', '.join(value) if isinstance(value, list) else str(value)) for name, value in values if value]
    return rows


def _file(path: str) -> Tuple[str, ...]:
    with open(path, 'rb') as stream:
        content = stream.read()
    return os.path.basename(path), f'{len(content):,}', hashlib.sha256(content).hexdigest()
