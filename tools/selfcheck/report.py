"""What checks found, for people and for programs: a row each, a line to paste, JSON."""

import dataclasses
import json
from typing import Any, Dict, List, Mapping, Sequence

from ... import __version__
from ...base import machine
from ...base.text import escaped
from .checks import ALL
from .running import FAILED, OK, SKIPPED, Outcome

WIDTH = 2 + max(map(len, ALL))


def row(outcome: Outcome) -> str:
    """Return the row of an outcome: name, status, seconds, then the reason or the figures."""
    said = [escaped(outcome.detail)] if outcome.detail else []
    said += [f'{name} {_number(value)}' for name, value in outcome.figures.items()]
    return f'{outcome.name:<{WIDTH}}{outcome.status:<9}{outcome.seconds:6.1f} s  {"; ".join(said)}'.rstrip()


def heading() -> str:
    """Return the row above all of them."""
    return f'{"check":<{WIDTH}}{"status":<9}{"time":>8}  what was found'


def last_line(outcomes: Sequence[Outcome], described: Mapping[str, Any]) -> str:
    """Return one line that says it all, to be pasted into a report."""
    counts = ', '.join(f'{_count(outcomes, status)} {status}' for status in (OK, FAILED, SKIPPED))
    failed = [outcome.name for outcome in outcomes if outcome.status == FAILED]
    of = f' ({", ".join(failed)})' if failed else ''
    versions = ', '.join(f'{name} {value}' for name, value in described['versions'].items())
    features, devices = (', '.join(described[name]) for name in ('features', 'devices'))
    return escaped(f'check-gpu: {counts}{of}; {versions}; with {features}; {devices}; {described["system"]}')


def as_json(outcomes: Sequence[Outcome], described: Mapping[str, Any]) -> str:
    """Return everything as JSON."""
    checks: List[Dict[str, Any]] = [dict(dataclasses.asdict(entry), what=ALL[entry.name]) for entry in outcomes]
    content = {'checks': checks, 'machine': dict(described), 'line': last_line(outcomes, described)}
    return json.dumps(content, indent=1, ensure_ascii=False)


def describe(devices: Sequence[str], features: Sequence[str]) -> Dict[str, Any]:
    """Describe the machine. devices: their names; features: what MXNet is built with."""
    versions = {'dsonas': __version__, **machine.versions('mxnet', 'numpy')}
    return dict(machine.describe(), devices=list(devices), features=list(features), versions=versions)


def _count(outcomes: Sequence[Outcome], status: str) -> int:
    return sum(outcome.status == status for outcome in outcomes)


def _number(value: Any) -> str:
    return f'{value:.3g}' if isinstance(value, float) else escaped(value)
