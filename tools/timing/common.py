"""What the benchmarks share: their command line, and measurements in processes of their own."""

import argparse
import functools
import json
import os
import subprocess
import sys
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ...base import argtypes, limits, plugins
from ...base import machine as host
from ...base.errors import UserError
from ...symbols.space import PAPER_OPERATIONS, STEMS, SearchSpace

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(os.path.dirname(HERE), 'bench_worker.py')
TORCH = os.path.join(HERE, 'torch_supernet.py')
TORCH_FORMS = {'torch': False, 'torch_channels_last': True}  # name of an implementation: whether it is in channels_last
STEPS = ('w_step', 'lambda_step')
SEARCH_RATIOS: Mapping[str, Sequence[str]] = {
    **{key: (key,) for key in (*STEPS, 'first', 'rss_gb')},
    'step': STEPS,  # W and λ step together
    'processor': tuple(f'{key}_processor' for key in STEPS),
}


def add_space(parser: argparse.ArgumentParser) -> None:
    """Flags for the search space and the step."""
    add = parser.add_argument
    add('--channels', type=argtypes.CHANNELS, default=48, help='channels of the first stage')
    add('--blocks', type=argtypes.BLOCKS, default=(8, 8, 8), metavar='N,N,…', help='blocks in each stage')
    add('--levels', type=argtypes.whole(1, limits.LEVELS), default=4, help='levels of a block')
    add(
        '--operations',
        type=lambda text: tuple(text.split(',')),
        default=PAPER_OPERATIONS,
        metavar='NAME,…',
        help='operations of a level',
    )
    add('--classes', type=argtypes.whole(1, limits.CLASSES), default=10, help='classes')
    add('--stem', choices=STEMS, default='cifar', help='the stem')
    share = parser.add_mutually_exclusive_group()
    share.add_argument('--share', dest='share', action='store_true', default=True, help='one set of λ for all blocks')
    share.add_argument('--full', dest='share', action='store_false', help='a set of λ for each block')
    add('--cpus', type=argtypes.whole(1, limits.DEVICES), default=1, help='CPU devices to divide the batch over')
    add('--gpus', type=argtypes.DEVICES, default=0, help='GPUs to divide the batch over, instead')
    add_steps(parser)


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Flags for how steps are taken and measured, and for plugins and JSON."""
    add = parser.add_argument
    add('--batch-size', type=argtypes.BATCH, default=8, help='images a step')
    add(
        '--image-size',
        type=argtypes.IMAGE_SIZE_OR_OWN,
        default=0,
        help='height and width of the images; 0: 32 with the cifar stem, 224 with the imagenet stem',
    )
    add('--steps', type=argtypes.whole(1, 1_000_000), default=5, help='steps of each kind to take the median of')
    add('--warm-up', type=argtypes.whole(0, 1_000_000), default=1, help='steps of each kind before, beside the first')
    add('--threads', type=argtypes.PROCESSES, default=host.threads(), help='OMP_NUM_THREADS')
    add(
        '--kernels',
        choices=('cpu', 'onednn', 'plain'),
        help="how operators are computed, default: what suits the device; on a CPU, plain takes the steps of 'exact'",
    )
    add(
        '--rounds',
        type=argtypes.whole(1, 1000),
        default=1,
        help='measure everything so often, in turn, and keep the least of each figure',
    )
    plugins.add_flag(parser)
    add('--json', action='store_true', help='print JSON instead of a table')


def add_torch(parser: argparse.ArgumentParser) -> None:
    """Flags for the same network in PyTorch."""
    parser.add_argument(
        '--torch',
        action='store_true',
        help='measure the network in PyTorch too, plain and in channels_last; passed over where there is none',
    )
    parser.add_argument('--torch-python', default=sys.executable, metavar='PATH', help='the Python that has PyTorch')


def task(arguments: argparse.Namespace) -> Dict[str, Any]:
    """The part of a worker task that the command line says. Raises UserError."""
    space = SearchSpace(
        share=arguments.share,
        channels=arguments.channels,
        classes=arguments.classes,
        blocks=arguments.blocks,
        levels=arguments.levels,
        operations=arguments.operations,
        stem=arguments.stem,
    )
    for flag in ('batch_size', 'steps', 'threads', 'cpus'):
        if getattr(arguments, flag) < 1:
            raise UserError(f'--{flag.replace("_", "-")} {getattr(arguments, flag)}: must be at least 1')
    devices = arguments.gpus or arguments.cpus
    if arguments.batch_size % devices:
        raise UserError(f'--batch-size {arguments.batch_size}: not a multiple of {devices} devices')
    return {
        'space': space.to_dict(),
        'architecture': None,
        'batch_size': arguments.batch_size,
        'steps': arguments.steps,
        'image_size': arguments.image_size or (32 if arguments.stem == 'cifar' else 224),
        'warm_up': arguments.warm_up,
        'cpus': arguments.cpus,
        'gpus': arguments.gpus,
        'kernels': arguments.kernels,
        'threads': arguments.threads,
        'implementation': 'fused',
        'plugins': list(arguments.plugins),
    }


def measure(
    task: Mapping[str, Any], python: str = sys.executable, script: str = WORKER, **environment: str
) -> Dict[str, Any]:
    """The figures of a task, measured in a new process that reads it from standard input: as an argument a large architecture is too long.

    Raises UserError with the process's last words where it fails.
    """
    threads = str(task['threads'])
    variables = dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, **environment)
    run = subprocess.run(
        [python, script],
        input=json.dumps(task).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
    )
    if run.returncode:
        words = [line for line in run.stderr.decode('utf-8', 'replace').splitlines() if line.strip()]
        last = words[-1] if words else ''
        raise UserError(f'measuring {task["implementation"]} failed with status {run.returncode}: {last}')
    figures: Dict[str, Any] = json.loads(run.stdout.decode().strip().splitlines()[-1])
    return figures


def has_torch(python: str) -> bool:
    """Whether the Python at `python` can import PyTorch. Raises UserError where there is no such Python."""
    try:
        return not subprocess.run(
            [python, '-c', 'import torch'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode
    except OSError as error:
        raise UserError(f'--torch-python {python}: {error.strerror}') from None


def in_turn(measurements: Sequence[Callable[[], Dict[str, Any]]], rounds: int) -> List[Dict[str, Any]]:
    """Figures of each measurement (a function without arguments), the least of every time and memory over `rounds` rounds."""
    found: List[List[Dict[str, Any]]] = [[] for _ in measurements]
    for _ in range(max(1, rounds)):
        for figures, measurement in zip(found, measurements):
            figures.append(measurement())
    return [
        dict(
            figures[0],
            **{
                key: min(entry[key] for entry in figures)
                for key, value in figures[0].items()
                if isinstance(value, float)
            },
        )
        for figures in found
    ]


def ratios(
    figures: Mapping[str, Any], base: Mapping[str, Any], keys: Mapping[str, Sequence[str]] = SEARCH_RATIOS
) -> Dict[str, float]:
    """Figures over those of `base`: by name, of the sum over some keys each."""
    return {name: sum(figures[key] for key in of) / sum(base[key] for key in of) for name, of in keys.items()}


def compared(
    figures: Mapping[str, Mapping[str, Any]], base: Mapping[str, Any], keys: Mapping[str, Sequence[str]] = SEARCH_RATIOS
) -> Dict[str, Any]:
    """Figures of each implementation with its `ratio` to `base`; `torch_better`: name of the faster form of PyTorch, whose `ratio` counts.

    `better` is another name of `torch_better`.
    """
    found: Dict[str, Any] = {name: dict(entry, ratio=ratios(entry, base, keys)) for name, entry in figures.items()}
    forms = [name for name in TORCH_FORMS if name in found]
    if forms:
        better = min(forms, key=lambda name: found[name]['ratio']['step'])
        found.update(torch_better=better, better=better, ratio=found[better]['ratio'])
    return found


def require_equal(figures: Mapping[str, Mapping[str, Any]], base: Mapping[str, Any], *counts: str) -> None:
    """Raise ValueError where an implementation that ought to be the same network has another number of parameters, λ, …."""
    for name, entry in figures.items():
        for key in counts:
            if entry[key] != base[key]:
                raise ValueError(f'{name} is another network: {entry[key]} {key} against {base[key]}')


def torch_here(options: argparse.Namespace) -> bool:
    """Whether options.torch_python has PyTorch; says so where not. Raises UserError where there is no such Python."""
    if has_torch(options.torch_python):
        return True
    print(f'{options.torch_python} has no PyTorch: passed over', file=sys.stderr)
    return False


def torch_measurements(task: Mapping[str, Any], python: str, script: str) -> Dict[str, Callable[[], Dict[str, Any]]]:
    """What measures a task in PyTorch, in each of TORCH_FORMS."""
    return {
        name: functools.partial(
            measure, dict(task, implementation=name, channels_last=channels_last), python=python, script=script
        )
        for name, channels_last in TORCH_FORMS.items()
    }


def show_better(result: Mapping[str, Any]) -> None:
    """The line below a table: how the faster form of PyTorch stands to this project."""
    if 'better' in result:
        ratio, name = result['ratio'], result['better'].replace('_', ' ')
        step, busy = f'{ratio["step"]:.2f} times as long a step', f'{ratio["processor"]:.2f} times the processor time'
        print(f'the faster form of PyTorch, {name}: {step}, {busy}, {ratio["rss_gb"]:.2f} times the memory')


def machine(threads: int) -> Dict[str, Any]:
    """What a reader needs to know of the machine."""
    load = host.load()
    return dict(host.describe(), threads=threads, **({} if load is None else {'load': load}))


def show_machine(found: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    """The two lines above a table."""
    load = f', load {found["load"]:.2f}' if 'load' in found else ''
    print(f'{found["processor"]}, {found["cores"]} cores, {found["threads"]} threads{load}')
    print(', '.join(f'{name} {version}' for name, version in sorted(versions.items())))


def tell(result: Mapping[str, Any], options: argparse.Namespace, show: Callable[[Mapping[str, Any]], None]) -> None:
    """Print a benchmark's result as options.json asks: JSON, or show(result)."""
    if options.json:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        show(result)
