"""Show how training goes: a progress bar on a terminal, and a line an epoch."""

import sys
from typing import Any, Callable, Mapping, Optional

from tqdm import tqdm

from ...base.text import escaped, format_count


class Progress:
    """A progress bar on a terminal, else nothing; messages go to stdout, above the bar."""

    def __init__(self, shown: bool = True) -> None:
        self.shown = shown
        self.bar: Optional[Any] = None

    def start(self, title: str, total: int, done: int) -> None:
        """Show a bar of `total` steps, of which `done` are done."""
        if self.shown and sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=done, desc=title, unit='step', leave=False, dynamic_ncols=True)

    def step(self, figures: Callable[[], str]) -> None:
        """Advance the bar by a step. figures: gives the text behind the bar, called only when it is drawn."""
        if self.bar is not None and self.bar.update(1):
            self.bar.set_postfix_str(figures(), refresh=False)

    def end(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self.shown:
            with tqdm.external_write_mode(sys.stdout):
                print(escaped(line, keep='\n'), flush=True)


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """Write a row of the log as a line of text; epochs: of the stage."""
    parts = ['%s %d/%d' % (row['stage'], row['epoch'], epochs)]
    for name, form in (
        ('loss', 'loss %.3f'),
        ('error', 'error %.1f%%'),
        ('gate_loss', 'λ loss %.3f'),
        ('gate_error', 'λ error %.1f%%'),
        ('test_error', 'test error %.2f%%'),
    ):
        if row.get(name) is not None:
            parts.append(form % row[name])
    if row.get('zero_fraction') is not None:
        parts.append('λ at zero %.1f%%' % (100 * row['zero_fraction']))
        parts.append('%d edges, %d operations' % (row['edges'], row['operations']))
        parts.append('FLOPs left %s' % format_count(row['flops'], 4, ''))
        parts.append('%d λ changed' % row['changed'])
    parts.append('%.0f images/s' % row['images_per_second'])
    return ' | '.join(parts)
