"""Write what a run did as one HTML page that needs no network: result, blocks, λ over time, curves, costs, errors, settings.

Works on a run that is still going: run it again to see more.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None


from dsonas.base import cli, files, plugins
from dsonas.symbols.cost import cost
from dsonas.tools import plot_blocks, plot_flops, plot_search
from dsonas.tools.drawing import dag, figures
from dsonas.tools.drawing.blocks import sheet
from dsonas.tools.reading import runs
from dsonas.tools.reading.sources import gates_of, image_size_of, widths_of
from dsonas.tools.reporting import parts
from dsonas.tools.reporting.errors import errors
from dsonas.tools.reporting.gates import gates, script
from dsonas.tools.reporting.page import figure, page, paragraph, section

CURVES = (
    ('loss', 'Loss by epoch, over the stages.'),
    ('error', 'Error by epoch, over the stages.'),
    ('left', 'What is left of the edges during the search.'),
    ('flops', 'FLOPs of what is left during the search.'),
)


def arguments():
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='a run directory')
    parser.add_argument('-o', '--output', required=True, metavar='F', help='the page to write: .html')
    plugins.add_flag(parser)
    return parser


def report(run):
    """The page of a Run, as text."""
    written = [parts.heading(run), parts.result(run), parts.baselines(run)]
    with figures.styled():
        written += [blocks(run), gates(run), curves(run), flops(run)]
    written += [errors(run), parts.settings(run), parts.environment(run), parts.commands(run)]
    return page(f'{run.name}: report', '\n'.join(part for part in written if part), script(run))


def blocks(run):
    """The searched blocks, drawn, with the name and λ of an edge on hover."""
    architecture = run.architecture
    if architecture is None:
        return ''
    known = gates_of(run)
    graphs = dag.graphs(architecture, known)
    drawing = sheet(graphs, plot_blocks.colours_of(architecture))
    names = [edge.name for graph in graphs for edge in graph.surviving]
    titles = {name: name if known is None else f'{name}: λ = {known[name]:.3g}' for name in names}
    label = '%d edges in %d blocks' % (len(names), len(graphs))
    sofar = '' if 'architecture.json' not in run.missing else ' As of the last epoch of the search so far.'
    words = 'Operations by level, coloured by kind; edges{} that survived the search.{}'.format(
        ', as wide as their λ,' if known else '', sofar
    )
    many = len(graphs) > 6
    picture = figures.svg(drawing, 'blocks', label, titles, grow=many)
    return section('The searched blocks', paragraph(words), figure(picture, kind='many-blocks' if many else 'sheet'))


def curves(run):
    """Loss, error, edges and FLOPs by epoch."""
    drawn = []
    for name, caption in CURVES:
        picture = plot_search.panel(run, name)
        if picture is not None:
            drawn.append(figure(figures.svg(picture, 'curve-' + name, caption), caption))
    return section('Epoch by epoch', '<div class="grid">{}</div>'.format(''.join(drawn))) if drawn else ''


def flops(run):
    """FLOPs by block: in the search, and as retrained."""
    architecture = run.architecture
    if architecture is None:
        return ''
    series, size = [], image_size_of(run, architecture)
    for label, widths in (('channels of the search', None), ('as retrained', widths_of(run))):
        if widths or not series:
            counted = cost(architecture, widths, size)
            series.append((label, [block.flops for block in counted.blocks if block.name.startswith('b')]))
    if len(series) > 1 and series[0][1] == series[1][1]:
        series = series[:1]
    picture, wide = plot_flops.bars(series, architecture.space.blocks), architecture.space.num_blocks > 8
    return section(
        'FLOPs by block', figure(figures.svg(picture, 'flops', 'FLOPs of every block'), kind='sheet' if wide else '')
    )


def main(argv):
    """Write the page. Returns the exit status."""
    options = arguments().parse_args(argv)
    cli.output_kind(options.output, ('html',))
    files.write_text(options.output, report(runs.existing(options.run)))
    return 0


if __name__ == '__main__':
    cli.main(main)
