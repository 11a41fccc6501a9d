"""Runs as experiments: which differ in their seed alone, and have the same data; the kind of network that each trained.

Also what its search cost, and means over seeds.
"""

import json
import math
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...runfiles.directory import ARCHITECTURE
from ...runfiles.network import SEARCHED, kind_of
from .recipe import DATA, Recipe, alike, recipe_of
from .runs import Run

SAME = ('seed', 'run', 'preset', 'train')  # settings that do not tell experiments apart
OF_MACHINE = ('dir', 'workers', 'memory_gb', 'reader')  # of the group data


def kind(run: Run) -> str:
    """'searched', 'random', 'full' or 'gluoncv:<name>'."""
    return kind_of(run.summary, run.environment)


def transferred(run: Run) -> bool:
    """Whether the architecture was searched elsewhere: it is there, and no trace of a search."""
    return (
        kind(run) == SEARCHED
        and ARCHITECTURE not in run.missing
        and run.gates is None
        and not run.rows('search')
        and not run.summary.get('search')
        and bool(run.config)
        and not run.damaged
    )


def devices(run: Run) -> Tuple[int, str]:
    """(how many, 'GPU' or 'CPU'); one CPU where environment.json does not say."""
    names = run.environment.get('devices') or ['cpu(0)']
    hardware = 'GPU' if all(str(name).startswith('gpu') for name in names) else 'CPU'
    return len(names) * int(run.environment.get('workers') or 1), hardware


def threads(environment: Mapping[str, Any]) -> str:
    """Write with how many threads a run was computed: '2'; '2 in the search, 1 in training' where they differ; '' where not known."""
    last, searched = environment.get('threads'), environment.get('search_threads')
    if not isinstance(last, int):
        return ''
    return (
        f'{searched} in the search, {last} in training' if isinstance(searched, int) and searched != last else str(last)
    )


def search_seconds(run: Run) -> Optional[float]:
    """What pretraining and search took, None without a search."""
    return (run.summary.get('search') or {}).get('seconds')


def search_days(run: Run) -> Optional[float]:
    """The same as device days."""
    seconds = search_seconds(run)
    return None if seconds is None else seconds * devices(run)[0] / 86400


def group(found: Sequence[Run]) -> List[List[Run]]:
    """Lists of runs that differ in their seed alone, in the order of their first member; what has no settings stands alone.

    Runs with equal settings on other images, by data.json, are other groups. What a run does not say, of its images or of a setting
    that its version did not have, is no difference.
    """
    settings = [
        Recipe(
            {
                'kind': kind(run),
                'transferred': transferred(run),
                **dict(_flat(_kept(run))),
                **recipe_of(run).only(DATA).facts,
            }
        )
        for run in found
    ]
    known = [place for place, run in enumerate(found) if run.config]
    groups = [[known[number] for number in numbers] for numbers in alike([settings[place] for place in known])]
    groups += [[place] for place, run in enumerate(found) if not run.config]
    return [[found[place] for place in places] for places in sorted(groups)]


def differing(members: Sequence[Run]) -> List[str]:
    """Dotted keys of the settings, seeds and machines aside, in which runs differ."""
    each = [dict(_flat(_kept(run))) for run in members]
    keys = sorted({key for values in each for key in values})
    return [key for key in keys if len({values[key] for values in each if key in values}) > 1]


def mean_std(values: Sequence[float]) -> Tuple[float, Optional[float]]:
    """Mean and sample standard deviation (None for fewer than two values)."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def plus_minus(mean: float, std: Optional[float], form: str = '%.2f') -> str:
    """'2.84 ± 0.07', without ± where there is no std or it shows as zero."""
    return form % mean if not std or form % std == form % 0 else f'{form % mean} ± {form % std}'


def _kept(run: Run) -> Dict[str, Any]:
    """The settings that make a run what it is; those of the search are nothing to a network that was not searched."""
    others = () if kind(run) == SEARCHED else ('pretrain', 'search')
    kept = {key: value for key, value in run.config.items() if key not in SAME + others}
    if isinstance(kept.get('data'), dict):
        kept['data'] = {key: value for key, value in kept['data'].items() if key not in OF_MACHINE}
    return kept


def _flat(tree: Mapping[str, Any], prefix: str = '') -> Iterator[Tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, prefix + key + '.')
        else:
            yield prefix + key, json.dumps(value, default=str)
