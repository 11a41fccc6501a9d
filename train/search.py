"""Stages 1 and 2: pretrain a supernet's weights, then search by pruning it. Leaves architecture.json in the run directory.

For example:

    python train/search.py --dataset cifar10 --data-dir DIR --gpus 0,1
    python train/search.py --resume --run runs/cifar10-share-1
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
import os
from typing import Optional, Sequence

from dsonas.base import argtypes, cli, limits
from dsonas.base.errors import UserError
from dsonas.train.config import flags as train_cli
from dsonas.train.config import settings
from dsonas.train.config.tree import Config
from dsonas.train.runtime.run import stored_config
from dsonas.train.searching import pipeline

STAGES = ('pretrain', 'search')


def arguments(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = train_cli.parser(__doc__.splitlines()[0])
    parser.add_argument(
        '--space', choices=('share', 'full'), help='one set of λ for all blocks, or one a block [space.share]'
    )
    parser.add_argument(
        '--epochs',
        type=argtypes.whole(0, limits.EPOCHS),
        help='epochs of pretraining, and of search [pretrain.epochs, search.epochs]',
    )
    parser.add_argument(
        '--batch-size', type=argtypes.BATCH, help='images an update [pretrain.batch_size, search.batch_size]'
    )
    parser.add_argument('--gamma', dest='search.gamma', default=None, help='weight of the L1 norm of λ [search.gamma]')
    parser.add_argument(
        '--target',
        dest='search.target',
        default=None,
        help='what shall be left, γ being steered to it: edges=30%%, flops=50%%, params=40%% [search.target, default none]',
    )
    parser.add_argument(
        '--penalty',
        dest='search.penalty',
        default=None,
        help='what γ of each λ follows: flops, mac, latency (measured here) or none [search.penalty]',
    )
    parser.add_argument(
        '--budget',
        dest='retrain.budget',
        default=None,
        help='size of the network that train/retrain.py will derive: params=3.0M, flops=600M, mac=40M, latency=2.5ms, two counts as '
        'params=3.0M,flops=600M, or none [retrain.budget]',
    )
    parser.add_argument(
        '--init',
        metavar='RUN',
        dest='pretrain.init',
        default=None,
        help="start with the weights of another run's supernet of the same space [pretrain.init]",
    )
    parser.add_argument('--stages', default=','.join(STAGES), help='which of the stages to run')
    return parser.parse_args(argv)


def configuration(given: argparse.Namespace) -> Config:
    """Resolve the Config that a command line asks for."""
    start = None
    if given.resume:
        if not given.run:
            raise UserError('--resume: say which run with --run')
        path = os.path.join(given.run, 'config.yaml')
        if not os.path.exists(path):
            raise UserError(f'--resume: there is no run in {given.run}')
        start = stored_config(path)
    flags = train_cli.flags(
        given,
        pretrain__epochs=given.epochs,
        search__epochs=given.epochs,
        pretrain__batch_size=given.batch_size,
        search__batch_size=given.batch_size,
        space__share=None if given.space is None else given.space == 'share',
    )
    return settings.resolve(given.preset, given.config, given.set, flags, start)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command."""
    given = arguments(argv)
    wanted = [name.strip() for name in given.stages.split(',')]
    for name in wanted:
        if name not in STAGES:
            raise UserError(f'--stages {given.stages}: expected pretrain, search or pretrain,search')
    pipeline.search(configuration(given), wanted, given.resume, given.allow_changes)


if __name__ == '__main__':
    cli.main(main)
