"""Draw the blocks of a run or of an architecture file as graphs (Fig. 4 of the paper): svg, png, pdf, or dot for Graphviz.

Operations stand in rows by level, coloured by kind; edges are as wide as their λ where a run recorded it. A shared architecture is
one block in print quality, any other a sheet of every block that fits a page.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import os

from dsonas.base import cli, files, plugins
from dsonas.base.errors import UserError
from dsonas.symbols.space import REDUCTION_BRANCHES
from dsonas.tools.drawing import dag, figures, palette
from dsonas.tools.drawing.blocks import sheet
from dsonas.tools.drawing.dot import dot
from dsonas.tools.reading.sources import gates_of, load

KINDS = cli.PICTURES + ('dot',)


def arguments():
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('source', metavar='RUN_OR_ARCHITECTURE', help='a run directory, or an architecture.json')
    parser.add_argument(
        '-o', '--output', required=True, metavar='F', help='the picture to write: .svg, .png, .pdf or .dot'
    )
    parser.add_argument(
        '--pruned', choices=('gone', 'faint'), default='gone', help='operations and edges that did not survive'
    )
    parser.add_argument(
        '--block', metavar='SCOPE', help='only this block: b03, r01, shared, or its number (default: all)'
    )
    parser.add_argument('--width', type=float, metavar='INCHES', help='a narrower page than A4, such as a column')
    parser.add_argument('--title', help='above the picture (default: the name and how many edges are left)')
    plugins.add_flag(parser)
    return parser


def colours_of(architecture):
    """{operation: colour}, those of the reduction blocks too."""
    return palette.operation_colours(architecture.space.operations + REDUCTION_BRANCHES)


def edges_left(architecture):
    """'34 of 128 edges left'"""
    return '%d of %d edges left' % (
        architecture.num_edges,
        sum(len(group) for group in architecture.space.gate_names()),
    )


def draw(architecture, gates=None, faint=False, block=None, title='', page=None):
    """The blocks of an Architecture as a matplotlib Figure.

    gates: {edge name: λ}, where known: edges are as wide. faint: with what did not survive. block: this scope or block number alone.
    page: (width, height) in inches instead of A4.
    """
    with figures.styled():
        return sheet(_graphs(architecture, gates, faint, block), colours_of(architecture), title, page)


def _graphs(architecture, gates, faint, block):
    graphs = dag.graphs(architecture, gates, faint)
    return graphs if block in (None, '') else _only(graphs, str(block))


def _only(graphs, scope):
    wanted = 'b%02d' % int(scope) if scope.isdigit() else scope
    kept = [graph for graph in graphs if graph.scope == wanted]
    if not kept:
        raise UserError('--block {}: accepted are {}'.format(scope, ', '.join(graph.scope for graph in graphs)))
    return kept


def main(argv):
    """Draw. Returns the exit status."""
    options = arguments().parse_args(argv)
    kind = cli.output_kind(options.output, KINDS)
    architecture, run = load(options.source)
    name = run.name if run else os.path.splitext(os.path.basename(options.source))[0]
    title = f'{name}: {edges_left(architecture)}' if options.title is None else options.title
    what = (architecture, gates_of(run), options.pruned == 'faint', options.block)
    if kind == 'dot':
        files.write_text(options.output, dot(_graphs(*what), colours_of(architecture), title))
    else:
        figure = draw(*what, title=title, page=(options.width, figures.A4[1]) if options.width else None)
        with figures.styled():
            figures.save(figure, options.output, kind, dpi=300)
    return 0


if __name__ == '__main__':
    cli.main(main)
