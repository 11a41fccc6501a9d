"""Run an experiment of the paper, a table or a figure, to its end: search, retrain, and the table or figure measured.

What has its result is skipped, and what was stopped goes on. Environment variables:

    SCALE=smoke       embedded data, a small space, two CPU cores, minutes (the default)
    SCALE=paper       the paper's settings; takes GPUs and days
    SEEDS=n           seeds 1 to n
    JOBS=n            the most commands at once (default: 2 on two cores, up to 4 where OMP_NUM_THREADS is more; 1 at SCALE=paper)
    OMP_NUM_THREADS=n threads of a command alone, which commands side by side share (default: 2, or 1 where there is one core)
    ROOT=folder       where the runs go (default: runs/<experiment>-<scale>)
    GAMMAS='a b'      the γ that a figure compares
    DATA_CIFAR10, DATA_IMAGENET      folders of the data at SCALE=paper (default: where gluon keeps them)
    GPUS=0-7          devices at SCALE=paper
    CIFAR=run         table2_imagenet: the run whose block is transferred
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import os
from typing import Sequence

from dsonas.base import argtypes, cli
from dsonas.base.errors import UserError
from dsonas.tools.recipes import catalogue, running
from dsonas.tools.recipes.steps import Settings


def arguments() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    parser = cli.parser(__doc__, epilog=__doc__.split('\n', 2)[2])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = ', '.join(catalogue.experiments())
    parser.add_argument('experiment', metavar='EXPERIMENT', help=f'a recipe of experiments/: {names}')
    parser.add_argument('--seed', type=argtypes.SEED, metavar='N', help='this seed alone, instead of SEEDS')
    parser.add_argument('--dry-run', action='store_true', help='print the commands that are still to run, and run none')
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the experiment. Returns the exit status."""
    options = arguments().parse_args(argv)
    experiments = catalogue.experiments()
    if options.experiment not in experiments:
        raise UserError(f'unknown experiment {options.experiment!r}: one of {", ".join(experiments)}')
    experiment = experiments[options.experiment]
    running.run(experiment, Settings.of(experiment, os.environ, options.seed), options.dry_run)
    return 0


if __name__ == '__main__':
    cli.main(main)
