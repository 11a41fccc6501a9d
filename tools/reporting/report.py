"""The whole report of a run: its sections in order, and the pictures in them."""

from typing import List, Tuple

from markupsafe import Markup

from ...symbols.cost import cost
from ..drawing import dag, figures
from ..drawing.architectures import colours_of
from ..drawing.blocks import sheet
from ..drawing.charts import bars
from ..reading.runs import Run
from ..reading.sources import gates_of, image_size_of, widths_of
from . import parts
from .curves import panel
from .data import data, evaluations
from .errors import errors
from .gates import gates, script
from .page import figure, group, page, paragraph, section

CURVES = (
    ('loss', 'Loss by epoch, over the stages.'),
    ('error', 'Error by epoch, over the stages.'),
    ('left', 'What is left of the edges during the search.'),
    ('flops', 'FLOPs of what is left during the search.'),
)


def report(run: Run) -> str:
    """Return the page of a run, finished or not, as HTML."""
    written = [parts.heading(run), parts.result(run), parts.baselines(run)]
    with figures.styled():
        written += [blocks(run), gates(run), curves(run), flops(run)]
    written += [
        errors(run),
        evaluations(run),
        data(run),
        parts.settings(run),
        parts.environment(run),
        parts.commands(run),
    ]
    return page(f'{run.name}: report', written, script(run))


def blocks(run: Run) -> Markup:
    """Return the searched blocks, drawn, with the name and λ of an edge on hover."""
    architecture = run.architecture
    if architecture is None:
        return Markup()
    known = gates_of(run)
    graphs = dag.graphs(architecture, known)
    drawing = sheet(graphs, colours_of(architecture))
    names = [edge.name for graph in graphs for edge in graph.surviving if edge.name is not None]
    titles = {name: name if known is None else f'{name}: λ = {known[name]:.3g}' for name in names}
    label = f'{len(names)} edges in {len(graphs)} blocks'
    sofar = '' if 'architecture.json' not in run.missing else ' As of the last epoch of the search so far.'
    wide = ', as wide as their λ,' if known else ''
    words = f'Operations by level, coloured by kind; edges{wide} that survived the search.{sofar}'
    many = len(graphs) > 6
    picture = figures.svg(drawing, 'blocks', label, titles, grow=many)
    return section('The searched blocks', paragraph(words), figure(picture, kind='many-blocks' if many else 'sheet'))


def curves(run: Run) -> Markup:
    """Return loss, error, edges and FLOPs by epoch."""
    drawn = []
    for name, caption in CURVES:
        picture = panel(run, name)
        if picture is not None:
            drawn.append(figure(figures.svg(picture, 'curve-' + name, caption), caption))
    return section('Epoch by epoch', group(drawn, 'grid')) if drawn else Markup()


def flops(run: Run) -> Markup:
    """Return FLOPs by block: in the search, and as retrained."""
    architecture = run.architecture
    if architecture is None:
        return Markup()
    series: List[Tuple[str, List[int]]] = []
    size = image_size_of(run, architecture)
    for label, widths in (('channels of the search', None), ('as retrained', widths_of(run))):
        if widths or not series:
            counted = cost(architecture, widths, size)
            series.append((label, [block.flops for block in counted.blocks if block.name.startswith('b')]))
    if len(series) > 1 and series[0][1] == series[1][1]:
        series = series[:1]
    picture, wide = bars(series, architecture.space.blocks), architecture.space.num_blocks > 8
    return section(
        'FLOPs by block', figure(figures.svg(picture, 'flops', 'FLOPs of every block'), kind='sheet' if wide else '')
    )
