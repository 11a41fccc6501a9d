"""FLOPs of a run's blocks, and runs grouped for a chart of error against cost."""

import os
from typing import Dict, List, Sequence, Tuple

from ...runfiles.config import RENAMED
from ...symbols.cost import cost
from ..reading.runs import Run
from ..reading.sources import image_size_of, load, widths_of

PENALTIES = {'none': 'constant γ', 'flops': 'adaptive FLOPs', 'mac': 'adaptive MAC', 'latency': 'adaptive latency'}


def block_flops(source: str, widths: str = 'search') -> Tuple[List[str], List[int], str]:
    """Return the names of the convolution blocks, their FLOPs, and the name of a run or architecture file.

    source: a run directory, or an architecture.json. widths: 'search' for the channels of the search,
    'retrained' for those of the trained network. Raises UserError, OSError as reading.sources.load.
    """
    architecture, run = load(source)
    channels = widths_of(run) if widths == 'retrained' else None
    counted = cost(architecture, channels, image_size_of(run, architecture))
    blocks = [block for block in counted.blocks if block.name.startswith('b')]
    name = run.name if run else os.path.splitext(os.path.basename(source))[0]
    return [block.name for block in blocks], [block.flops for block in blocks], name


def groups_of(finished: Sequence[Run], key: str) -> Dict[str, List[Run]]:
    """Group finished runs: {label: [Run]}, in the order of the labels.

    Searched networks are grouped by the setting `key` (dotted), others by their kind.
    """
    groups: Dict[str, List[Run]] = {}
    key = RENAMED.get(key, key)
    for run in finished:
        kind = run.summary.get('kind', 'searched')
        value = run.get(key)
        label = kind
        if kind == 'searched':
            label = PENALTIES.get(value) if key == 'search.penalty' and value in PENALTIES else f'{key}: {value}'
        groups.setdefault(label, []).append(run)
    return {label: groups[label] for label in sorted(groups)}
