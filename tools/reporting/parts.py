"""The report's parts on the run as a whole: its name, and the numbers that its first sentence has not."""

import dataclasses
from typing import Any, List, Mapping

from markupsafe import Markup

from ...base.text import format_count, format_duration
from ..drawing.architectures import edges_left
from ..reading import experiments
from ..reading.runs import Run
from .page import render

TOP5_FROM = 10  # classes: among fewer, five guesses are nearly all there are


@dataclasses.dataclass(frozen=True)
class Fact:
    """A number and what it is."""

    value: str
    label: str


def heading(run: Run) -> Markup:
    """Return the run's name, what it is, and what is wrong with it."""
    parts = [run.summary.get('dataset') or run.get('data.name') or 'data set not known']
    parts.append(
        'one architecture for all blocks' if run.get('space.share', True) else 'an architecture for each block'
    )
    if run.get('space.blocks'):
        first = f' of {run.get("space.channels")} channels at first' if run.get('space.channels') else ''
        parts.append(f'{" + ".join(map(str, run.get("space.blocks")))} blocks{first}')
    parts += [f'seed {run.get("seed")}'] if run.get('seed') is not None else []
    wrong = []
    if run.damaged:
        wrong.append(f'Damaged, and left out below: {"; ".join(run.damaged)}')
    return render('heading.html.j2', name=run.name, about=', '.join(map(str, parts)), wrong=wrong)


def result(run: Run) -> Markup:
    """Return the numbers that the first sentence has not; nothing where there are none."""
    summary = run.summary
    facts: List[Fact] = []
    if summary.get('top5_error') is not None and _classes(run) >= TOP5_FROM:
        facts.append(Fact(f'{summary["top5_error"]:.2f} %', 'top-5 error'))
    if run.architecture is not None:
        left, _, words = edges_left(run.architecture).partition(' edges ')
        facts.append(Fact(left, f'edges {words}'))
    if summary.get('mac') is not None:
        facts.append(Fact(format_count(summary['mac']), 'memory accesses'))
    facts += _budget(summary.get('budget'))
    seconds = summary.get('seconds') or sum(row.get('seconds') or 0 for row in run.log)
    if seconds:
        stages = [name for name, stage in (('search', 'search'), ('training', 'retrain')) if run.rows(stage)]
        what = ' and '.join(stages) or 'training'
        facts.append(Fact(format_duration(seconds), f'of {what} on {_devices(run)}'))
    return render('facts.html.j2', facts=facts) if facts else Markup()


def _devices(run: Run) -> str:
    """Say what trained: '8 GPUs', 'a CPU with 2 threads'."""
    count, hardware = experiments.devices(run)
    number, gap, rest = (experiments.threads(run.environment) if hardware == 'CPU' else '').partition(' ')
    with_threads = f' with {number} thread{"" if number == "1" else "s"}{gap}{rest}' if number else ''
    return f'{count} {hardware}s' if count > 1 else f'a {hardware}{with_threads}'


def _classes(run: Run) -> int:
    """How many classes there are; 10 where the run does not say."""
    if run.data is not None:
        return len(run.data.classes)
    return run.architecture.space.classes if run.architecture is not None else TOP5_FROM


def _budget(budget: Any) -> List[Fact]:
    if not isinstance(budget, dict) or not budget.get('target') or budget.get('reached') is None:
        return []
    facts = []
    for limit in (budget, *budget.get('also', ())):
        met = 'met' if limit['reached'] <= limit['target'] else 'NOT met'
        label = f'of the budget {limit["kind"]} = {format_count(limit["target"])}: {met}'
        facts.append(Fact(f'{100 * limit["reached"] / limit["target"]:.1f} %', label))
    return [*facts, *_widths(budget)]


def _widths(budget: Mapping[str, Any]) -> List[Fact]:
    """Say what channels in multiples have changed, where the budget took some."""
    uniform, multiple = budget.get('uniform'), budget.get('multiple')
    if not isinstance(uniform, dict) or not isinstance(multiple, int):
        return []
    reached = uniform.get('reached')
    used = f' ({100 * reached / budget["target"]:.1f} % of the budget)' if isinstance(reached, (int, float)) else ''
    rounded = f'multiples of {multiple}{" as far as the budget allows" if budget.get("notes") else ""}'
    other = f'; without that {_channels(uniform)}{used}' if _channels(uniform) != _channels(budget) else ''
    return [Fact(_channels(budget), f'channels by stage, {rounded}{other}')]


def _channels(size: Mapping[str, Any]) -> str:
    return ', '.join(map(str, size.get('widths') or ()))
