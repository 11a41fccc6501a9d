"""A table as Markdown, CSV or LaTeX text."""

import csv
import io
from typing import Sequence

from ...base.text import escaped, spreadsheet
from ...base.text import markdown as shielded
from .contents import PUBLISHED, Table

_TEX = (
    ('\\', r'\textbackslash{}'),
    ('&', r'\&'),
    ('%', r'\%'),
    ('_', r'\_'),
    ('#', r'\#'),
    ('$', r'\$'),
    ('{', r'\{'),
    ('}', r'\}'),
    ('~', r'\textasciitilde{}'),
    ('^', r'\textasciicircum{}'),
    ('±', r'$\pm$'),
    ('✓', r'\checkmark{}'),
    ('λ', r'$\lambda$'),
    ('γ', r'$\gamma$'),
    ('×', r'$\times$'),
    ('"', "''"),
    ('<', r'\textless{}'),
    ('>', r'\textgreater{}'),
)


def markdown(table: Table) -> str:
    """Published rows in italics; the caption above, rows of other recipes and what is left out below."""

    def cell(text: str, row: Sequence[str]) -> str:
        text = shielded(text) or ' '
        return f'*{text}*' if row[-1] == PUBLISHED and text.strip() else text

    lines = [f'**{shielded(table.caption)}**', '', _line(table.heads), _line(['---'] * len(table.heads))]
    lines += [_line([cell(text, row) for text in row]) for row in table.rows]
    if table.remarks:
        lines += ['', 'Not comparable as they stand:', ''] + [f'- {shielded(remark)}' for remark in table.remarks]
    if table.notes:
        lines += ['', 'Not counted:', ''] + [f'- {shielded(note)}' for note in table.notes]
    return '\n'.join(lines) + '\n'


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def comma(table: Table) -> str:
    """CSV: a line a row, the column Source tells published from measured.

    The caption, rows of other recipes and what is left out are lines that begin with #.
    """
    stream = io.StringIO()
    stream.write(f'# {escaped(table.caption)}\n')
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(table.heads)
    writer.writerows([spreadsheet(cell) for cell in row] for row in table.rows)
    for remark in table.remarks:
        stream.write(f'# not comparable as it stands: {escaped(" ".join(remark.split()))}\n')
    for note in table.notes:
        stream.write(f'# not counted: {escaped(" ".join(note.split()))}\n')
    return stream.getvalue()


def latex(table: Table) -> str:
    """A table environment (packages booktabs and amssymb); published rows first, in italics, then a rule."""
    lines = [
        r'\begin{table}',
        r'\centering',
        r'\small',
        rf'\caption{{{tex(table.caption)}}}',
        r'\begin{tabular}{l%s}' % ('r' * (len(table.heads) - 2) + 'l'),
        r'\toprule',
        ' & '.join(map(tex, table.heads)) + r' \\',
        r'\midrule',
    ]
    before = None
    for row in table.rows:
        if before is not None and row[-1] != before:
            lines.append(r'\midrule')
        before = row[-1]
        lines.append(
            ' & '.join((rf'\textit{{{tex(cell)}}}' if before == PUBLISHED and cell else tex(cell)) for cell in row)
            + r' \\'
        )
    lines += [r'\bottomrule', r'\end{tabular}']
    if table.remarks:
        lines.append(r'\par Not comparable as they stand: {}.'.format(tex('; '.join(table.remarks))))
    lines += [r'\par Not counted: {}.'.format(tex('; '.join(table.notes)))] if table.notes else []
    return '\n'.join(lines + [r'\end{table}']) + '\n'


def tex(text: str) -> str:
    """Text with what is special to LaTeX written so that it shows."""
    replaced = dict(_TEX)
    return ''.join(replaced.get(letter, letter) for letter in escaped(text))


FORMATS = {'md': markdown, 'csv': comma, 'tex': latex}
