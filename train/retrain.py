"""Stage 3: derive a network, scale it to its budget, train it from scratch on the whole training set, test it.

For example:

    python train/retrain.py --run runs/cifar10-share-1                                     what the search found
    python train/retrain.py --run runs/cifar10-share-1 --random 1                          a random architecture of like size
    python train/retrain.py --architecture cifar.json --dataset imagenet --run runs/new    transfer to another network
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
from typing import Any, Dict, Optional, Sequence, Tuple

from dsonas.base import argtypes, cli
from dsonas.base.errors import UserError
from dsonas.runfiles.directory import RunDirectory
from dsonas.symbols.architecture import Architecture
from dsonas.train.config import flags as train_cli
from dsonas.train.config import settings
from dsonas.train.config.tree import Config
from dsonas.train.deriving import retraining


def arguments(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = train_cli.parser(__doc__.splitlines()[0])
    candidate = parser.add_mutually_exclusive_group()
    candidate.add_argument(
        '--architecture', metavar='FILE', help='architecture.json to train; without it that of --run'
    )
    candidate.add_argument(
        '--random',
        type=argtypes.SEED,
        metavar='SEED',
        help='a random architecture, with about as many edges as that of --run',
    )
    candidate.add_argument('--full', action='store_true', help='the completely connected network')
    candidate.add_argument('--gluoncv', metavar='NAME', help="a network of gluoncv's model zoo, by the same recipe")
    parser.add_argument(
        '--keep', type=argtypes.SHARE, help='with --random: share of edges kept, instead of as many as that of --run'
    )
    parser.add_argument('--name', help='train in RUN/retrain-NAME, beside what RUN holds')
    parser.add_argument(
        '--budget',
        dest='retrain.budget',
        default=None,
        help='params=3.0M, flops=600M, mac=40M, latency=2.5ms (one image on the first device here), two counts as '
        'params=3.0M,flops=600M, or none [retrain.budget]',
    )
    parser.add_argument(
        '--epochs', dest='retrain.epochs', default=None, help='passes over the training set [retrain.epochs]'
    )
    parser.add_argument(
        '--batch-size', dest='retrain.batch_size', default=None, help='images an update [retrain.batch_size]'
    )
    parser.add_argument(
        '--init',
        metavar='RUN',
        dest='retrain.init',
        default=None,
        help="start with the weights of another run's network of the same shape [retrain.init]",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command."""
    given = arguments(argv)
    check_words(given)
    settings.import_plugins(given.config, given.set)  # an architecture file may name what they register
    start, directory = retraining.start_of(given.run) if given.run else (None, None)
    own = directory.architecture if directory and start and os.path.exists(directory.architecture) else None
    named = given.architecture or given.full or given.gluoncv or given.random is not None
    here = bool(given.resume and directory and start and not named and not given.name)  # what this run began to train
    if here and directory:
        stored, candidate = retraining.begun(directory)
    else:
        stored, candidate = asked_for(given, own)
    baseline = candidate.kind.split(':')[0] not in ('searched', 'consensus') or (given.architecture is not None)
    run, add = given.run, False
    if start and directory and not here and (given.name or (baseline and has_search(directory))):
        kind = 'architecture' if given.architecture else candidate.kind
        kind = f'random-{given.random}' if given.random is not None else kind
        run = retraining.place(given.run, kind, given.name)
        if given.resume:
            start, _ = retraining.start_of(run)
    else:
        add = bool(start) and not baseline
    if given.resume and not start:
        raise UserError('--resume: there is no run in %s' % (run or '--run'))
    config = configuration(given, start, run, stored)
    retraining.retrain(config, candidate, given.resume, given.allow_changes, add)


def asked_for(given: argparse.Namespace, own: Optional[str]) -> Tuple[Optional[Architecture], retraining.Candidate]:
    """Return (stored Architecture or None, Candidate) that a command line asks for. own: architecture.json of its run, if there is one."""
    if given.architecture:
        return retraining.searched(given.architecture)
    if given.full:
        return None, retraining.full()
    if given.gluoncv:
        return None, retraining.gluoncv(given.gluoncv)
    if given.random is not None:
        like = retraining.searched(own)[0] if own else None
        return None, retraining.random(given.random, given.keep, like)
    if own:
        return retraining.searched(own)
    missing = (
        f'--run {given.run}: no architecture.json there'
        if given.run
        else 'no --run given, whose architecture.json is trained'
    )
    raise UserError(
        f'{missing} (train/search.py leaves it); or give --architecture FILE, --random SEED, --full or --gluoncv NAME'
    )


def check_words(given: argparse.Namespace) -> None:
    """Check that each flag has an effect beside the others. Raises UserError."""
    if given.keep is not None and given.random is None:
        raise UserError(f'--keep {given.keep:g} has no effect without --random SEED; leave it out, or give both')
    if given.name is not None and not given.run:
        raise UserError(f'--name {given.name} has no effect without --run, the directory that it is made in')
    budget = getattr(given, 'retrain.budget')
    if given.gluoncv and budget not in (None, 'none'):
        raise UserError(f'--budget {budget} has no effect with --gluoncv {given.gluoncv}: its widths are its own')


def has_search(directory: RunDirectory) -> bool:
    """Whether a run directory holds more than a retraining of its own."""
    return os.path.exists(directory.gates) or os.path.exists(directory.architecture)


def configuration(
    given: argparse.Namespace, start: Optional[Dict[str, Any]], run: Optional[str], stored: Optional[Architecture]
) -> Config:
    """Resolve the Config: the run's own settings, if it goes on, and an architecture's space, beneath what the command line says."""
    layers = dict(start or {})
    if stored is not None:
        space = {
            'space.' + name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.space.to_dict().items()
            if name != 'classes'
        }
        layers = dict(space, **layers) if start else space
    flags = train_cli.flags(given)
    if run:
        flags['run'] = run
    return settings.resolve(given.preset, given.config, given.set, flags, layers or None)


if __name__ == '__main__':
    cli.main(main)
