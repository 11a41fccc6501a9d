"""Predictions as a text table, CSV or JSON."""

import csv
import itertools
import json
from typing import Callable, Dict, Iterable, Sequence, TextIO, Tuple

from ...base.text import escaped, json_safe, spreadsheet

Row = Tuple[str, Sequence[Tuple[str, float]]]  # path, and (class name, probability) by rank


def show_table(rows: Iterable[Row], top: int, stream: TextIO) -> None:
    """Write a line for each image: the path, then classes and probabilities in percent."""
    for path, classes in rows:
        shares = '  '.join(f'{name} {100 * share:.1f}%' for name, share in classes)
        stream.write(escaped(f'{path}  {shares}') + '\n')


def show_csv(rows: Iterable[Row], top: int, stream: TextIO) -> None:
    """Write a row for each image: image, then class and probability of each of the `top` ranks."""
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(['image'] + [f'{what}_{rank}' for rank in range(1, top + 1) for what in ('class', 'probability')])
    for path, classes in rows:
        ranked = ((spreadsheet(name), f'{share:.6f}') for name, share in classes)
        writer.writerow([spreadsheet(path), *itertools.chain.from_iterable(ranked)])


def show_json(rows: Iterable[Row], top: int, stream: TextIO) -> None:
    """Write a list of {image, classes: [{class, probability}]}."""
    content = [
        {'image': path, 'classes': [{'class': name, 'probability': round(share, 6)} for name, share in classes]}
        for path, classes in rows
    ]
    stream.write(json_safe(json.dumps(content, indent=1, ensure_ascii=False)) + '\n')


FORMATS: Dict[str, Callable[[Iterable[Row], int, TextIO], None]] = {
    'table': show_table,
    'json': show_json,
    'csv': show_csv,
}
