"""Tables in text files as people write them: CSV and its kin, with any separator, quotes, comments, or only blanks between words.

Text is UTF-8 or UTF-16 (by its byte order mark), else Latin-1; lines end as on any system. Blank lines and lines
that begin with # are left out, and so are those of empty cells alone, which Excel writes below a table.
"""

import codecs
import csv
import re
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from .. import heads
from . import archives

LARGEST = 1 << 28  # bytes of a table
SAMPLE = 1000  # lines that the separator is told by
_SAID = re.compile(r'"?sep=(.)"?\s*', re.I)  # Excel's first line that says the separator
SEPARATORS = ('\t', ',', ';', '|')
NAMES = {'\t': 'tabs', ',': 'commas', ';': 'semicolons', '|': 'bars', ' ': 'blanks', '': 'nothing'}
_MARKS = ((codecs.BOM_UTF8, 'utf-8'), (codecs.BOM_UTF16_LE, 'utf-16-le'), (codecs.BOM_UTF16_BE, 'utf-16-be'))


class Row(NamedTuple):
    """A line's number, from 1, and its cells, without blanks around them."""

    line: int
    cells: Tuple[str, ...]


class Table(NamedTuple):
    """Rows of a file, the header apart. separator: one of SEPARATORS, ' ' for blanks, '' for one column of whole lines."""

    path: str
    header: Optional[Row]
    rows: List[Row]
    separator: str

    @property
    def width(self) -> int:
        """How many columns every row has."""
        return min((len(row.cells) for row in self.rows), default=0)

    def column(self, index: int) -> List[str]:
        """Return the cells of a column."""
        return [row.cells[index] for row in self.rows]

    def title(self, index: int) -> str:
        """Name a column in messages: by its header, or by its number from 1."""
        named = self.header.cells[index] if self.header is not None else ''
        return named[:40] if named else f'number {index + 1}'

    def where(self, row: Row) -> str:
        """Name a row in messages."""
        return f'{self.path}, line {row.line}'


def text_of(path: str) -> str:
    """Read a text file. Raises UserError for one that is none, or too large; OSError."""
    content = archives.read_file(path, LARGEST)
    if heads.is_office(content):
        raise UserError(f'{path} is a spreadsheet or an archive and not text; save it as CSV')
    if heads.really(content):
        raise UserError(f'{path} is no table but {heads.really(content)}')
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            text = content[len(mark) :].decode(encoding, 'replace')
            break
    else:
        try:
            text = content.decode('utf-8')
        except UnicodeDecodeError:
            text = content.decode('latin-1')
    if '\0' in text:
        raise UserError(f'{path} is not text')
    return text.replace('\r\n', '\n').replace('\r', '\n')


def _lines(text: str) -> List[Tuple[int, str]]:
    lines = [(number, line) for number, line in enumerate(text.split('\n'), 1) if line.strip(' \t\f\v,;|')]
    kept = [(number, line) for number, line in lines if not line.lstrip().startswith('#')]
    if lines and kept and lines[0] != kept[0] and len(re.findall(r'\w+', lines[0][1])) == 2:
        return [(lines[0][0], lines[0][1].lstrip().lstrip('#').strip())] + kept  # `# file label` may be a header
    return kept


def _parsed(lines: Sequence[Tuple[int, str]], separator: str) -> List[Row]:
    """Divide lines into cells. Raises csv.Error."""
    if separator == '':
        return [Row(number, (line.strip().strip('"'),)) for number, line in lines]
    behind = re.compile(rf'" +(?={re.escape(separator)}|$)')  # blanks between a quote and what separates
    texts = (
        line.strip().replace('\t', ' ') if separator == ' ' else behind.sub('"', line.rstrip(' ')) for _, line in lines
    )
    reader = csv.reader((text + '\n' for text in texts), delimiter=separator, skipinitialspace=True, strict=True)
    rows = []
    before = 0
    for cells in reader:
        rows.append(Row(lines[before][0], tuple(cell.strip() for cell in cells)))
        before = reader.line_num
    while rows and all(len(row.cells) > 1 and not row.cells[-1] for row in rows):  # separators end every line
        rows = [Row(row.line, row.cells[:-1]) for row in rows]
    return rows


def _separator(lines: Sequence[Tuple[int, str]]) -> str:
    """Tell what separates the cells: what gives all lines equally many, at least two; else what gives all two."""
    widths = {}
    for separator in SEPARATORS + (' ',):
        try:
            rows = _parsed(lines, separator)
        except csv.Error:
            continue
        counts = {len(row.cells) for row in rows}
        if min(counts) > 1:
            if separator != ' ' and len(counts) == 1:
                return separator
            widths[separator] = min(counts)
    return next(iter(widths), '')


def read(path: str, is_header: Callable[[Row, Sequence[Row]], bool]) -> Table:
    """Read a table. is_header(first row, the other rows) tells whether the first row is one.

    Raises UserError for what is no text, holds no rows, or has quotes that do not end; OSError.
    """
    lines = _lines(text_of(path))
    if not lines:
        raise UserError(f'{path} holds no rows')
    said = _SAID.fullmatch(lines[0][1])
    separator = said.group(1) if said and said.group(1) in SEPARATORS else ''
    if said:
        lines = lines[1:]
        if not lines:
            raise UserError(f'{path} holds no rows')
    separator = separator or _separator(lines[:SAMPLE])
    try:
        rows = _parsed(lines, separator)
    except csv.Error as error:
        raise UserError(f'{path}: its quotes do not match ({error})') from error
    header = rows[0] if is_header(rows[0], rows[1:]) else None
    rows = rows[1:] if header else rows
    if not rows:
        raise UserError(f'{path} holds no rows but its header')
    if header and all(len(row.cells) == len(header.cells) + 1 for row in rows):  # R does not name its numbers of rows
        header = Row(header.line, ('', *header.cells))
    if header:
        width = max(len(row.cells) for row in rows)
        header = Row(header.line, header.cells + ('',) * (width - len(header.cells)))
    if separator == '' and lines[0][1].count(','):
        raise UserError(f'{path}, line {rows[0].line}: not as many columns as in the lines before or after it')
    return Table(path, header, rows, separator)
