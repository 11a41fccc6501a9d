"""The report's bars: the test error of a run's network beside those of the baselines in its directory."""

import dataclasses
import math
import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from markupsafe import Markup

from ...base.text import format_count
from ...runfiles.network import gluoncv_name
from ..reading import experiments
from ..reading.recipe import recipe_of
from ..reading.runs import Run
from .answer import images_of, interval
from .page import render, section, table

NAMES = {'searched': 'searched', 'random': 'random', 'full': 'completely connected'}
TICKS = (1, 2, 2.5, 5, 10)  # steps of an axis, times a power of ten


@dataclasses.dataclass(frozen=True)
class Beside:
    """One run of the comparison. different: in what its recipe is another than the first one's."""

    run: Run
    kind: str
    different: Tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it has a test error."""
        return self.run.state == 'finished'

    @property
    def error(self) -> float:
        """Test error, percent."""
        return float(self.run.summary['test_error'])

    def span(self) -> Optional[Tuple[float, float]]:
        """The 95 % interval of its test error in percent, None where the number of test images is not known."""
        images = images_of(self.run)
        return interval(self.error, images) if images else None


def members_of(run: Run) -> List[Beside]:
    """Return a run and those inside it, with in what their recipes differ; alone where there are none."""
    recipe = recipe_of(run)
    return [
        Beside(member, experiments.kind(member), tuple(recipe_of(member).differences(recipe)))
        for member in [run, *run.subruns()]
    ]


def baselines(run: Run) -> Markup:
    """Return bars of a run and of the baselines in it, and the table of these runs; nothing where there are none."""
    members = members_of(run)
    if len(members) < 2:
        return Markup()
    return section('Beside other networks', _bars(members), _table(members))


def groups_of(members: Sequence[Beside]) -> List[List[Beside]]:
    """Group finished networks of one kind and recipe; the run itself stands first and alone."""
    groups: Dict[Tuple[Any, ...], List[Beside]] = {}
    for place, member in enumerate(members):
        if member.done:
            groups.setdefault((place == 0, member.kind, member.different), []).append(member)
    return list(groups.values())


def _bars(members: Sequence[Beside]) -> Markup:
    groups = groups_of(members)
    if not groups:
        return Markup()
    spans = [member.span() or (member.error, member.error) for group in groups for member in group]
    top, step = _axis(max(high for _, high in spans))
    rows = [_row(group, top, group[0].run is members[0].run) for group in groups]
    ticks = [(f'{100 * at * step / top:.2f}', f'{at * step:g}') for at in range(int(top / step + 1.5))]
    known = any(member.span() for group in groups for member in group)
    others = any(group[0].different for group in groups)
    return render('bars.html.j2', rows=rows, ticks=ticks, known=known, others=others)


def _row(group: Sequence[Beside], top: float, own: bool) -> Dict[str, Any]:
    """One bar, as its template takes it; places in percent of the axis."""
    mean, std = experiments.mean_std([member.error for member in group])
    count = f', mean of {len(group)}' if len(group) > 1 else ''
    networks = []
    for place, member in enumerate(group):
        low, high = member.span() or (member.error, member.error)
        networks.append(
            {
                'at': f'{100 * member.error / top:.2f}',
                'from': f'{100 * low / top:.2f}',
                'wide': f'{100 * (high - low) / top:.2f}',
                'down': f'{100 * (place + 1) / (len(group) + 1):.1f}',
                'title': f'{member.run.name}: {member.error:.2f} %'
                + (f' (95 %: {low:.2f}–{high:.2f})' if high > low else ''),
            }
        )
    return {
        'label': f'{name_of(group[0].kind)}{count}',
        'value': f'{experiments.plus_minus(mean, std)} %',
        'wide': f'{100 * mean / top:.2f}',
        'kind': 'own' if own else 'unlike' if group[0].different else '',
        'networks': networks,
    }


def _axis(largest: float) -> Tuple[float, float]:
    """(end, step) of an axis from 0 that holds `largest`, with four to nine steps."""
    largest = max(largest, 1e-3)
    power = 10.0 ** math.floor(math.log10(largest / 4))
    step = next(part * power for part in TICKS if part * power >= largest / 6)
    return step * math.ceil(largest / step + 1e-9), step


def name_of(kind: str) -> str:
    """Return what a kind of network is called."""
    zoo = gluoncv_name(kind)
    return NAMES.get(kind, kind) if zoo is None else f'gluoncv {zoo}'


def _table(members: Sequence[Beside]) -> Markup:
    rows: List[Tuple[object, ...]] = []
    for member in members:
        remarks = [] if member.done else [member.run.why]
        remarks += [f'not comparable: {"; ".join(member.different)}'] if member.different else []
        summary = member.run.summary
        where = os.path.relpath(member.run.path, members[0].run.path) if rows else member.run.name
        name = render('network.html.j2', kind=name_of(member.kind), run=where, remarks='; '.join(remarks))
        counts = [format_count(summary.get(key)) if member.done else '' for key in ('params', 'flops')]
        rows.append((name, f'{member.error:.2f}' if member.done else member.run.state, *counts))
    return table(('Network', 'Test error (%)', 'Parameters', 'Multiply-adds'), rows, (1, 2, 3), 'networks')
