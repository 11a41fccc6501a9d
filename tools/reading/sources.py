"""What a tool is pointed at: a run directory or an architecture file, and the network that stands behind it."""

import os
from typing import Dict, Optional, Tuple

from ...base.errors import UserError
from ...symbols.architecture import Architecture
from . import runs

IMAGE_SIZES = {'cifar': 32, 'imagenet': 224}


def load(source: str) -> Tuple[Architecture, Optional[runs.Run]]:
    """(architecture, run) of a run directory, or (architecture, None) of an architecture file.

    Raises UserError or OSError, naming the path, where there is neither, or the run has no architecture yet.
    """
    if not os.path.isdir(source):
        if not os.path.exists(source):
            raise UserError(f'{source}: no such run directory or architecture file')
        return Architecture.load(source), None
    run = runs.existing(source)
    if run.architecture is None:
        raise UserError(
            f'{source}: no architecture ({run.why}); accepted is a run directory with architecture.json or lambda.npz'
        )
    return run.architecture, run


def gates_of(run: Optional[runs.Run]) -> Optional[Dict[str, float]]:
    """{edge name: λ} after the search of a run, None where it did not record them, or for no run."""
    if run is None or run.gates is None or run.architecture is None:
        return None
    names = tuple(name for group in run.architecture.space.gate_names() for name in group)
    return run.gates.last() if run.gates.names == names else None


def widths_of(run: Optional[runs.Run]) -> Optional[Tuple[int, ...]]:
    """Channels of each stage of a run's retrained network, None where it was not retrained, or for no run."""
    budget = run.summary.get('budget') if run else None
    widths = budget.get('widths') if isinstance(budget, dict) else None
    return tuple(widths) if widths else None


def image_size_of(run: Optional[runs.Run], architecture: Architecture) -> int:
    """Pixels: what the run's configuration says, else the usual one for the stem."""
    size = run.get('data.image_size') if run else None
    return int(size or IMAGE_SIZES[architecture.space.stem])
