"""Draw where FLOPs go, or what error they buy: FLOPs of each block of several runs (Fig. 5a), or error against FLOPs, parameters
or memory access from many runs, with the Pareto front (Fig. 5b, 5c, 6).
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import os
import sys

from dsonas.base import cli, plugins
from dsonas.base.errors import UserError
from dsonas.base.text import unit_scale
from dsonas.symbols.cost import cost
from dsonas.tools.drawing import figures, palette
from dsonas.tools.drawing.pareto import front
from dsonas.tools.reading import runs
from dsonas.tools.reading.sources import image_size_of, load, widths_of

AXES = {'params': ('parameters', ''), 'flops': ('FLOPs', 'FLOPs'), 'mac': ('memory access cost', ' elements')}
PENALTIES = {'none': 'constant γ', 'flops': 'adaptive FLOPs', 'mac': 'adaptive MAC', 'latency': 'adaptive latency'}
MOST = len(palette.SERIES)


def arguments():
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
        '--group', default='search.budget', metavar='KEY', help='--against: the setting that tells curves apart'
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


def block_flops(source, widths='search'):
    """([name of each convolution block], [its FLOPs], name of the run) of a run directory or architecture file."""
    architecture, run = load(source)
    channels = widths_of(run) if widths == 'retrained' else None
    counted = cost(architecture, channels, image_size_of(run, architecture))
    blocks = [block for block in counted.blocks if block.name.startswith('b')]
    name = run.name if run else os.path.splitext(os.path.basename(source))[0]
    return [block.name for block in blocks], [block.flops for block in blocks], name


def bars(series, stages, title=None, size=None):
    """A Figure of FLOPs by block. series: [(label, [FLOPs of each block])]; stages: blocks of each stage, between which a line is drawn."""
    count = max(len(values) for _, values in series)
    scale, unit = unit_scale([value for _, values in series for value in values])
    figure = figures.new(*(size or (max(4.2, min(7.6, 0.9 + 0.09 * count * (len(series) + 1))), 2.7)))
    axes = figure.subplots()
    width = 0.8 / len(series)
    for index, (label, values) in enumerate(series):
        spots = [block + (index - (len(series) - 1) / 2) * width for block in range(len(values))]
        axes.bar(
            spots,
            [value / scale for value in values],
            width,
            color=palette.SERIES[index % MOST],
            label=label,
            linewidth=0,
        )
    for end in [sum(stages[: stage + 1]) for stage in range(len(stages) - 1)]:
        axes.axvline(end - 0.5, color=palette.GREY, linewidth=0.8, linestyle=':')
    axes.set(xlabel='block', ylabel=f'FLOPs of the block ({unit}FLOPs)', xlim=(-0.6, count - 0.4), title=title or '')
    axes.grid(False, axis='x')
    axes.set_xticks(range(0, count, 1 if count <= 26 else 5))
    if len(series) > 1:
        _legend(figure, axes, [label for label, _ in series])
    return figure


def _legend(figure, axes, labels):
    column = 0.5 + 0.065 * max(len(label) for label in labels)  # inches
    columns = max(1, min(len(labels), int((figure.get_figwidth() - 0.5) / column)))
    axes.legend(loc='lower center', bbox_to_anchor=(0.5, 1), ncol=columns, borderaxespad=0.3, borderpad=0.2)


def groups_of(found, key):
    """{label: [Run]} of finished runs, by a setting for searched networks, by kind for others, in order of label."""
    groups = {}
    for run in found:
        kind = run.summary.get('kind', 'searched')
        value = run.get(key)
        label = kind
        if kind == 'searched':
            label = PENALTIES.get(value) if key == 'search.budget' and value in PENALTIES else f'{key}: {value}'
        groups.setdefault(label, []).append(run)
    return {label: groups[label] for label in sorted(groups)}


def scatter(groups, field, title=None):
    """A Figure of test error against `field` for {label: [Run]}: a point a run, and each group's Pareto front as a staircase."""
    values = [run.summary[field] for members in groups.values() for run in members]
    scale, unit = unit_scale(values)
    figure = figures.new(4.6, 3.3)
    axes = figure.subplots()
    for index, (label, members) in enumerate(groups.items()):
        colour, marker = palette.SERIES[index % MOST], palette.MARKERS[index % MOST]
        points = [(run.summary[field] / scale, run.summary['test_error']) for run in members]
        best = [points[at] for at in front(points)]
        axes.plot(
            *zip(*points),
            linestyle='none',
            marker=marker,
            color=colour,
            markersize=4.5,
            alpha=0.75,
            markeredgewidth=0,
            label='%s (%d)' % (label, len(members)),
        )
        axes.plot(*zip(*best), drawstyle='steps-post', color=colour, linewidth=1.2, gid='front-%d' % index)
    axes.plot([], [], color=palette.GREY, linewidth=1.2, label='Pareto front')
    name, what = AXES[field]
    axes.set(
        xlabel='{} ({})'.format(name, (unit + what).strip() or 'number'), ylabel='test error (%)', title=title or ''
    )
    axes.margins(0.08)
    _legend(figure, axes, [text.get_label() for text in axes.get_lines() if not text.get_label().startswith('_')])
    return figure


def main(argv):
    """Draw. Returns the exit status."""
    options = arguments().parse_args(argv)
    kind = cli.output_kind(options.output)
    with figures.styled():
        figure = _against(options) if options.against else _by_block(options)
        figures.save(figure, options.output, kind)
    return 0


def _by_block(options):
    sources = []
    for source in options.runs:  # a run stands for itself, without the baselines in it
        sources += [source] if os.path.isfile(source) or runs.is_run(source) else runs.find([source])
    if len(sources) > MOST:
        raise UserError('%d runs side by side: accepted are at most %d' % (len(sources), MOST))
    found = [block_flops(source, options.widths) for source in sources]
    labels = _labels(options, [name for _, _, name in found])
    return bars(
        [(label, values) for label, (_, values, _) in zip(labels, found)],
        load(sources[0])[0].space.blocks,
        options.title,
    )


def _against(options):
    found = [runs.read(path) for path in runs.find(options.runs)]
    finished = [run for run in found if run.state == 'finished' and run.summary.get(options.against) is not None]
    for run in found:
        if run not in finished:
            print(
                'left out: {} ({})'.format(
                    run.path, run.why if run.state != 'finished' else f'its {options.against} is not counted'
                ),
                file=sys.stderr,
            )
    if not finished:
        raise UserError(
            '{}: no finished run to draw; accepted are run directories with a test error in summary.json'.format(
                ' '.join(options.runs)
            )
        )
    groups = groups_of(finished, options.group)
    if len(groups) > MOST:
        raise UserError('--group %s: %d groups; accepted are at most %d' % (options.group, len(groups), MOST))
    return scatter(dict(zip(_labels(options, list(groups)), groups.values())), options.against, options.title)


def _labels(options, names):
    if options.labels and len(options.labels) != len(names):
        raise UserError('--labels: %d texts for %d curves (%s)' % (len(options.labels), len(names), ', '.join(names)))
    return options.labels or names


if __name__ == '__main__':
    cli.main(main)
