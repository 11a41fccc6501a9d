"""The report's first lines: how good the network is and what it costs; of a run that still goes, how far it is."""

import math
import time
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from markupsafe import Markup

from ...base.text import format_count, format_duration
from ...runfiles.directory import is_running
from ...runfiles.fit import LOCK, FitRecord
from ..reading.runs import STAGES, Run
from ..reading.timed import latency
from .page import render

Z = 1.959964  # of a 95 % interval
WORDS = {'pretrain': 'pretraining', 'search': 'the search', 'retrain': 'retraining'}
PHASES = {
    **WORDS,
    'retrain': 'training the network found',
    'random': 'training a random one beside it',
    'known': 'training a known one beside it',
    'finish': 'tests, export and report',
}
RECENT = 5  # epochs whose mean time is taken for that of the next ones


class Line(NamedTuple):
    """One line. kind: its class, '' or 'bad'."""

    words: str
    kind: str = ''


def interval(error: float, images: int) -> Tuple[float, float]:
    """Return the 95 % confidence interval of a test error by Wilson's score; error and both ends in percent."""
    share, square = error / 100, Z * Z / images
    centre = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * math.sqrt(share * (1 - share) / images + square / (4 * images))
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


def images_of(run: Run) -> Optional[int]:
    """Return how many images a run was tested on, None where it does not say."""
    known = run.summary.get('test_images') or (run.data.total('test') if run.data else None)
    return int(known) if known else None


def answer(run: Run) -> Markup:
    """Return the sentence that says what came out, or how far the run is, and the lines that go with it."""
    lines: List[Line] = []
    if run.state == 'unfinished':
        first = _progress(run)
        lines += [Line(words) for words in (_last_test(run),) if words]
        if run.summary.get('test_error') is not None:
            lines.append(Line(f'An earlier retraining: {_result(run)}.'))
    elif run.summary.get('test_error') is not None:
        first = f'{_result(run)}.'
    else:
        first = f'No result: {run.why}.' if run.damaged else ''
    if run.fit is not None and not run.fit.finished:
        lines.insert(0, Line(_whole(run.fit, run.path)))
    settled = _settled(run.summary.get('search'))
    return render('answer.html.j2', first=first, lines=lines + ([settled] if settled else []))


def _result(run: Run) -> str:
    """'96.2 % right on 5,000 unseen images (95 %: 95.6–96.7), 29.6 k parameters, …', without what is not known."""
    summary, images = run.summary, images_of(run)
    error = summary['test_error']
    digits = 1 if images and images < 10_000 else 2
    words = f'{100 - error:.{digits}f} % right on {f"{images:,} unseen" if images else "the test"} images'
    if images:
        low, high = interval(error, images)
        words += f' (95 %: {100 - high:.{digits}f}–{100 - low:.{digits}f})'
    parts = [words]
    if summary.get('params') is not None:
        parts.append(f'{format_count(summary["params"])} parameters')
    if summary.get('flops') is not None:
        parts.append(f'{format_count(summary["flops"])} multiply-adds')
    timed = latency(run)
    if timed:
        parts.append(timed)
    return ', '.join(parts)


def _settled(search: Optional[Mapping[str, Any]]) -> Optional[Line]:
    """Say whether the architecture had stopped changing when the search ended; None where it is not known."""
    if not search or search.get('settled') is None:
        return None
    changed = [search[name] for name in ('changed', 'moved') if isinstance(search.get(name), int)]
    what = f'{max(changed)} edges came or went' if changed and max(changed) else 'no edge came or went'
    if search['settled']:
        return Line(f'The search had settled: {what if changed else "hardly an edge came or went"} in its last epoch.')
    what = what if changed and max(changed) else 'edges came or went'
    return Line(f'The search had not settled: {what} in its last epoch. More epochs may leave other edges.', 'bad')


def _progress(run: Run) -> str:
    """Say how far a run is, and how long what is left takes."""
    if not run.log:
        return f'{run.why[:1].upper()}{run.why[1:]}.'
    stage, epoch = run.log[-1]['stage'], run.log[-1]['epoch']
    total = run.get(stage + '.epochs')
    left = total - epoch if isinstance(total, int) else None
    running = is_running(run.path)
    if not left:
        return f'{run.why[:1].upper()}{run.why[1:]}{"; still at work" if running else ""}.'
    where = f'epoch {epoch} of {total} of {WORDS[stage]}'
    state = {True: 'Still going, after', False: 'Stopped after', None: 'Not finished, after'}[running]
    first = f'{state} {where}'
    recent = [row['seconds'] for row in run.rows(stage)[-RECENT:] if row.get('seconds')]
    if recent:
        first += f': about {format_duration(left * sum(recent) / len(recent))} left of it'
    if run.fit is not None:  # whose later phases are told with it
        return f'{first}.'
    later = [
        f'{run.get(name + ".epochs")} epochs of {WORDS[name]}'
        for name in STAGES[STAGES.index(stage) + 1 :]
        if run.get(name + '.epochs')
    ]
    return f'{first}{", then " + " and ".join(later) if later else ""}.'


def _whole(fit: FitRecord, path: str) -> str:
    """Say how long the fit that the run is part of will still take, as it foresaw that last, and what it is at."""
    foreseen, running = fit.foreseen, is_running(path, LOCK)
    coming = [phase for phase in fit.estimates if phase not in fit.done and phase not in fit.left_out]
    words = {True: 'The fit still goes', False: 'The fit was stopped', None: 'The fit is not finished'}[running]
    at = str(foreseen.get('phase') or coming[0]).partition('-')[0]
    words += f' ({PHASES.get(at, at)})'
    if foreseen.get('seconds') is None:
        return f'{words}.'
    seconds = foreseen['seconds']
    if running and foreseen.get('at') is not None:
        seconds -= max(time.time() - foreseen['at'], 0)
    left = f'about {format_duration(seconds)} left' if seconds >= 1 else 'hardly any time left'
    return f'{words}: {left}{"" if running else " once it goes on"}.'


def _last_test(run: Run) -> str:
    """Say what the last test of a run that still goes gave, '' where there was none."""
    tested = [row for row in run.log if row.get('test_error') is not None]
    if not tested:
        return ''
    row = tested[-1]
    what = 'network' if row['stage'] == 'retrain' else 'supernet'
    return f'Last test: {100 - row["test_error"]:.1f} % right ({what}, epoch {row["epoch"]} of {WORDS[row["stage"]]}).'
