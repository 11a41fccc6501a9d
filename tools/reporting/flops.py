"""FLOPs of a run's blocks, and runs grouped for a chart of error against cost."""

import os
from typing import Dict, List, Sequence, Tuple

from ...base.text import few
from ...runfiles.config import RENAMED
from ...runfiles.network import SEARCHED
from ...symbols.cost import cost
from ..reading.recipe import ROOM, WIDTHS, recipe_of, split_alike, told
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

    Searched networks are grouped by the setting `key` (dotted), others by their kind. Networks that were trained or tested by
    another recipe than most are groups of their own, whose labels say so; their widths may differ, as they are drawn against.
    """
    groups: Dict[str, List[Run]] = {}
    key = RENAMED.get(key, key)
    apart = split_alike(finished, ignore=WIDTHS)
    usual = max(apart, key=len, default=[])
    for members in apart:
        texts = differences(members[0], usual[0])
        suffix = '' if members is usual else f', {texts[0]}{" ..." if len(texts) > 1 else ""}'
        taken = set(groups)
        for run in members:
            label = _label(run, key) + suffix
            while label in taken:
                label += "'"
            groups.setdefault(label, []).append(run)
    return {label: groups[label] for label in sorted(groups)}


def differences(run: Run, usual: Run) -> List[str]:
    """Return in what the recipe of a run differs from that of another, but for its widths."""
    return recipe_of(run).differences(recipe_of(usual), WIDTHS) or ['settings or data not known']


def other_recipes(finished: Sequence[Run]) -> List[str]:
    """Return a line for each recipe other than that of most runs: what differs, and in which runs."""
    apart = split_alike(finished, ignore=WIDTHS)
    usual = max(apart, key=len, default=[])
    return [
        f'another recipe than {usual[0].path}: {told(differences(members[0], usual[0]))}: '
        f'{few([run.path for run in members], max(ROOM, len(members[0].path)), ", ")}'
        for members in apart
        if members is not usual
    ]


def _label(run: Run, key: str) -> str:
    kind, value = str(run.summary.get('kind', SEARCHED)), run.get(key)
    if kind != SEARCHED:
        return kind
    return PENALTIES[value] if key == 'search.penalty' and value in PENALTIES else f'{key}: {value}'
