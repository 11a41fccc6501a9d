"""The report's last parts: settings, versions and machine, and the commands that do a run again."""

import os
import shlex
from typing import Any, Collection, List, Mapping, Optional, Sequence, Tuple

from markupsafe import Markup

from ...base.text import escaped
from ..reading import experiments
from ..reading.runs import Run
from .page import folded, group, paragraph, section, table

SEARCH = 'python train/search.py'

Rows = List[Tuple[str, str]]


def settings(run: Run) -> Markup:
    """Return the settings that are other than the preset's, where the run says which; all of them folded."""
    if not run.config:
        return Markup()
    changed = run.environment.get('changed')
    everything = folded('All settings', _settings(run))
    if not isinstance(changed, list):
        return section('Settings', everything)
    preset = run.get('preset') or 'defaults'
    words = f'As in the preset {preset}, but for:' if changed else f'As in the preset {preset}.'
    return section('Settings', paragraph(words), _settings(run, changed) if changed else Markup(), everything)


def _settings(run: Run, only: Optional[Collection[str]] = None) -> Markup:
    """Return tables of settings, one a group. only: dotted keys; all of them for None."""
    parts = []
    plain = [key for key, value in run.config.items() if not isinstance(value, dict)]
    groups = [('general', '', {key: run.config[key] for key in plain})]
    groups += [(key, f'{key}.', value) for key, value in run.config.items() if isinstance(value, dict)]
    for name, prefix, values in groups:
        rows = [(key, _show(value)) for key, value in values.items() if only is None or prefix + key in only]
        if rows:
            parts.append(table((name, ''), rows))
    return group(parts, 'settings')


def _show(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ', '.join(map(str, value)) or 'none'
    return 'none' if value == '' else 'true' if value is True else 'false' if value is False else str(value)


def environment(run: Run) -> Markup:
    """Return versions and machine, folded."""
    rows: Rows = [
        (key, ' '.join(map(str, value)) if key == 'command' and isinstance(value, list) else _show(value))
        for key, value in run.environment.items()
        if key != 'changed'
    ]
    return section('Versions and machine', folded('All of it', table((), rows, kind='long'))) if rows else Markup()


def commands(run: Run) -> Markup:
    """Return the commands that reproduce the run: its own configuration, stage by stage."""
    lines = _training(run)
    threads, searched = run.environment.get('threads'), run.environment.get('search_threads')
    if isinstance(threads, int):
        first = searched if isinstance(searched, int) and lines[0].startswith(SEARCH) else threads
        lines.insert(0, f'export OMP_NUM_THREADS={first}')
        if first != threads:
            lines.insert(2, f'export OMP_NUM_THREADS={threads}')
    given = run.environment.get('command')
    words = _where_equal(run.environment)
    if isinstance(given, list) and given:
        words = f'It was last started as: {_line(given)}. {words}'
    return section(
        'To reproduce it', Markup('<pre>{}</pre>').format('\n'.join(map(escaped, lines))), paragraph(words, 'soft')
    )


def _training(run: Run) -> List[str]:
    again = os.path.join('runs', f'{os.path.basename(os.path.abspath(run.path))}-again')
    config = ('--config', os.path.join(run.path, 'config.yaml'), '--run', again)
    kind = experiments.kind(run)
    last = _line(['python', 'tools/report.py', again, '-o', 'report.html'])
    if kind == 'searched' and not experiments.transferred(run):
        return [
            f'{SEARCH} {_line(config)}',
            _line(['python', 'train/retrain.py', '--run', again]),
            last,
        ]
    what = ['--gluoncv', kind.partition(':')[2]]
    if kind.split(':')[0] in ('random', 'searched'):
        what = ['--architecture', os.path.join(run.path, 'architecture.json')]
    elif kind == 'full':
        what = ['--full']
    return [_line(['python', 'train/retrain.py', *what, *config]), last]


def _line(words: Sequence[Any]) -> str:
    return ' '.join(shlex.quote(str(word)) for word in words)


def _where_equal(environment: Mapping[str, Any]) -> str:
    """Say where the same settings and seed give the same numbers: on this run's processor with its number of threads."""
    processor, threads = environment.get('processor'), experiments.threads(environment)
    return (
        'The same settings, data and seed give the same numbers on CPUs, if the processor'
        f'{f" ({processor})" if processor else ""}, the number of threads{f" ({threads})" if threads else ""} and the devices '
        'are the same too. Otherwise, on GPUs, and where latency is measured anew, last digits differ, and search and training '
        'may end elsewhere.'
    )
