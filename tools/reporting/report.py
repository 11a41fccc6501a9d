"""The whole report of a run: its sections in order, and the pictures in them."""

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import matplotlib
from markupsafe import Markup

from ...base.errors import UserError
from ...symbols.cost import cost
from ..drawing import dag, figures
from ..drawing.architectures import colours_of, flops_of
from ..drawing.blocks import legend, pieces, sheet
from ..drawing.charts import bars
from ..drawing.legends import largest_gate
from ..reading.runs import Run
from ..reading.sources import gates_of, image_size_of, widths_of
from . import parts, settings
from .answer import answer
from .beside import baselines
from .curves import draw
from .data import data, evaluations
from .errors import errors
from .gates import gates, script
from .page import figure, group, page, paragraph, piece, section

COLUMN = 4.6  # inches: of the shared block, and of the reduction blocks beside it
MANY = 12  # blocks: of more, print is to be small
LARGE = {'font.size': 9.5, 'axes.labelsize': 9.5, 'legend.fontsize': 9, 'xtick.labelsize': 9, 'ytick.labelsize': 9}


def report(run: Run) -> str:
    """Return the page of a run, finished or not, as HTML."""
    written = [parts.heading(run), answer(run), baselines(run)]
    with figures.styled():
        written += [blocks(run), search(run), costs(run)]
    written += [
        errors(run),
        evaluations(run),
        data(run),
        settings.settings(run),
        settings.environment(run),
        settings.commands(run),
    ]
    return page(f'{run.name}: report', written, script(run))


def blocks(run: Run) -> Markup:
    """Return the searched blocks, drawn, with the name and λ of an edge on hover."""
    architecture = run.architecture
    if architecture is None:
        return Markup()
    known = gates_of(run)
    flops = flops_of(architecture, widths_of(run), image_size_of(run, architecture))
    graphs = dag.graphs(architecture, known, flops=flops)
    names = [edge.name for graph in graphs for edge in graph.surviving if edge.name is not None]
    titles = {name: name if known is None else f'{name}: λ = {known[name]:.3g}' for name in names}
    label = f'{len(names)} edges in {len(graphs)} blocks'
    sofar = '' if 'architecture.json' not in run.missing else ' As of the last epoch of the search so far.'
    wide = ', as wide as their λ,' if known else ''
    counted = ' After the name of a block: its multiply-adds.' if flops else ''
    words = f'Operations by level, coloured by kind; edges{wide} that survived the search.{counted}{sofar}'
    alone = len(graphs) > 1 and all(graph.scope.startswith('r') for graph in graphs[1:])  # one block, then reductions
    colours = colours_of(architecture)
    drawn = _side_by_side(graphs, colours, label, titles) if alone else _by_stage(graphs, colours, label, titles)
    return section('The searched blocks', paragraph(words), *drawn)


def _side_by_side(
    graphs: Sequence[dag.Graph], colours: Mapping[str, str], label: str, titles: Mapping[str, str]
) -> List[Markup]:
    """Draw the shared block, and beside it the reduction blocks."""
    drawn = []
    for number, shown in enumerate((graphs[:1], graphs[1:])):
        drawing = sheet(shown, colours, page=(COLUMN, figures.A4[1]), largest=largest_gate(graphs))
        drawn.append(figure(figures.svg(drawing, f'blocks{number}' if number else 'blocks', label, titles)))
    return [group(drawn, 'side-by-side')]


def _by_stage(
    graphs: Sequence[dag.Graph], colours: Mapping[str, str], label: str, titles: Mapping[str, str]
) -> List[Markup]:
    """Draw every block, those of a stage in one group, so that a narrow page sets fewer in a line; then the legend."""
    stages: Dict[Optional[int], List[Markup]] = {}
    for number, (graph, drawing) in enumerate(zip(graphs, pieces(graphs, colours))):
        picture = figures.svg(drawing, f'blocks{number}', graph.title, titles)
        stages.setdefault(graph.stage, []).append(piece(picture, drawing.get_figwidth()))
    drawn = []
    for stage, shown in stages.items():
        drawn += [] if stage is None or len(stages) == 1 else [paragraph(f'Stage {stage + 1}', 'stage')]
        drawn.append(group(shown, 'blocks many' if len(graphs) > MANY else 'blocks'))
    return [*drawn, figure(figures.svg(legend(graphs, colours, COLUMN), 'legend', f'Legend: {label}'))]


def search(run: Run) -> Markup:
    """Return error, λ and what is left on one time axis, and the heat maps of λ."""
    try:
        with matplotlib.rc_context(LARGE):
            drawing = draw(run, width=6.2)
    except UserError:  # no epoch yet
        return Markup()
    title, words = 'How the training went', 'Error, epoch by epoch.'
    if run.rows('search'):
        title = 'How the search went'
        words = 'Top to bottom: error; every λ on a root scale; edges and multiply-adds left of the supernet.'
    picture = figure(figures.svg(drawing, 'search', words), words, kind='curves')
    return section(title, picture, gates(run))


def costs(run: Run) -> Markup:
    """Return the numbers that the first sentence has not, and FLOPs by block, in the search and as retrained."""
    architecture = run.architecture
    facts = parts.result(run)
    if architecture is None:
        return section('In numbers', facts)
    series: List[Tuple[str, List[int]]] = []
    size = image_size_of(run, architecture)
    for label, widths in (('channels of the search', None), ('as retrained', widths_of(run))):
        if widths or not series:
            counted = cost(architecture, widths, size)
            series.append((label, [block.flops for block in counted.blocks if block.name.startswith('b')]))
    if len(series) > 1 and series[0][1] == series[1][1]:
        series = series[:1]
    inches = (min(7.6, max(4.2, 0.21 * architecture.space.num_blocks)), 2.7)
    picture = bars(series, architecture.space.blocks, size=inches)
    drawn = figures.svg(picture, 'flops', 'Multiply-adds of every block')
    return section('In numbers', facts, figure(drawn, 'Multiply-adds by block.'))
