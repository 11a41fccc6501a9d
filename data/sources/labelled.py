"""Which column of a table names the image, which one its label; which file a name means; which class a label is."""

import os
import re
from typing import Callable, Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ...base.errors import UserError
from .kinds import SUFFIXES
from .tables import Row, Table

# What headers are called, in lower case and without anything but letters and digits; the first ones are preferred.
PATHS = (
    'path filepath imagepath imgpath relativepath relpath fullpath file filename imagefile imagefilename imgfile image img '
    'imagename imgname images fname photo picture pic imageid imgid fileid photoid pictureid isicid id name uid key'
).split()
LABELS = (
    'label labels class classname classlabel labelname category categoryname target targetname y classid labelid '
    'categoryid targetid classidx classindex cls groundtruth gt predictionstring finelabel breed species variety diagnosis dx '
    'disease emotion expression type genre artist style outcome level grade severity tag answer expected digit character'
).split()
SPLITS = 'split set subset partition fold part usage phase isvalid isval istest istrain'.split()
SAMPLE = 200  # rows that a column is told by
_WHOLE = re.compile(r'[+-]?\d+(\.0*)?$')
_NUMBER = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$')


def plain(word: str) -> str:
    """Return a header's letters and digits in lower case."""
    return re.sub(r'[\W_]+', '', word.casefold())


def whole(text: str) -> Optional[int]:
    """Read a whole number, which may be written as 3.0; None for anything else."""
    return int(text.split('.')[0]) if _WHOLE.match(text) and len(text) < 20 else None


def fractional(text: str) -> bool:
    """Tell whether a text is a number that is not whole."""
    return bool(_NUMBER.match(text)) and whole(text) is None


def stem(name: str) -> str:
    """Return a name without the suffix of a kind of image; other suffixes are part of it."""
    return os.path.splitext(name)[0] if name.lower().endswith(SUFFIXES) else name


def parts_of(name: str) -> List[str]:
    """Divide a path, written as on any system, into its parts, without `.` and empty ones."""
    return [part for part in name.replace('\\', '/').split('/') if part not in ('', '.')]


class Names:
    """Finds the file that a name means among files, given by their relative paths.

    A name may be a whole relative path, a longer or an absolute one that ends with it, a file name, or one without the
    suffix of a kind of image. What agrees in more folders is preferred.
    """

    def __init__(self, files: Collection[str]) -> None:
        self._files = {'/'.join(parts_of(name)): name for name in files}
        self._by_name: Dict[str, List[str]] = {}
        self._by_stem: Dict[str, List[str]] = {}
        for name in sorted(self._files):
            base = name.rsplit('/', 1)[-1]
            self._by_name.setdefault(base, []).append(name)
            self._by_stem.setdefault(stem(base), []).append(name)

    def find(self, text: str) -> Optional[str]:
        """Return the file that `text` means, or None. Raises UserError, naming both, if it can be two."""
        parts = parts_of(text)
        if not parts:
            return None
        if '/'.join(parts) in self._files:
            return self._files['/'.join(parts)]
        candidates = (
            self._by_name.get(parts[-1]) or self._by_stem.get(parts[-1]) or self._by_stem.get(stem(parts[-1])) or []
        )
        best = sorted(candidates, key=lambda name: -_common(parts, name))[:2]
        if len(best) == 2 and _common(parts, best[0]) == _common(parts, best[1]):
            raise UserError(f'{text!r:.60} can be {self._files[best[0]]} or {self._files[best[1]]}')
        return self._files[best[0]] if best else None

    def knows(self, text: str) -> bool:
        """Tell whether a name is that of a file."""
        try:
            return self.find(text) is not None
        except UserError:
            return True


def _common(parts: Sequence[str], name: str) -> int:
    """Count the folders, from the file upwards, in which a path agrees with a name."""
    count = 0
    for one, other in zip(parts[-2::-1], name.split('/')[-2::-1]):
        if one != other:
            break
        count += 1
    return count


class Columns(NamedTuple):
    """Which columns of a table say the image, the label, and the set that it belongs to (-1: none)."""

    path: int
    label: int
    split: int


def is_header(known: Callable[[str], bool]) -> Callable[[Row, Sequence[Row]], bool]:
    """Make the test for tables.read: is the first row a header? known(cell): whether a cell names an image."""

    def test(first: Row, others: Sequence[Row]) -> bool:
        if any(known(cell) or whole(cell) is not None for cell in first.cells):
            return False
        if any(plain(cell) in PATHS + LABELS for cell in first.cells):
            return True
        sample = others[:SAMPLE]
        return sum(any(map(known, row.cells)) for row in sample) > len(sample) / 2

    return test


def _share(table: Table, index: int, test: Callable[[str], bool]) -> float:
    cells = table.column(index)[:SAMPLE]
    return sum(map(test, cells)) / len(cells)


def _named(table: Table, words: Sequence[str], but: Sequence[int] = ()) -> List[int]:
    """List the columns whose header is one of the words, the first words first."""
    headers = [plain(cell) for cell in table.header.cells[: table.width]] if table.header else []
    found = [i for i, header in enumerate(headers) if header in words and i not in but]
    return sorted(found, key=lambda i: words.index(headers[i]))


def columns(table: Table, known: Callable[[str], bool]) -> Columns:
    """Tell the columns of a table by its header, or by what it holds.

    known(cell): whether a cell names an image. Raises UserError if no column names images, or several may be the label.
    """
    image = lambda cell: known(cell) or cell.lower().endswith(SUFFIXES)  # noqa: E731
    every = range(table.width)
    by_header = _named(table, PATHS)
    shares = {i: _share(table, i, known) for i in every}
    path = next((i for i in by_header if shares[i] > 0.5), -1)
    if path < 0 and max(shares.values()) > 0:
        path = max(every, key=lambda i: (shares[i], i in by_header, table.column(i)[0].lower().endswith(SUFFIXES)))
    if path < 0 and by_header:
        path = by_header[0]
    if path < 0:
        path = max(every, key=lambda i: _share(table, i, image))
        if not _share(table, path, image):
            raise UserError(
                f'{table.path}: no column names images{_headers(table)}; accepted: path, file, image, id, …'
            )
    split = next(iter(_named(table, SPLITS, (path,))), -1)
    return Columns(path, _label(table, path, split, known), split)


def _label(table: Table, path: int, split: int, known: Callable[[str], bool]) -> int:
    """Tell the label's column; -1 for a table that has none. Raises UserError if there are several that may be."""
    by_header = _named(table, LABELS, (path, split))
    if by_header:
        return by_header[0]
    others = [i for i in range(table.width) if i not in (path, split)]
    if table.path.endswith('.lst') and path == table.width - 1 and table.width > 2:  # im2rec's: number, labels, path
        if table.width > 3:
            raise UserError(f'{table.path} has {table.width - 2} labels an image, expected one')
        return 1
    if len(others) > 1:  # leave out what only counts the rows, or names the image another time
        others = [i for i in others if not _counts(table.column(i)) and _share(table, i, known) <= 0.5] or others
    if len(others) > 1 and table.separator == ' ' and not table.header:
        return others[0] if others[0] > path else others[-1]
    if len(others) > 1:
        raise UserError(
            f'{table.path}: which column is the label?{_headers(table)}; accepted: one called label, class, category, …'
        )
    return others[0] if others else -1


def _counts(cells: Sequence[str]) -> bool:
    """Tell whether a column only counts the rows, in any order."""
    numbers = {whole(cell) for cell in cells} - {None}
    return len(numbers) == len(cells) and max(numbers) - min(numbers) == len(cells) - 1  # type: ignore[operator,type-var]


def _headers(table: Table) -> str:
    if table.header is None:
        return f' ({table.width} columns without a header)'
    words = ', '.join(table.header.cells[:6]) + (', …' if len(table.header.cells) > 6 else '')
    return f' (there are {words:.100})'


def joined(table: Table, known: Callable[[str], bool]) -> Table:
    """Bring a table with a column for each class, a 1 in that of the image's and 0 in the others, into one with labels.

    Where blanks alone separate words, the label is what is behind the image, or the image what is before the label. Any
    other table is returned as it is.
    """
    if table.separator == ' ' and table.header is None:
        return _of_words(table, known)
    if table.header is None or table.width < 3 or _named(table, LABELS):
        return table
    cells = [row.cells[: table.width] for row in table.rows]
    ones = [[_yes(cell) for cell in row] for row in cells]
    hot = [i for i in range(table.width) if all(row[i] is not None for row in ones) and not known(cells[0][i])]
    if len(hot) < 2 or not all(sum(row[i] or 0 for i in hot) == 1 for row in ones):
        return table
    rest = [i for i in range(table.width) if i not in hot]
    names = [table.title(i) for i in hot]

    def row_of(row: Row, label: str) -> Row:
        return Row(row.line, tuple(row.cells[i] for i in rest) + (label,))

    rows = [row_of(row, names[[one[i] for i in hot].index(1)]) for row, one in zip(table.rows, ones)]
    return table._replace(header=row_of(table.header, LABELS[0]), rows=rows)


def _yes(cell: str) -> Optional[int]:
    """Read 1 or 0, or true or false; None for anything else."""
    number = {'true': 1, 'false': 0}.get(cell.lower(), whole(cell))
    return number if number in (0, 1) else None


def _of_words(table: Table, known: Callable[[str], bool]) -> Table:
    """Divide rows of words into two columns, by which the image is."""
    image = lambda text: known(text) or text.lower().endswith(SUFFIXES)  # noqa: E731
    words = [row.cells for row in table.rows[:SAMPLE]]
    if max(map(len, words)) == 2:
        return table
    counts = [
        sum(image(cells[0]) for cells in words),
        sum(image(' '.join(cells[:-1])) for cells in words),
        sum(image(' '.join(cells[1:])) for cells in words),
    ]
    if max(counts) <= len(words) / 2:
        return table
    cut = -1 if counts[1] > counts[0] and counts[1] >= counts[2] else 1
    rows = [Row(row.line, (' '.join(row.cells[:cut]), ' '.join(row.cells[cut:]))) for row in table.rows]
    return table._replace(rows=rows)


class Labels:
    """Finds the class that a label means among named classes: by its name, or by its number from 0 in their order.

    Numbers are taken only where no class is called by one.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = list(classes)
        self._known = {name: name for name in classes}
        self._plain: Mapping[str, str] = {plain(name): name for name in classes}
        self._numbered = not any(whole(name) is not None for name in classes)
        self._spelled = len(self._plain) == len(self._known)

    def find(self, text: str) -> Optional[str]:
        """Return the class, or None."""
        for word in [text] + text.split()[:1]:
            if word in self._known:
                return word
            number = whole(word)
            if number is not None and self._numbered:
                return self._classes[number] if 0 <= number < len(self._classes) else None
            if number is not None and str(number) in self._known:
                return str(number)
            if self._spelled and plain(word) and plain(word) in self._plain:
                return self._plain[plain(word)]
        return None

    @property
    def accepted(self) -> str:
        """What a label may be, for messages."""
        names = f'{self._classes[0]:.40}' + (', …' if len(self._classes) > 1 else '')
        return f'the {len(self._classes)} classes ({names})' + (
            f', or a number from 0 to {len(self._classes) - 1}' if self._numbered else ''
        )
