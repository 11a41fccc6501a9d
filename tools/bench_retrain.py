"""Measure a training step of a derived network at its budget: images a second, memory; beside PyTorch and any width where asked.

The default architecture is drawn at random: the paper's space for CIFAR-10, --seed, and the share of edges --keep; 8 blocks a stage, or
one where the budget is below 0.5 M parameters. Its widths are those that the budget chooses for the processor, as train/retrain.py does
with retrain.width_multiple=0; --any-width measures those of any size, too, and --width-multiple 1 these beside PyTorch. --torch measures
the same network of the same widths in PyTorch as one writes it, and in PyTorch's channels_last layout. Each implementation runs in a
process of its own, in turn; times are seconds (medians), of --rounds rounds the least; ratios are theirs to ours, and the one that counts
is that to the faster form of PyTorch.

    python tools/bench_retrain.py --budget params=3.0M --batch-size 8 --torch --any-width
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
import os
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from dsonas.base import argtypes, cli, limits, machine
from dsonas.base.text import aligned
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import Fit, fit_widths, parse_budgets
from dsonas.symbols.cost import cost
from dsonas.symbols.space import SearchSpace
from dsonas.tools.timing import common, plans

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'timing')
WORKER, TORCH = os.path.join(HERE, 'derived_worker.py'), os.path.join(HERE, 'torch_network.py')
SHOWN = (('step', 'step s'), ('step_processor', 'CPU s'), ('first', 'first step s'), ('rss_gb', 'peak GB'))
COMPARED = {'step': ('step',), 'processor': ('step_processor',), 'first': ('first',), 'rss_gb': ('rss_gb',)}
LATENCY = {'latency': ('latency',), 'latency_processor': ('latency_processor',)}
SIZES = {'cifar': 32, 'imagenet': 224}
SMALL = 500_000  # parameters below which the random architecture has one block a stage


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add('--architecture', metavar='FILE', help='architecture.json to take instead of a random one')
    add('--seed', type=argtypes.SEED, default=1, help='of the random architecture')
    add(
        '--blocks',
        type=argtypes.BLOCKS,
        metavar='N,N,…',
        help='its blocks in each stage; default 8,8,8, below params=500k 1,1,1',
    )
    add(
        '--keep',
        type=argtypes.number(above=0, high=1),
        default=0.3,
        help='share of edges that the random architecture keeps',
    )
    _add_widths(parser)
    add(
        '--latency',
        type=argtypes.whole(0, 1_000_000),
        default=0,
        metavar='N',
        help='time N inferences of one image of the exported network too',
    )
    add(
        '--drop-path',
        type=argtypes.number(low=0, high=1),
        default=0.0,
        metavar='RATE',
        help='of the last block; those before have less',
    )
    add('--gpus', type=argtypes.whole(0, 1), default=0, help='1: on a GPU')
    common.add_torch(parser)
    common.add_steps(parser)
    return parser


def _add_widths(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('--budget', default='params=3.0M', help='as for train/retrain.py: params=3.0M, flops=600M, mac=40M')
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        '--widths',
        '--channels',
        dest='channels',
        type=argtypes.wholes(1, limits.WIDTH, limits.STAGES),
        metavar='N,N,…',
        help='width of each stage, instead of the budget',
    )
    add(
        '--width-multiple',
        type=argtypes.whole(0, limits.WIDTH),
        default=0,
        help='as retrain.width_multiple; 0: what suits the processor',
    )
    chosen.add_argument(
        '--any-width', action='store_true', help='measure the network of any width at the same budget, too'
    )


def architecture_of(options: argparse.Namespace) -> Architecture:
    """The architecture that a command line names. Raises UserError, OSError."""
    if options.architecture:
        return Architecture.load(options.architecture)
    kind, number = parse_budgets(options.budget)[0]
    small = kind == 'params' and number < SMALL and not options.channels
    blocks = options.blocks or ((1, 1, 1) if small else (8, 8, 8))
    return Architecture.random(SearchSpace.cifar10(blocks=blocks), options.seed, options.keep)


def report(options: argparse.Namespace) -> Dict[str, Any]:
    """All that was asked for, as one dict."""
    architecture = architecture_of(options)
    size = options.image_size or SIZES[architecture.space.stem]
    widths, budget = widths_of(options, architecture, size, options.width_multiple or machine.width_multiple())
    task = {
        name: getattr(options, name)
        for name in ('batch_size', 'steps', 'warm_up', 'latency', 'threads', 'gpus', 'kernels', 'drop_path')
    }
    task.update(architecture=architecture.to_dict(), widths=widths, image_size=size, plugins=list(options.plugins))
    task['implementation'] = 'dsonas'
    measurements: Dict[str, Callable[[], Dict[str, Any]]] = {}
    measurements['dsonas'] = functools.partial(common.measure, task, script=WORKER)
    if options.any_width:
        any_widths, any_budget = widths_of(options, architecture, size, 1)
        measurements['any_width'] = functools.partial(common.measure, dict(task, widths=any_widths), script=WORKER)
    if options.torch and common.torch_here(options):
        plan = dict(task, plan=plans.network_plan(architecture, widths))
        measurements.update(common.torch_measurements(plan, options.torch_python, TORCH))
    figures = dict(zip(measurements, common.in_turn(list(measurements.values()), options.rounds)))
    same_network = {name: found for name, found in figures.items() if name in common.TORCH_FORMS}
    common.require_equal(same_network, figures['dsonas'], 'params')
    for found in figures.values():
        found.update(images_per_second=options.batch_size / found['step'], widths=list(widths))
    if options.any_width:
        figures['any_width'].update(widths=list(any_widths), budget=any_budget)
    result = dict(figures.pop('dsonas'), flops=cost(architecture, widths, size).flops, budget=budget)
    result.update(common.compared(figures, result, dict(COMPARED, **(LATENCY if options.latency else {}))))
    result['edges'], result['machine'] = architecture.num_edges, common.machine(options.threads)
    unsaid = ('architecture', 'implementation', 'widths')
    result['settings'] = {key: value for key, value in task.items() if key not in unsaid}
    return result


def widths_of(
    options: argparse.Namespace, architecture: Architecture, size: int, multiple: int
) -> Tuple[List[int], Dict[str, Any]]:
    """The widths asked for, and what the budget says of them. Raises UserError."""
    if options.channels:
        return list(architecture.space.widths(options.channels)), {'kind': 'none'}
    fit: Fit = fit_widths(architecture, options.budget, size, multiple=multiple)
    return list(fit.widths), fit.to_dict()


def show(result: Mapping[str, Any]) -> None:
    """The report as tables."""
    versions = dict(result['versions'], **result.get('torch', {}).get('versions', {}))
    common.show_machine(result['machine'], versions)
    size, batch = result['settings']['image_size'], result['settings']['batch_size']
    print(f'{result["params"]:,} parameters, {result["flops"]:,} FLOPs, batch {batch}, {size} × {size} pixels')
    for note in result['budget'].get('notes', ()):
        print(note)
    timed = 'latency' in result
    titles = [title for _, title in SHOWN] + (['latency ms'] if timed else [])
    rows = [['', 'channels', 'images/s', *titles, 'step', 'CPU', 'memory']]
    for name in ('dsonas', 'any_width', *common.TORCH_FORMS):
        figures = result if name == 'dsonas' else result.get(name)
        if figures:
            ratio = figures['ratio'] if name != 'dsonas' else {'step': 1, 'processor': 1, 'rss_gb': 1}
            numbers = [f'{figures[key]:.3f}' for key, _ in SHOWN]
            numbers += [f'{1e3 * figures["latency"]:.3g}'] if timed else []
            ratios = [f'{ratio[key]:.2f}x' for key in ('step', 'processor', 'rss_gb')]
            channels = ', '.join(map(str, figures['widths']))
            rows.append([name.replace('_', ' '), channels, f'{figures["images_per_second"]:.1f}', *numbers, *ratios])
    print('\n'.join(aligned(rows, left=(0, 1))))
    if timed:
        print(f'latency of one image in {result["runtime"]}, and in PyTorch')
    common.show_better(result)


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    options = arguments().parse_args(argv)
    common.tell(report(options), options, show)


if __name__ == '__main__':
    cli.main(main)
