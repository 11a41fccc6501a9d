"""The plan and the result as text of at most 80 columns."""

import os
import shlex
import textwrap
from typing import Any, Dict, List, Mapping, Sequence

from ...base.text import aligned, clipped, escaped, format_count, format_duration
from ...runfiles.fit import FitRecord
from ...symbols.architecture import Architecture
from ..config.tree import Config
from . import delivering
from .planning import number_of, stage_of, trained_as
from .telling import WIDTH, clock

NAMES = {
    'prepare': 'look at data, measure',
    'pretrain': 'pretrain the supernet',
    'search': 'search',
    'retrain': 'train the network found',
    'random': 'train a random one',
    'known': 'train {zoo}',
    'finish': 'test, export, report',
}


def phase_name(phase: str, zoo: str = '') -> str:
    """Return what a phase does, in words."""
    number = number_of(phase)
    return NAMES[stage_of(phase)].format(zoo=zoo) + (f' ({number})' if number > 1 else '')


def plan(record: FitRecord, config: Config, steps: Mapping[str, int]) -> List[str]:
    """Return the lines of a plan. config: resolved from it; steps: of an epoch by stage."""
    space, budget = config.space, config.retrain.budget
    size = f'{config.data.image_size} x {config.data.image_size} pixels'
    lines = [
        f'plan for {clipped(config.run, 50)}, {record.minutes:g} minutes at most',
        f'  images    {size}, {space.stem} stem',
        f'  supernet  {space.channels} channels, {"+".join(map(str, space.blocks))} blocks, to be left: {config.search.target}',
        f'  network   {budget if budget != "none" else "channels as set, or as in the search"}',
        '',
    ]
    rows: List[Sequence[Any]] = [('phase', 'epochs', 'batch', 'steps', 'estimate')]
    for phase, seconds in record.estimates.items():
        stage, name = trained_as(phase), phase_name(phase, record.zoo)
        if stage in record.epochs:
            epochs, batch = record.epochs[stage], getattr(config, stage).batch_size
            rows.append((name, epochs, batch, epochs * steps[stage], clock(seconds)))
        else:
            rows.append((name, '', '', '', clock(seconds)))
    rows.append(('together', '', '', '', clock(sum(record.estimates.values()))))
    return lines + [f'  {line}' for line in aligned(rows)] + _remarks(record.remarks)


def result(record: FitRecord, config: Config, networks: Mapping[str, str]) -> List[str]:
    """Return the lines of the last screen. networks: run directories by phase."""
    found = {phase: delivering.result_of(folder) for phase, folder in networks.items()}
    first, run = found['retrain'], config.run
    low, high = 100 - first['test_error_high'], 100 - first['test_error_low']
    edges = Architecture.full(config.space).num_edges
    lines = [
        '=' * WIDTH,
        f'{clipped(os.path.normpath(run), 34)}: {100 - first["test_error"]:.1f} % of {first["test_images"]} test images '
        f'are right',
        f'  95 % interval {low:.1f} to {high:.1f} %',
        f'  {format_count(first["params"])} parameters, {format_count(first["flops"])} FLOPs, '
        f'{format_duration(first["latency_ms"] / 1000)} an image; {first["edges"]} of {edges} edges are left',
        f'  {format_duration(sum(record.spent.values()))} in all',
        '',
        *comparison(found, record.zoo),
        *_seeds(found),
        *_remarks(record.remarks),
        '',
        *_files(run),
        '',
        'use it',
        *(f'  {line}' for line in _commands(run)),
        '=' * WIDTH,
    ]
    return lines


def network_name(phase: str, zoo: str) -> str:
    """Return what the network that a phase trains is called in tables."""
    name = {'retrain': 'searched', 'random': 'random', 'known': zoo}[stage_of(phase)]
    return name + (f' ({number_of(phase)})' if number_of(phase) > 1 else '')


def comparison(found: Mapping[str, Dict[str, Any]], zoo: str) -> List[str]:
    """Return a table of the networks, and what can be said of their difference."""
    rows: List[Sequence[Any]] = [('network', 'test error', '95 % interval', 'params', 'FLOPs', 'latency')]
    for phase, summary in found.items():
        rows.append(
            (
                network_name(phase, zoo),
                f'{summary["test_error"]:.1f} %',
                f'{summary["test_error_low"]:.1f} to {summary["test_error_high"]:.1f} %',
                format_count(summary.get('params')),
                format_count(summary.get('flops')),
                format_duration(summary['latency_ms'] / 1000),
            )
        )
    lines = [f'  {line}' for line in aligned(rows)]
    own = found['retrain']
    for phase, summary in found.items():
        if stage_of(phase) != 'retrain' and number_of(phase) == 1:
            apart = (
                own['test_error_high'] < summary['test_error_low'] or own['test_error_low'] > summary['test_error_high']
            )
            if not apart:
                lines.append('  Where intervals overlap, the difference may be chance.')
                break
    return lines


def _seeds(found: Mapping[str, Dict[str, Any]]) -> List[str]:
    errors = [summary['test_error'] for phase, summary in found.items() if stage_of(phase) == 'retrain']
    if len(errors) < 2:
        return []
    mean = sum(errors) / len(errors)
    return [f'  {len(errors)} searches: test error {mean:.1f} % on average, {min(errors):.1f} to {max(errors):.1f} %']


def _remarks(remarks: Sequence[str]) -> List[str]:
    lines: List[str] = []
    for remark in remarks:
        lines += textwrap.wrap(escaped(remark), WIDTH, initial_indent='  note: ', subsequent_indent='    ')
    return lines


def _files(run: str) -> List[str]:
    what = {
        delivering.REPORT: 'everything, in a browser',
        delivering.ONNX: 'the network; its input are RGB pixels from 0 to 255',
        delivering.CARD: 'what it is, learned from and costs',
        delivering.TABLE: 'the networks compared',
        delivering.BLOCKS: 'the blocks that were found',
        'summary.json': 'all numbers',
    }
    lines = [f'files in {clipped(run, 60)}']
    there = [(name, text) for name, text in what.items() if os.path.exists(os.path.join(run, name))]
    return lines + [f'  {line}' for line in aligned(there, left=(0, 1))]


def _commands(run: str) -> List[str]:
    quoted = shlex.quote(run)
    return [f'dsonas predict {quoted} photo.jpg more/', f'dsonas evaluate {quoted} --classes']
