"""The report's heat maps of λ: one for each set of λ, a row an edge, a column an epoch."""

import json
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from markupsafe import Markup

from ...runfiles.gates import Gates
from ..drawing import heatmap
from ..reading.runs import Run
from .page import paragraph, render, section

SMALL_ROW = 12  # pixels of height of an edge in a small map
ROW = {True: 5, False: 2}  # the same in a large one; where it stands alone, or among many


def gates(run: Run) -> Markup:
    """Return λ over the epochs of the search; nothing where no λ are recorded."""
    if run.gates is None:
        return Markup()
    low, high = heatmap.limits(run.gates)
    scopes = _scopes(run.gates)
    alone = sum(len(columns) > 4 for columns in scopes.values()) == 1
    first, last = run.gates.epochs[0], run.gates.epochs[-1]
    words = (
        f'Each row is one edge{"" if alone else " of a block"}, each column one epoch of the search, from 0 (before it) '
        f'to {last}. Point at a spot for its name and value.'
    )
    search = run.summary.get('search') or {}
    moving = Markup()
    if search.get('settled') is False:
        changed = search.get('changed', 'some')
        moving = paragraph(
            f'The search had not settled: {changed} λ still went to zero or came back in its last epoch.', 'bad'
        )
    maps = [_map(run.gates, scope, columns, low, high, alone) for scope, columns in scopes.items()]
    pictures = render('gates.html.j2', maps=maps, alone=alone, first=first, last=last, **_scale(low, high))
    return section('λ over time', paragraph(words), moving, pictures)


def script(run: Run) -> str:
    """Return what the page's script needs to name spots, as JSON; '' without λ."""
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


def _scopes(gates: Gates) -> Dict[str, List[int]]:
    """{scope: columns}, with all reduction blocks as one scope 'reductions' at the end."""
    scopes: Dict[str, List[int]] = {}
    reductions = []
    for column, name in enumerate(gates.names):
        scope = name.split('/')[0]
        if scope.startswith('r'):
            reductions.append(column)
        else:
            scopes.setdefault(scope, []).append(column)
    if reductions:
        scopes['reductions'] = reductions
    return scopes


def _map(gates: Gates, scope: str, columns: List[int], low: float, high: float, alone: bool) -> Dict[str, Any]:
    """The heat map of one set of λ, as its template takes it."""
    return {
        'scope': scope,
        'levels': [(f'{100 * row / len(columns):.2f}', label) for row, label in _levels(gates, columns)],
        'image': heatmap.data_uri(heatmap.picture(gates, columns, low, high)),
        'text': f'λ of {scope} over {gates.epochs[-1]} epochs',
        'height': len(columns) * (SMALL_ROW if len(columns) <= 16 else ROW[alone]),
    }


def _levels(gates: Gates, columns: List[int]) -> List[Tuple[int, str]]:
    """(row, label) where the edges into another level (or reduction block) begin."""
    found: List[Tuple[int, str]] = []
    before = None
    for row, column in enumerate(columns):
        scope, _, edge = gates.names[column].partition('/')
        label = scope if scope.startswith('r') else edge.split('<-')[0].split('.')[0]
        if label != before:
            found.append((row, label))
        before = label
    return found


def _scale(low: float, high: float) -> Dict[str, Any]:
    """The colour scale, as its template takes it."""
    colours = heatmap.shades(low < 0).tolist()
    return {
        'low': f'{low:.2g}',
        'high': f'{high:.2g}',
        'ramp': ','.join(map(_rgb, colours[::25] + colours[-1:])),
        'boxes': [(_rgb(heatmap.ZERO), 'λ = 0'), (_rgb(heatmap.PRUNED), 'pruned for good')],
    }


def _rgb(colour: Sequence[int]) -> str:
    return f'rgb({",".join(map(str, colour))})'
