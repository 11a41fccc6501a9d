"""Show how training goes: a progress bar on a terminal, and a line an epoch."""

import sys

from tqdm import tqdm

from ...base.text import format_count


class Progress:
    """A progress bar on a terminal, else nothing; messages go to stdout, above the bar."""

    def __init__(self, shown=True):
        self.shown = shown
        self.bar = None

    def start(self, title, total, done):
        if self.shown and sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=done, desc=title, unit='step', leave=False, dynamic_ncols=True)

    def step(self, figures):
        """One step further; figures: callable giving what stands behind the bar, asked only when it is drawn."""
        if self.bar is not None and self.bar.update(1):
            self.bar.set_postfix_str(figures(), refresh=False)

    def end(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def say(self, line):
        if self.shown:
            with tqdm.external_write_mode(sys.stdout):
                print(line, flush=True)


def epoch_line(row, epochs):
    """The line of an epoch, for people."""
    parts = ['%s %d/%d' % (row['stage'], row['epoch'], epochs)]
    for name, form in (('loss', 'loss %.3f'), ('error', 'error %.1f%%'), ('gate_loss', 'λ loss %.3f'), ('gate_error', 'λ error %.1f%%'),
                       ('test_error', 'test error %.2f%%')):
        if row.get(name) is not None:
            parts.append(form % row[name])
    if row.get('zero_fraction') is not None:
        parts.append('λ at zero %.1f%%' % (100 * row['zero_fraction']))
        parts.append('%d edges, %d operations' % (row['edges'], row['operations']))
        parts.append('FLOPs left %s' % format_count(row['flops'], 4, ''))
        parts.append('%d λ changed' % row['changed'])
    parts.append('%.0f images/s' % row['images_per_second'])
    return ' | '.join(parts)
