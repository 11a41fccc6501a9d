"""The report's parts on the result: what came out, beside which baselines, from which settings, and how to do it again."""

import os
import shlex

from ...base.text import format_count, format_duration
from ...symbols.architecture import Architecture
from ..reading import experiments
from .page import paragraph, section, table, text


def heading(run):
    """Name, what it is, how far it is, and what is wrong with it."""
    space = 'shared blocks' if run.get('space.share', True) else 'every block its own'
    parts = [run.summary.get('dataset') or run.get('data.name') or 'data set not known', space]
    parts += ['C = {}'.format(run.get('space.channels'))] if run.get('space.channels') else []
    parts += ['{} blocks'.format(' + '.join(map(str, run.get('space.blocks'))))] if run.get('space.blocks') else []
    parts += ['seed {}'.format(run.get('seed'))] if run.get('seed') is not None else []
    lines = [f'<h1>{text(run.name)}</h1>', paragraph(', '.join(map(str, parts)), 'soft')]
    if run.state == 'unfinished':
        lines.append(paragraph(f'Not finished: {run.why}. What is there so far follows.', 'bad'))
    if run.damaged:
        lines.append(paragraph('Damaged, and left out below: {}'.format('; '.join(run.damaged)), 'bad'))
    return '\n'.join(lines)


def _card(value, label, kind=''):
    return f'<div class="card {kind}"><b>{text(value)}</b><span>{text(label)}</span></div>'


def result(run):
    """The result as cards."""
    summary, cards = run.summary, []
    if summary.get('test_error') is not None:
        earlier = ' (of an earlier retraining)' if run.state == 'unfinished' else ''
        cards.append(_card('{:.2f} %'.format(summary['test_error']), 'test error' + earlier, 'first'))
        if summary.get('top5_error') is not None:
            cards.append(_card('{:.2f} %'.format(summary['top5_error']), 'top-5 error'))
        sizes = (('params', 'parameters'), ('flops', 'FLOPs'), ('mac', 'memory accesses'))
        cards += [_card(format_count(summary[key]), label) for key, label in sizes if summary.get(key) is not None]
        cards += _budget(summary.get('budget'))
    elif run.log:
        last = run.log[-1]
        cards.append(_card(run.why, 'so far', 'first'))
        kinds = (('test_error', 'test error, last epoch'), ('error', 'training error, last epoch'))
        cards += [_card(f'{last[key]:.1f} %', label) for key, label in kinds if last.get(key) is not None]
    if run.architecture is not None:
        whole = Architecture.full(run.architecture.space).num_edges
        cards.append(_card('%d of %d' % (run.architecture.num_edges, whole), 'edges left'))
    seconds = summary.get('seconds') or sum(row.get('seconds') or 0 for row in run.log)
    if seconds:
        count, hardware = experiments.devices(run)
        cards.append(_card(format_duration(seconds), 'on %d %s%s' % (count, hardware, 's' if count > 1 else '')))
    return '<div class="cards">{}</div>'.format(''.join(cards))


def _budget(budget):
    if not isinstance(budget, dict) or not budget.get('target') or budget.get('reached') is None:
        return []
    met = 'met' if budget['reached'] <= budget['target'] else 'NOT met'
    part = 100 * budget['reached'] / budget['target']
    return [
        _card(f'{part:.1f} %', 'of the budget {} = {}: {}'.format(budget['kind'], format_count(budget['target']), met))
    ]


def baselines(run):
    """The run's network beside those in it (random ones, the complete one, known ones)."""
    others = run.subruns()
    if not others:
        return ''
    names = {'searched': 'searched', 'random': 'random architecture', 'full': 'completely connected'}
    rows = []
    for member in [run] + others:
        kind = experiments.kind(member)
        done = member.state == 'finished'
        rows.append(
            (
                names.get(kind, kind),
                member.name,
                '{:.2f}'.format(member.summary['test_error']) if done else member.state,
                *[format_count(member.summary.get(key)) if done else '' for key in ('params', 'flops')],
                '' if done else member.why,
            )
        )
    return section(
        'Beside other networks', table(('Network', 'Run', 'Test error (%)', 'Parameters', 'FLOPs', ''), rows, (2, 3, 4))
    )


def settings(run):
    """Every setting, by group."""
    if not run.config:
        return ''
    plain = [(key, _show(value)) for key, value in run.config.items() if not isinstance(value, dict)]
    parts = [_group('general', plain)] if plain else []
    parts += [
        _group(key, [(name, _show(value)) for name, value in group.items()])
        for key, group in run.config.items()
        if isinstance(group, dict)
    ]
    return section('Settings', '<div class="settings">{}</div>'.format(''.join(parts)))


def _group(name, rows):
    return table((name, ''), rows)


def _show(value):
    if isinstance(value, (list, tuple)):
        return ', '.join(map(str, value)) or 'none'
    return 'none' if value == '' else 'true' if value is True else 'false' if value is False else str(value)


def environment(run):
    """Versions and machine."""
    if not run.environment:
        return ''
    rows = [
        (key, ' '.join(map(str, value)) if key == 'command' and isinstance(value, list) else _show(value))
        for key, value in run.environment.items()
    ]
    return section('Versions and machine', table((), rows, kind='long'))


def commands(run):
    """What reproduces the run: its own configuration, stage by stage."""
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
        what = '--gluoncv {}'.format(quote(kind.partition(':')[2])) if what is None else what
        if what == '--architecture':
            what += ' ' + quote(os.path.join(run.path, 'architecture.json'))
        lines.append(f'python train/retrain.py {what} --config {quote(config)} --run {quote(again)}')
    lines.append(f'python tools/report.py {quote(again)} -o report.html')
    given = run.environment.get('command')
    first = 'On a CPU the same settings and seed give the same numbers.'
    if isinstance(given, list) and given:
        first = 'It was last started as: {}. {}'.format(' '.join(quote(str(word)) for word in given), first)
    return section('To reproduce it', '<pre>{}</pre>'.format(text('\n'.join(lines))), paragraph(first, 'soft'))
