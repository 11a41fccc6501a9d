"""What a table says: measured rows, each a mean over seeds of runs with equal settings, beside the paper's published ones.

A number stands in a table only if its run is finished and undamaged; any other run is named, with what is wrong with it.
"""

import dataclasses
from typing import List, Sequence, Tuple

from ...base.text import format_count, format_duration
from ...runfiles.network import gluoncv_name
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ..reading.experiments import (
    devices,
    differing,
    group,
    kind,
    mean_std,
    plus_minus,
    search_days,
    search_seconds,
    transferred,
)
from ..reading.runs import Run
from ..reading.sources import image_size_of
from . import published

PUBLISHED, MEASURED = 'published', 'measured'
HEADS = {
    '1': ('Architecture', 'Test error (%)', 'Params (M)', 'Search cost', 'Search method'),
    '2': ('Architecture', 'Top-1 error (%)', 'Top-5 error (%)', 'Params (M)', 'FLOPs (M)', 'Search cost'),
    '3': ('Search space', 'Split training', 'Pre-trained model', 'Ratio of W&S', 'Params (M)', 'Test error (%)'),
    'summary': ('Network', 'Test error (%)', 'Params', 'FLOPs', 'Search time', 'Retraining time'),
}
TITLES = {
    '1': 'Comparison on CIFAR-10',
    '2': 'Comparison on ImageNet',
    '3': 'Settings of the search, on CIFAR-10',
    'summary': 'Networks of these runs',
}


@dataclasses.dataclass
class Table:
    """heads: names of columns, the last two 'Runs' and 'Source'; rows: texts; notes: lines that belong below it."""

    caption: str
    heads: Tuple[str, ...]
    rows: List[Tuple[str, ...]]
    notes: List[str]


def make(which: str, found: Sequence[Run], seeds: int = 0, with_published: bool = True) -> Table:
    """The Table `which` ('1', '2', '3' or 'summary') of a list of Run. seeds: how many runs a row should have, 0 if not known."""
    groups = group(found)
    rows = [tuple(cells) + ('', PUBLISHED) for cells in published.cells(which)] if with_published else []
    for label, members in _labelled(which, groups):
        done = [run for run in members if run.state == 'finished']
        wanted = max(seeds, len(members))
        count = str(len(done)) if len(done) == wanted else '%d of %d' % (len(done), wanted)
        cells = _CELLS[which](label, done, members)
        rows.append(tuple(cells) + (count, MEASURED))
        if which == 'summary' and done:
            rows += [tuple(cells) + (count, MEASURED) for cells in _supernets(label, done)]
    notes = [f'{run.path}: {run.state} ({run.why})' for run in found if run.state != 'finished']
    return Table(_caption(which, found, with_published), HEADS[which] + ('Runs', 'Source'), rows, notes)


def _name(which: str, run: Run) -> str:
    what, space = kind(run), 'share' if run.get('space.share', True) else 'full'
    zoo_name = gluoncv_name(what)
    if zoo_name is not None:
        return zoo_name
    if not run.config:
        return run.name
    label = {'searched': 'DSO-NAS-%s', 'random': 'random-%s', 'full': 'completely connected (%s)'}.get(
        what, what + ' (%s)'
    ) % space
    if transferred(run):
        label = 'DSO-NAS*' if which == '2' else label + '*'
    return label + (' + c/o' if which == '1' and run.get('retrain.cutout') else '')


def _labelled(which: str, groups: List[List[Run]]) -> List[Tuple[str, List[Run]]]:
    """[(label, runs)]; groups that would be called the same get the settings in which they differ."""
    if which == '3':
        groups = [members for members in groups if kind(members[0]) == 'searched']
    named = [(_name(which, members[0]) if which != '3' else '', members) for members in groups]
    labelled = []
    for label, members in named:
        twins = [others for other, others in named if other == label and others[0].config] if members[0].config else []
        keys = differing([others[0] for others in twins]) if len(twins) > 1 else []
        if which == '3':
            keys = [
                key for key in keys if key not in ('space.share', 'search.split', 'search.ratio', 'pretrain.epochs')
            ]
        extra = ', '.join(f'{key}={members[0].get(key)}' for key in keys)
        labelled.append((f'{label} ({extra})' if extra else label, members))
    return labelled


def _state(members: Sequence[Run]) -> str:
    """What stands instead of a number where no run is finished."""
    states = [run.state for run in members]
    return next(state for state in ('unfinished', 'damaged', 'missing') if state in states)


def _number(done, members, value, form='%.2f', scale=1.0):
    if not done:
        return _state(members)
    values = [value(run) for run in done]
    if any(number is None for number in values):
        return '-'
    return plus_minus(*mean_std([number / scale for number in values]), form)


def _error(done: Sequence[Run], members: Sequence[Run], key: str = 'test_error') -> str:
    return _number(done, members, lambda run: run.summary.get(key))


def _millions(done: Sequence[Run], members: Sequence[Run], key: str) -> str:
    values = [run.summary.get(key) for run in done]
    small = all(value is not None and value < 1e6 for value in values)
    return _number(
        done, members, lambda run: run.summary.get(key), '%.3f' if small else '%.1f' if key == 'params' else '%.0f', 1e6
    )


def _cost(done: Sequence[Run], members: Sequence[Run]) -> str:
    if not done:
        return _state(members)
    days = [search_days(run) for run in done]
    if None in days:
        return '-'
    kinds = sorted({devices(run)[1] for run in done})
    return '{:.2g} {} days'.format(mean_std(days)[0], '/'.join(kinds))


def _cells1(label: str, done: Sequence[Run], members: Sequence[Run]) -> Tuple[str, ...]:
    method = 'gradient' if kind(members[0]) == 'searched' and members[0].config else '-'
    return label, _error(done, members), _millions(done, members, 'params'), _cost(done, members), method


def _cells2(label: str, done: Sequence[Run], members: Sequence[Run]) -> Tuple[str, ...]:
    return (
        label,
        _error(done, members),
        _error(done, members, 'top5_error'),
        _millions(done, members, 'params'),
        _millions(done, members, 'flops'),
        _cost(done, members),
    )


def _cells3(label: str, done: Sequence[Run], members: Sequence[Run]) -> Tuple[str, ...]:
    run = members[0]
    if not run.config:
        return run.name, '', '', '', _state(members), _state(members)
    split = run.get('search.split', True)
    return (
        ('share' if run.get('space.share') else 'full') + label,
        '✓' if split else '',
        '✓' if run.get('pretrain.epochs') else '',
        str(run.get('search.ratio')) if split else '-',
        _millions(done, members, 'params'),
        _error(done, members),
    )


def _seconds(done, members, value):
    if not done:
        return _state(members)
    values = [value(run) for run in done]
    return '-' if any(number is None for number in values) else format_duration(mean_std(values)[0])


def _cells_summary(label: str, done: Sequence[Run], members: Sequence[Run]) -> Tuple[str, ...]:
    def mean(key):
        if not done:
            return _state(members)
        values = [run.summary.get(key) for run in done]
        return '-' if any(value is None for value in values) else format_count(mean_std(values)[0])

    def retraining(run):
        seconds = run.summary.get('seconds')
        return run.summary.get('retrain_seconds', None if seconds is None else seconds - (search_seconds(run) or 0))

    return (
        label,
        _error(done, members),
        mean('params'),
        mean('flops'),
        _seconds(done, members, search_seconds),
        _seconds(done, members, retraining),
    )


def _supernets(label: str, done: Sequence[Run]) -> List[Tuple[str, ...]]:
    """The supernet's own rows: completely connected after pretraining, and with what was left after the search."""
    rows = []
    for stage, text in (
        ('pretrain', 'supernet of %s, completely connected'),
        ('search', 'supernet of %s, after search'),
    ):
        tested = [run.columns(stage, 'test_error')[0] for run in done]
        if not all(len(errors) for errors in tested):
            continue
        counted = []
        for run in done:
            kept = Architecture.full(run.architecture.space) if stage == 'pretrain' else run.architecture
            counted.append(cost(kept, image_size=image_size_of(run, kept)))
        error = plus_minus(*mean_std([float(errors[-1]) for errors in tested]))
        numbers = [
            format_count(mean_std([getattr(part, field) for part in counted])[0]) for field in ('params', 'flops')
        ]
        rows.append((text % label, error, *numbers, '-', '-'))
    return rows


_CELLS = {'1': _cells1, '2': _cells2, '3': _cells3, 'summary': _cells_summary}


def _caption(which: str, found: Sequence[Run], with_published: bool) -> str:
    text = TITLES[which] + '.'
    if with_published and which != 'summary':
        text += f' Rows marked "{PUBLISHED}" are the numbers of the paper (arXiv 1811.01567), not measured here.'
    text += ' Measured: mean ± standard deviation over runs that differ in their seed alone.'
    reasons = []
    for run in found:
        dataset = published.dataset_of(which) or run.get('data.name')
        reasons += [reason for reason in published.smaller_than_published(run, dataset) if reason not in reasons]
    if reasons:
        text += ' SMOKE SCALE ({}): '.format('; '.join(reasons))
        text += (
            'these numbers compare among themselves alone.'
            if which == 'summary'
            else 'the measured rows show that the pipeline runs, and do not compare with the published ones.'
        )
    return text
