"""From a folder of images to a model in one command: search, train, compare, export, report; interrupted, it goes on.

For example:

    python train/fit.py photos/ --budget flops=15M --minutes 20
    python train/fit.py digits --run runs/digits
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
from typing import Optional, Sequence

from dsonas.base import argtypes, cli, plugins
from dsonas.train.config import settings
from dsonas.train.fitting import FitSettings, run_fit


def arguments(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add(
        'data',
        metavar='DATA',
        help='a folder of images in class folders, a table of them, CIFAR-10 or CIFAR-100, or digits',
    )
    add(
        '--budget',
        help='size of the network: params=30k, flops=15M, mac=4M, latency=2ms, two counts as params=30k,flops=5M '
        '(default: what suits the search)',
    )
    add(
        '--minutes',
        type=argtypes.number(0, 43_200),
        help='that all may take (default: 5 to 20, by the number of images)',
    )
    add('--target', help='what the search shall leave: edges=30%%, flops=50%%, params=40%% (default: edges=30%%)')
    add('--run', help='run directory (default: runs/NAME, NAME of the folder)')
    add('--seeds', type=argtypes.whole(1, 100), default=1, metavar='K', help='so many searches, each with its network')
    add('--seed', type=argtypes.SEED, default=0, help='the seed of the first search (default: 0)')
    add(
        '--dataset',
        help=f'what the data are, where they are not recognised: {", ".join(settings.KEYS["data.name"].choices)}',
    )
    add('--gpus', help='GPUs such as 0-7; without it all that MXNet sees, else the CPU')
    add('--cpus', type=argtypes.DEVICES, default=0, help='use that many CPU devices')
    add(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='set any key of search.py --keys in the place of what is chosen; may be given again',
    )
    plugins.add_flag(parser)
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command."""
    given = arguments(argv)
    run_fit(
        given.data,
        FitSettings(
            budget=given.budget,
            minutes=given.minutes,
            target=given.target,
            run=given.run,
            seeds=given.seeds,
            seed=given.seed,
            dataset=given.dataset,
            gpus=given.gpus or '',
            cpus=given.cpus,
            overrides=dict(map(settings.parse_set, given.set)),
            plugins=tuple(given.plugins),
        ),
    )


if __name__ == '__main__':
    cli.main(main)
