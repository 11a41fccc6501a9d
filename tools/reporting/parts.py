"""The report's parts on the result: what came out, beside which baselines, from which settings, and how to do it again."""

import dataclasses
import os
import shlex
from typing import Any, List, Mapping, Sequence, Tuple

from markupsafe import Markup

from ...base.text import escaped, format_count, format_duration
from ...symbols.architecture import Architecture
from ..reading import experiments
from ..reading.recipe import recipe_of
from ..reading.runs import Run
from .page import group, paragraph, render, section, table


@dataclasses.dataclass(frozen=True)
class Card:
    """A number that stands out. kind: its class, 'first' for the one that matters."""

    value: str
    label: str
    kind: str = ''


def heading(run: Run) -> Markup:
    """Return the run's name, what it is, how far it is, and what is wrong with it."""
    space = 'shared blocks' if run.get('space.share', True) else 'every block its own'
    parts = [run.summary.get('dataset') or run.get('data.name') or 'data set not known', space]
    parts += [f'C = {run.get("space.channels")}'] if run.get('space.channels') else []
    parts += [f'{" + ".join(map(str, run.get("space.blocks")))} blocks'] if run.get('space.blocks') else []
    parts += [f'seed {run.get("seed")}'] if run.get('seed') is not None else []
    wrong = []
    if run.state == 'unfinished':
        wrong.append(f'Not finished: {run.why}. What is there so far follows.')
    if run.damaged:
        wrong.append(f'Damaged, and left out below: {"; ".join(run.damaged)}')
    return render('heading.html.j2', name=run.name, about=', '.join(map(str, parts)), wrong=wrong)


def result(run: Run) -> Markup:
    """Return the result as cards."""
    summary = run.summary
    cards: List[Card] = []
    if summary.get('test_error') is not None:
        earlier = ' (of an earlier retraining)' if run.state == 'unfinished' else ''
        cards.append(Card(f'{summary["test_error"]:.2f} %', 'test error' + earlier, 'first'))
        if summary.get('top5_error') is not None:
            cards.append(Card(f'{summary["top5_error"]:.2f} %', 'top-5 error'))
        sizes = (('params', 'parameters'), ('flops', 'FLOPs'), ('mac', 'memory accesses'))
        cards += [Card(format_count(summary[key]), label) for key, label in sizes if summary.get(key) is not None]
        cards += _budget(summary.get('budget'))
    elif run.log:
        last = run.log[-1]
        cards.append(Card(run.why, 'so far', 'first'))
        kinds = (('test_error', 'test error, last epoch'), ('error', 'training error, last epoch'))
        cards += [Card(f'{last[key]:.1f} %', label) for key, label in kinds if last.get(key) is not None]
    if run.architecture is not None:
        whole = Architecture.full(run.architecture.space).num_edges
        cards.append(Card(f'{run.architecture.num_edges} of {whole}', 'edges left'))
    seconds = summary.get('seconds') or sum(row.get('seconds') or 0 for row in run.log)
    if seconds:
        count, hardware = experiments.devices(run)
        cards.append(Card(format_duration(seconds), f'on {count} {hardware}{"s" if count > 1 else ""}'))
    return render('cards.html.j2', cards=cards)


def _budget(budget: Any) -> List[Card]:
    if not isinstance(budget, dict) or not budget.get('target') or budget.get('reached') is None:
        return []
    met = 'met' if budget['reached'] <= budget['target'] else 'NOT met'
    part = 100 * budget['reached'] / budget['target']
    return [
        Card(f'{part:.1f} %', f'of the budget {budget["kind"]} = {format_count(budget["target"])}: {met}'),
        *_widths(budget),
    ]


def _widths(budget: Mapping[str, Any]) -> List[Card]:
    """Say what channels in multiples have changed, where the budget took some."""
    uniform, multiple = budget.get('uniform'), budget.get('multiple')
    if not isinstance(uniform, dict) or not isinstance(multiple, int):
        return []
    reached = uniform.get('reached')
    used = f', {100 * reached / budget["target"]:.1f} % of the budget' if isinstance(reached, (int, float)) else ''
    others = f'of any width {_channels(uniform)}, {format_count(uniform.get("params"))} parameters{used}'
    notes = ''.join(f'; {note}' for note in budget.get('notes') or ())
    return [Card(_channels(budget), f'channels, in multiples of {multiple}; {others}{notes}')]


def _channels(size: Mapping[str, Any]) -> str:
    return ', '.join(map(str, size.get('widths') or ()))


def baselines(run: Run) -> Markup:
    """Return the run's network beside those in it (random ones, the complete one, known ones), and in what their recipes differ."""
    others = run.subruns()
    if not others:
        return Markup()
    names = {'searched': 'searched', 'random': 'random architecture', 'full': 'completely connected'}
    rows, recipe = [], recipe_of(run)
    for member in [run] + others:
        kind = experiments.kind(member)
        done = member.state == 'finished'
        different = recipe_of(member).differences(recipe)
        remarks = ([] if done else [member.why]) + ([f'not comparable: {"; ".join(different)}'] if different else [])
        rows.append(
            (
                names.get(kind, kind),
                member.name,
                f'{member.summary["test_error"]:.2f}' if done else member.state,
                *[format_count(member.summary.get(key)) if done else '' for key in ('params', 'flops')],
                '; '.join(remarks),
            )
        )
    return section(
        'Beside other networks', table(('Network', 'Run', 'Test error (%)', 'Parameters', 'FLOPs', ''), rows, (2, 3, 4))
    )


def settings(run: Run) -> Markup:
    """Return every setting, by group."""
    if not run.config:
        return Markup()
    plain = [(key, _show(value)) for key, value in run.config.items() if not isinstance(value, dict)]
    parts = [_settings_of('general', plain)] if plain else []
    parts += [
        _settings_of(key, [(name, _show(value)) for name, value in group.items()])
        for key, group in run.config.items()
        if isinstance(group, dict)
    ]
    return section('Settings', group(parts, 'settings'))


def _settings_of(name: str, rows: Sequence[Tuple[str, str]]) -> Markup:
    return table((name, ''), rows)


def _show(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ', '.join(map(str, value)) or 'none'
    return 'none' if value == '' else 'true' if value is True else 'false' if value is False else str(value)


def environment(run: Run) -> Markup:
    """Return versions and machine."""
    if not run.environment:
        return Markup()
    rows = [
        (key, ' '.join(map(str, value)) if key == 'command' and isinstance(value, list) else _show(value))
        for key, value in run.environment.items()
    ]
    return section('Versions and machine', table((), rows, kind='long'))


def commands(run: Run) -> Markup:
    """Return the commands that reproduce the run: its own configuration, stage by stage."""
    config, again = (
        os.path.join(run.path, 'config.yaml'),
        os.path.join('runs', f'{os.path.basename(os.path.abspath(run.path))}-again'),
    )
    quote = shlex.quote
    lines = []
    kind = experiments.kind(run)
    if kind == 'searched' and not experiments.transferred(run):
        lines.append(f'python train/search.py --config {quote(config)} --run {quote(again)}')
        lines.append(f'python train/retrain.py --run {quote(again)}')
    else:
        what = {'random': '--architecture', 'searched': '--architecture', 'full': '--full'}.get(kind.split(':')[0])
        what = f'--gluoncv {quote(kind.partition(":")[2])}' if what is None else what
        if what == '--architecture':
            what += ' ' + quote(os.path.join(run.path, 'architecture.json'))
        lines.append(f'python train/retrain.py {what} --config {quote(config)} --run {quote(again)}')
    lines.append(f'python tools/report.py {quote(again)} -o report.html')
    threads = run.environment.get('threads')
    if isinstance(threads, int):
        lines.insert(0, f'export OMP_NUM_THREADS={threads}')
    given = run.environment.get('command')
    first = _where_equal(run.environment)
    if isinstance(given, list) and given:
        first = f'It was last started as: {" ".join(quote(str(word)) for word in given)}. {first}'
    return section(
        'To reproduce it', Markup('<pre>{}</pre>').format('\n'.join(map(escaped, lines))), paragraph(first, 'soft')
    )


def _where_equal(environment: Mapping[str, Any]) -> str:
    """Say where the same settings and seed give the same numbers: on this run's processor with its number of threads."""
    processor, threads = environment.get('processor'), environment.get('threads')
    return (
        f'On CPUs the same settings, data and seed give the same numbers on one processor'
        f'{f" ({processor})" if processor else ""} with one number of threads{f" ({threads})" if threads else ""} and '
        'the same devices. On another processor, with another number of threads, or on GPUs the last digits differ, '
        'and what is searched and trained may end elsewhere; so it may where latency is measured anew.'
    )
