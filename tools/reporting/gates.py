"""The report's heat maps of λ: one for each set of λ, a row an edge, a column an epoch."""

import json

import numpy as np

from ..drawing import heatmap
from .page import paragraph, section, text

ROW = {True: 5, False: 2}  # pixels of height an edge has: where one map stands alone, or many do


def gates(run):
    """λ over the epochs of the search."""
    if run.gates is None:
        return ''
    low, high = heatmap.limits(run.gates)
    scopes = _scopes(run.gates)
    large = [scope for scope in scopes if len(scopes[scope]) > 4]
    alone = len(large) == 1
    maps = ''.join(_map(run.gates, scope, columns, low, high, alone) for scope, columns in scopes.items())
    words = (
        'Each row is one edge%s, each column one epoch of the search, from 0 (before it) to %d. Point at a spot for its name and '
        'value.' % ('' if alone else ' of a block', run.gates.epochs[-1])
    )
    search, moving = run.summary.get('search') or {}, ''
    if search.get('settled') is False:
        moving = 'The search had not settled: {} λ still went to zero or came back in its last epoch.'.format(
            search.get('changed', 'some')
        )
    return section(
        'λ over time',
        paragraph(words),
        paragraph(moving, 'bad') if moving else '',
        _scale(low, high),
        '<div class="maps{}">{}</div>'.format('' if alone else ' many', maps),
    )


def script(run):
    """What the page's script needs to name spots, as JSON; '' without λ."""
    if run.gates is None:
        return ''
    low, high = heatmap.limits(run.gates)
    colours = [
        ','.join(map(str, colour)) for colour in heatmap.shades(low < 0).tolist() + [heatmap.ZERO, heatmap.PRUNED]
    ]
    names = {scope: [run.gates.names[column] for column in columns] for scope, columns in _scopes(run.gates).items()}
    return json.dumps(
        {
            'low': low,
            'high': high,
            'steps': heatmap.STEPS,
            'colours': colours,
            'names': names,
            'epochs': np.asarray(run.gates.epochs).tolist(),
        },
        ensure_ascii=False,
        separators=(',', ':'),
    )


def _scopes(gates):
    """{scope: columns}, with all reduction blocks as one scope 'reductions' at the end."""
    scopes, reductions = {}, []
    for column, name in enumerate(gates.names):
        scope = name.split('/')[0]
        if scope.startswith('r'):
            reductions.append(column)
        else:
            scopes.setdefault(scope, []).append(column)
    if reductions:
        scopes['reductions'] = reductions
    return scopes


def _map(gates, scope, columns, low, high, alone):
    small = len(columns) <= 16
    height = len(columns) * (12 if small else ROW[alone])
    image = heatmap.data_uri(heatmap.picture(gates, columns, low, high))
    labels = ''.join(
        f'<i style="top:{100 * at / len(columns):.2f}%">{text(label)}</i>' for at, label in _levels(gates, columns)
    )
    return (
        '<figure class="heat"><figcaption>%s</figcaption><div>%s<img src="%s" alt="%s" style="height:%dpx" data-scope="%s"></div>'
        '<small><span>%d</span><span>epoch</span><span>%d</span></small></figure>'
        % (
            text(scope),
            labels,
            image,
            text('λ of %s over %d epochs' % (scope, gates.epochs[-1])),
            height,
            text(scope),
            gates.epochs[0],
            gates.epochs[-1],
        )
    )


def _levels(gates, columns):
    """(row, label) where the edges into another level (or reduction block) begin."""
    found, before = [], None
    for row, column in enumerate(columns):
        scope, _, edge = gates.names[column].partition('/')
        label = scope if scope.startswith('r') else edge.split('<-')[0].split('.')[0]
        if label != before:
            found.append((row, label))
        before = label
    return found


def _scale(low, high):
    colours = heatmap.shades(low < 0).tolist()
    stops = ','.join('rgb(%d,%d,%d)' % tuple(colour) for colour in colours[::25] + colours[-1:])
    boxes = ''.join(
        '<span><em class="box" style="background:rgb(%d,%d,%d)"></em>%s</span>' % (*colour, label)
        for colour, label in ((heatmap.ZERO, 'λ = 0'), (heatmap.PRUNED, 'pruned for good'))
    )
    ramp = f'<span>{low:.2g} <em style="background:linear-gradient(90deg,{stops})"></em> {high:.2g}</span>'
    return f'<p class="scale">{ramp}{boxes}</p>'
