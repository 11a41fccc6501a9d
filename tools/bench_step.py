"""Measure a step of the search: W step, λ step, first step, peak memory; beside the naive network and PyTorch where asked.

Each implementation runs in a process of its own. Times are seconds (medians), memory is the largest resident memory of the process
in GB, and how much it grew over the steps that were timed (--steps 500: a thousand). --naive measures the network with one operator an
edge, --torch the same network in PyTorch, as one writes it and in its channels_last layout; ratios are theirs to ours, and the one that
counts is that to the faster form of PyTorch.
"""

try:
    from dsonas import installed
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None
else:
    installed.require_mxnet(__name__)

import argparse
import functools
from typing import Any, Callable, Dict, Mapping, Sequence

from dsonas.base import cli
from dsonas.base.text import aligned
from dsonas.tools.timing import common

SHOWN = (
    ('w_step', 'W step s'),
    ('lambda_step', 'λ step s'),
    ('w_step_processor', 'W CPU s'),
    ('lambda_step_processor', 'λ CPU s'),
    ('first', 'first step s'),
    ('rss_gb', 'peak GB'),
)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    common.add_space(parser)
    parser.add_argument('--naive', action='store_true', help='measure the network with one operator an edge too')
    common.add_torch(parser)
    parser.add_argument('--profile', action='store_true', help='share of time by operator, too')
    return parser


def report(options: argparse.Namespace) -> Dict[str, Any]:
    """All that was asked for, as one dict."""
    task = common.task(options)
    measurements: Dict[str, Callable[[], Dict[str, Any]]] = {'fused': functools.partial(common.measure, task)}
    if options.naive:
        measurements['naive'] = functools.partial(common.measure, dict(task, implementation='naive'))
    if options.torch and common.torch_here(options):
        measurements.update(common.torch_measurements(task, options.torch_python, common.TORCH))
    figures = dict(zip(measurements, common.in_turn(list(measurements.values()), options.rounds)))
    result = figures.pop('fused')
    common.require_equal(figures, result, 'weights', 'gates')
    result.update(common.compared(figures, result))
    result['machine'] = common.machine(options.threads)
    result['settings'] = {key: value for key, value in task.items() if key not in ('implementation', 'architecture')}
    if options.profile:
        profiled = common.measure(dict(task, profile=True, steps=1), MXNET_EXEC_BULK_EXEC_TRAIN='0')
        result['profile'] = profiled['profile']
    return result


def show(result: Mapping[str, Any]) -> None:
    """The report as tables."""
    versions = dict(result['versions'], **result.get('torch', {}).get('versions', {}))
    common.show_machine(result['machine'], versions)
    growth = f'memory grew by {100 * result["growth"]:.2f} % over {2 * result["settings"]["steps"]} steps'
    print(f'{result["weights"]} weights, {result["gates"]} λ; {growth}')
    rows = [['', *(title for _, title in SHOWN), 'step', 'CPU', 'memory']]
    for kind in ('fused', 'naive', *common.TORCH_FORMS):
        figures = result if kind == 'fused' else result.get(kind)
        if figures:
            ratio = figures['ratio'] if kind != 'fused' else {'step': 1, 'processor': 1, 'rss_gb': 1}
            rows.append(
                [
                    kind.replace('_', ' '),
                    *(f'{figures[key]:.3f}' for key, _ in SHOWN),
                    *(f'{ratio[key]:.2f}x' for key in ('step', 'processor', 'rss_gb')),
                ]
            )
    print('\n'.join(aligned(rows)))
    common.show_better(result)
    for kind, rows in result.get('profile', {}).items():
        print(f'\n{"W" if kind == "w" else "λ"} step, by operator')
        for row in rows[:20]:
            share, milliseconds = 100 * row['share'], 1e3 * row['seconds']
            print(f'{share:6.1f} %  {milliseconds:8.1f} ms  {int(row["calls"]):6d} calls  {row["operator"]}')


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    options = arguments().parse_args(argv)
    result = report(options)
    common.tell(result, options, show)


if __name__ == '__main__':
    cli.main(main)
