"""Draw the blocks of a run or of an architecture file as graphs (Fig. 4 of the paper): svg, png, pdf, or dot for Graphviz.

With --animate the search of a run as a moving picture, an epoch a frame: svg or gif.

Operations stand in rows by level, coloured by kind; edges are as wide as their λ where a run recorded it. A shared architecture is
one block in print quality, any other a sheet of every block that fits a page.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import os
from typing import Optional, Sequence

from dsonas.base import argtypes, cli, files, plugins
from dsonas.base.errors import UserError
from dsonas.symbols.architecture import Architecture
from dsonas.tools.drawing import figures
from dsonas.tools.drawing.architectures import colours_of, draw, edges_left, flops_of, graphs_of
from dsonas.tools.drawing.dot import dot
from dsonas.tools.drawing.frames import film
from dsonas.tools.drawing.moving import gif, svg
from dsonas.tools.reading.runs import Run
from dsonas.tools.reading.sources import gates_of, image_size_of, load, widths_of

KINDS = cli.PICTURES + ('dot',)
MOVING = ('svg', 'gif')


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('source', metavar='RUN_OR_ARCHITECTURE', help='a run directory, or an architecture.json')
    parser.add_argument(
        '-o',
        '--output',
        required=True,
        metavar='F',
        help='the picture to write: .svg, .png, .pdf or .dot; with --animate .svg or .gif',
    )
    parser.add_argument(
        '--pruned', choices=('gone', 'faint'), default='gone', help='operations and edges that did not survive'
    )
    parser.add_argument(
        '--block', metavar='SCOPE', help='only this block: b03, r01, shared, or its number (default: all)'
    )
    parser.add_argument(
        '--width', type=argtypes.number(1, 100), metavar='INCHES', help='a narrower page than A4, such as a column'
    )
    parser.add_argument(
        '--animate', action='store_true', help='how one block became what it is, epoch by epoch; F is a .svg or .gif'
    )
    parser.add_argument('--title', help='above the picture (default: the name and how many edges are left)')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Draw. Returns the exit status."""
    options = arguments().parse_args(argv)
    kind = cli.output_kind(options.output, MOVING if options.animate else KINDS)
    architecture, run = load(options.source)
    name = run.name if run else os.path.splitext(os.path.basename(options.source))[0]
    if options.animate:
        _animate(options, kind, architecture, run)
        return 0
    flops = flops_of(architecture, widths_of(run), image_size_of(run, architecture))
    counted = '; multiply-adds of each block' if flops else ''
    title = f'{name}: {edges_left(architecture)}{counted}' if options.title is None else options.title
    what = (architecture, gates_of(run), options.pruned == 'faint', options.block)
    if kind == 'dot':
        files.write_text(options.output, dot(graphs_of(*what, flops), colours_of(architecture), title))
    else:
        figure = draw(*what, title=title, page=(options.width, figures.A4[1]) if options.width else None, flops=flops)
        with figures.styled():
            figures.save(figure, options.output, kind, dpi=300)
    return 0


def _animate(options: argparse.Namespace, kind: str, architecture: Architecture, run: Optional[Run]) -> None:
    """Write the search of a run as a moving picture."""
    if run is None or run.gates is None:
        raise UserError(
            f'{options.source}: no history of λ to animate; accepted is a run that searched, with lambda.npz'
        )
    shown = film(architecture.space, run.gates, options.block)
    title = f'{run.name}: {shown.last.graph.title}' if options.title is None else options.title
    if kind == 'gif':
        files.write_bytes(options.output, gif(shown, colours_of(architecture), title))
    else:
        files.write_text(options.output, svg(shown, colours_of(architecture), title))


if __name__ == '__main__':
    cli.main(main)
