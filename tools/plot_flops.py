"""Draw the FLOPs of each block of several runs (Fig. 5a), or with --against their error against what they cost.

The cost is FLOPs, parameters or memory access; of many runs the Pareto front is drawn too (Fig. 5b, 5c, 6). Networks that were
trained or tested by another recipe (other epochs, other images) are drawn apart, and named.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import os
from typing import List, Sequence

from matplotlib.figure import Figure

from dsonas.base import cli, plugins
from dsonas.base.errors import UserError
from dsonas.tools.drawing import figures
from dsonas.tools.drawing.charts import AXES, MOST_SERIES, bars, scatter
from dsonas.tools.reading import runs
from dsonas.tools.reading.sources import load
from dsonas.tools.reporting.flops import block_flops, groups_of, other_recipes


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument(
        'runs', nargs='+', metavar='RUN', help='run directories, folders of them; FLOPs by block: also architectures'
    )
    parser.add_argument('-o', '--output', required=True, metavar='F', help='the picture to write: .svg, .png or .pdf')
    parser.add_argument(
        '--against', choices=list(AXES), help='draw the test error against this instead of FLOPs by block'
    )
    parser.add_argument(
        '--group', default='search.penalty', metavar='KEY', help='--against: the setting that tells curves apart'
    )
    parser.add_argument(
        '--widths', choices=('search', 'retrained'), default='search', help='FLOPs by block: at which channels'
    )
    parser.add_argument(
        '--labels', nargs='+', metavar='TEXT', help='names of the runs or groups in the legend, in order'
    )
    parser.add_argument('--title', help='above the picture')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Draw. Returns the exit status."""
    options = arguments().parse_args(argv)
    kind = cli.output_kind(options.output)
    with figures.styled():
        figure = _against(options) if options.against else _by_block(options)
        figures.save(figure, options.output, kind)
    return 0


def _by_block(options: argparse.Namespace) -> Figure:
    sources: List[str] = []
    for source in options.runs:  # a run stands for itself, without the baselines in it
        sources += [source] if os.path.isfile(source) or runs.is_run(source) else runs.find([source])
    if len(sources) > MOST_SERIES:
        raise UserError(f'{len(sources)} runs side by side: accepted are at most {MOST_SERIES}')
    found = [block_flops(source, options.widths) for source in sources]
    labels = _labels(options, [name for _, _, name in found])
    sizes = {source: runs.read(source).get('data.image_size') for source in sources if os.path.isdir(source)}
    if len({size for size in sizes.values() if size}) > 1:
        text = ', '.join(f'{source}: {size}' for source, size in sizes.items() if size)
        cli.tell(f'not comparable as they stand: FLOPs at other image sizes ({text})', '')
    return bars(
        [(label, values) for label, (_, values, _) in zip(labels, found)],
        load(sources[0])[0].space.blocks,
        options.title or (labels[0] if len(labels) == 1 else None),
    )


def _against(options: argparse.Namespace) -> Figure:
    found = runs.read_all(options.runs)
    finished = [run for run in found if run.state == 'finished' and run.summary.get(options.against) is not None]
    for run in found:
        if run not in finished:
            why = run.why if run.state != 'finished' else f'its {options.against} is not counted'
            cli.tell(f'left out: {run.path} ({why})', '')
    if not finished:
        raise UserError(
            f'{" ".join(options.runs)}: no finished run to draw; accepted are run directories with a test error in '
            'summary.json'
        )
    for line in other_recipes(finished):
        cli.tell(f'drawn apart: {line}', '')
    groups = groups_of(finished, options.group)
    if len(groups) > MOST_SERIES:
        raise UserError(f'--group {options.group}: {len(groups)} groups; accepted are at most {MOST_SERIES}')
    points = [
        [(run.summary[options.against], run.summary['test_error']) for run in members] for members in groups.values()
    ]
    labels = _labels(options, list(groups))
    names = {label: [run.name for run in members] for label, members in zip(labels, groups.values())}
    return scatter(dict(zip(labels, points)), options.against, options.title, names)


def _labels(options: argparse.Namespace, names: List[str]) -> List[str]:
    if options.labels and len(options.labels) != len(names):
        raise UserError(f'--labels: {len(options.labels)} texts for {len(names)} curves ({", ".join(names)})')
    return options.labels or names


if __name__ == '__main__':
    cli.main(main)
