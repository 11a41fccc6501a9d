"""The report's heat maps of λ: one for each set of λ; a row an edge, the largest λ of the end first; a column an epoch."""

import json
from typing import Any, Dict, List, Sequence

import numpy as np
from markupsafe import Markup

from ...runfiles.gates import Gates, decided
from ..drawing import heatmap
from ..reading.runs import Run
from .page import paragraph, render

LABEL = 16  # pixels of height of a label beside a map
SMALL_ROW = 12  # pixels of height of an edge in a small map
NAMES = {'shared': 'shared block', 'reductions': 'reduction blocks'}
ROW = {True: 4, False: 2}  # the same in a large one; where it stands alone, or among many


def gates(run: Run) -> Markup:
    """Return λ over the epochs of the search; nothing where no λ are recorded."""
    if run.gates is None:
        return Markup()
    low, high = heatmap.limits(run.gates)
    scopes = scopes_of(run.gates)
    alone = len(scopes) - ('reductions' in scopes) == 1
    first, last = run.gates.epochs[0], run.gates.epochs[-1]
    words = (
        f'λ of every edge{"" if alone else ", block by block"}: a row an edge, those that are left on top, the largest λ first; '
        f'a column an epoch of the search, from {first} to {last}. Bars mark when an edge was removed for good. '
        'Point at a spot for its name and value.'
    )
    maps = [_map(run.gates, scope, columns, low, high, alone) for scope, columns in scopes.items()]
    pictures = render('gates.html.j2', maps=maps, alone=alone, first=first, last=last, **_scale(low, high))
    return Markup('{}{}').format(paragraph(words), pictures)


def script(run: Run) -> str:
    """Return what the page's script needs to name spots, as JSON; '' without λ."""
    if run.gates is None:
        return ''
    low, high = heatmap.limits(run.gates)
    colours = [
        ','.join(map(str, colour)) for colour in heatmap.shades(low < 0).tolist() + [heatmap.ZERO, heatmap.PRUNED]
    ]
    scopes, when = scopes_of(run.gates), decided(run.gates)
    names = {scope: [run.gates.names[column] for column in columns] for scope, columns in scopes.items()}
    return json.dumps(
        {
            'low': heatmap.rooted(low),
            'high': heatmap.rooted(high),
            'steps': heatmap.STEPS,
            'colours': colours,
            'names': names,
            'decided': {scope: [when[name] for name in rows] for scope, rows in names.items()},
            'epochs': np.asarray(run.gates.epochs).tolist(),
        },
        ensure_ascii=False,
        separators=(',', ':'),
    )


def scopes_of(gates: Gates) -> Dict[str, List[int]]:
    """{scope: columns, the largest last λ first, then what was removed last}; all reduction blocks are the scope 'reductions'."""
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
    last, when = np.where(gates.pruned[-1], 0, gates.values[-1]), decided(gates)
    return {
        scope: sorted(columns, key=lambda column: (-abs(last[column]), -(when[gates.names[column]] or 0), column))
        for scope, columns in scopes.items()
    }


def _map(gates: Gates, scope: str, columns: List[int], low: float, high: float, alone: bool) -> Dict[str, Any]:
    """The heat map of one set of λ, as its template takes it."""
    when = decided(gates)
    epochs = np.asarray(gates.epochs).tolist()
    gone = [(row, when[gates.names[column]]) for row, column in enumerate(columns)]
    marks = [(epochs.index(epoch), row) for row, epoch in gone if epoch is not None]
    left = len(columns) - len(marks)
    height = len(columns) * (SMALL_ROW if len(columns) <= 16 else ROW[alone])
    parts = [(0.0, f'{left} left')] if left else []
    parts += [(max(left / len(columns), LABEL / height * bool(left)), f'{len(marks)} gone')] if marks else []
    return {
        'scope': scope,
        'name': NAMES.get(scope) or f'block {int(scope[1:])}',
        'parts': [(f'{100 * place:.2f}', label) for place, label in parts],
        'path': ''.join(f'M{column} {row}v1' for column, row in marks),
        'size': f'{len(epochs)} {len(columns)}',
        'image': heatmap.data_uri(heatmap.picture(gates, columns, low, high)),
        'text': f'λ of {scope} over {epochs[-1]} epochs: {left} of {len(columns)} edges are left',
        'height': height,
    }


def _scale(low: float, high: float) -> Dict[str, Any]:
    """The colour scale, as its template takes it."""
    colours = heatmap.shades(low < 0).tolist()
    middle = len(colours) // 2
    return {
        'values': [f'{value:.2g}' for value in (low, 0 if low < 0 else high / 4, high)],
        'ramps': [','.join(map(_rgb, half[::20] + half[-1:])) for half in (colours[:middle], colours[middle:])],
        'boxes': [(_rgb(heatmap.ZERO), 'λ = 0'), (_rgb(heatmap.PRUNED), 'removed for good')],
    }


def _rgb(colour: Sequence[int]) -> str:
    return f'rgb({",".join(map(str, colour))})'
