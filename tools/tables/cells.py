"""The cells of a table's rows: numbers of runs with equal settings, as means over their seeds.

`done` are the finished runs among `members`; where there is none, a cell says what state they are in.
"""

from typing import Callable, List, Optional, Sequence, Tuple

from ...base.text import format_count, format_duration
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ..reading.experiments import devices, kind, mean_std, plus_minus, search_days, search_seconds
from ..reading.runs import Run
from ..reading.sources import image_size_of

Cells = Tuple[str, ...]
Value = Callable[[Run], Optional[float]]


def _state(members: Sequence[Run]) -> str:
    """What stands instead of a number where no run is finished."""
    states = [run.state for run in members]
    return next(state for state in ('unfinished', 'damaged', 'missing') if state in states)


def _mean(done: Sequence[Run], members: Sequence[Run], value: Value, shown: Callable[[Sequence[float]], str]) -> str:
    if not done:
        return _state(members)
    values = [value(run) for run in done]
    known = [number for number in values if number is not None]
    return '-' if len(known) < len(values) else shown(known)


def _error(done: Sequence[Run], members: Sequence[Run], key: str = 'test_error') -> str:
    return _mean(done, members, lambda run: run.summary.get(key), lambda values: plus_minus(*mean_std(values)))


def _millions(done: Sequence[Run], members: Sequence[Run], key: str) -> str:
    def shown(values: Sequence[float]) -> str:
        form = '%.3f' if max(values) < 1e6 else '%.1f' if key == 'params' else '%.0f'
        return plus_minus(*mean_std([value / 1e6 for value in values]), form)

    return _mean(done, members, lambda run: run.summary.get(key), shown)


def _search_cost(done: Sequence[Run], members: Sequence[Run]) -> str:
    kinds = sorted({devices(run)[1] for run in done})
    return _mean(done, members, search_days, lambda days: f'{mean_std(days)[0]:.2g} {"/".join(kinds)} days')


def cells_of_table_1(label: str, done: Sequence[Run], members: Sequence[Run]) -> Cells:
    """Architecture, test error, parameters, search cost, search method."""
    method = 'gradient' if kind(members[0]) == 'searched' and members[0].config else '-'
    return label, _error(done, members), _millions(done, members, 'params'), _search_cost(done, members), method


def cells_of_table_2(label: str, done: Sequence[Run], members: Sequence[Run]) -> Cells:
    """Architecture, top-1 and top-5 error, parameters, FLOPs, search cost."""
    return (
        label,
        _error(done, members),
        _error(done, members, 'top5_error'),
        _millions(done, members, 'params'),
        _millions(done, members, 'flops'),
        _search_cost(done, members),
    )


def cells_of_table_3(label: str, done: Sequence[Run], members: Sequence[Run]) -> Cells:
    """Search space, split training, pre-training, ratio of W and λ steps, parameters, test error."""
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


def cells_of_summary(label: str, done: Sequence[Run], members: Sequence[Run]) -> Cells:
    """Network, test error, parameters, FLOPs, search time, retraining time."""

    def count(key: str) -> str:
        return _mean(done, members, lambda run: run.summary.get(key), lambda values: format_count(mean_std(values)[0]))

    def time(value: Value) -> str:
        return _mean(done, members, value, lambda seconds: format_duration(mean_std(seconds)[0]))

    return label, _error(done, members), count('params'), count('flops'), time(search_seconds), time(_retrain_seconds)


def _retrain_seconds(run: Run) -> Optional[float]:
    seconds = run.summary.get('seconds')
    without_search = None if seconds is None else seconds - (search_seconds(run) or 0)
    taken: Optional[float] = run.summary.get('retrain_seconds', without_search)
    return taken


def supernets(label: str, done: Sequence[Run]) -> List[Cells]:
    """The supernet's own rows: completely connected after pretraining, and with what was left after the search."""
    rows: List[Cells] = []
    for stage, text in (('pretrain', 'completely connected'), ('search', 'after search')):
        tested = [run.columns(stage, 'test_error')[0] for run in done]
        if not all(len(errors) for errors in tested):
            continue
        counted = [_supernet_cost(run, run.architecture, stage) for run in done if run.architecture is not None]
        error = plus_minus(*mean_std([float(errors[-1]) for errors in tested]))
        params, flops = (format_count(mean_std(numbers)[0]) for numbers in zip(*counted))
        rows.append((f'supernet of {label}, {text}', error, params, flops, '-', '-'))
    return rows


def _supernet_cost(run: Run, searched: Architecture, stage: str) -> Tuple[int, int]:
    """(parameters, FLOPs) of a run's supernet at the end of pretraining or search."""
    kept = Architecture.full(searched.space) if stage == 'pretrain' else searched
    counted = cost(kept, image_size=image_size_of(run, kept))
    return counted.params, counted.flops
