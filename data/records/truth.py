"""The classes of validation images that lie in no class folders: from a list, or from ILSVRC's development kit."""

import logging
import os
from typing import Collection, Dict, Iterable, List, Sequence

from ...base.errors import UserError
from ..sources import archives, labelled, tables
from . import matlab

META, TRUTH = 'meta.mat', 'ILSVRC2012_validation_ground_truth.txt'
LIMIT = 1 << 23  # bytes of a file of the development kit
TOTAL = 1 << 28  # bytes that the kit unpacks to

log = logging.getLogger(__name__)


def in_order(files: Iterable[str]) -> List[str]:
    """Sort files by their names, those of equal names by their folders."""
    return sorted(files, key=lambda name: (os.path.basename(name), name))


def devkit_labels(path: str) -> List[str]:
    """Read the class names (WNIDs) of the validation images, in order, from the development kit.

    path: ILSVRC2012_devkit_t12.tar.gz or its extracted folder. Raises UserError if it is damaged or another file.
    """
    contents: Dict[str, bytes] = {}
    if os.path.isdir(path):
        for folder, _, names in os.walk(path):
            for name in (META, TRUTH):
                if name in names and os.path.isfile(os.path.join(folder, name)):
                    contents[name] = archives.read_file(os.path.join(folder, name), LIMIT)
    else:
        held = archives.read(path, (META, TRUTH).__contains__, LIMIT, TOTAL)
        contents = {os.path.basename(name): content for name, content in held.items()}
    missing = [name for name in (META, TRUTH) if name not in contents]
    if missing:
        raise UserError(f'{path} has no {" and no ".join(missing)}; expected the ILSVRC2012 development kit')
    wnids: Dict[int, str] = {}
    for synset in matlab.structs(contents[META], f'{path}, {META}', ('ILSVRC2012_ID', 'WNID')):
        number, wnid = synset['ILSVRC2012_ID'], synset['WNID']
        if not isinstance(number, (int, float)) or number != number or not isinstance(wnid, str) or not wnid:
            raise UserError(f'{path}, {META}: a synset has ID {number!r:.20} and WNID {wnid!r:.20}')
        wnids[int(number)] = wnid
    labels = []
    for line, text in enumerate(contents[TRUTH].decode('latin-1').split(), 1):
        number = labelled.whole(text)
        if number is None or number not in wnids:
            raise UserError(f'{path}, {TRUTH}, entry {line}: {text!r:.20} is none of the {len(wnids)} IDs of {META}')
        labels.append(wnids[number])
    return labels


def list_labels(path: str, files: Collection[str], classes: Sequence[str]) -> Dict[str, str]:
    """Read a list of the validation images: {file: class name}.

    A table of images and their classes, in any of the forms of tables.py and labelled.py, with or without a header:
    `file class`, `file number` (the class's number in sorted order, from 0), im2rec's `number label file`, or
    only a class, for the files in the order of their names. Raises UserError for anything else.
    """
    names, labels = labelled.Names(files), labelled.Labels(classes)
    named = set(classes)
    header = labelled.is_header(lambda cell: names.knows(cell) or cell in named)
    table = labelled.joined(tables.read(path, header), names.knows)
    whole_lines = [' '.join(row.cells) for row in table.rows]
    classes_first = all(line in named or row.cells[0] in named for line, row in zip(whole_lines, table.rows))
    if (table.width == 1 or classes_first) and not any(
        names.knows(cell) and labelled.whole(cell) is None for row in table.rows for cell in row.cells
    ):
        return _ordered(table, whole_lines, files, labels)
    columns = labelled.columns(table, names.knows)
    if columns.label < 0:
        raise UserError(f'{path} has no column of classes; accepted are {labels.accepted}')
    chosen: Dict[str, str] = {}
    lines: Dict[str, int] = {}
    unknown: List[str] = []
    for row in table.rows:
        text, value = row.cells[columns.path], row.cells[columns.label]
        try:
            name, label = names.find(text), labels.find(value)
        except UserError as error:
            raise UserError(f'{table.where(row)}: {error}') from error
        if label is None:
            raise UserError(f'{table.where(row)}: class {value!r:.60} of {text!r:.60}; accepted are {labels.accepted}')
        if name is None:
            unknown.append(f'{table.where(row)}: {text:.80}')
        elif chosen.setdefault(name, label) != label:
            raise UserError(
                f'{table.where(row)}: {text:.60} is {label:.40}, but {chosen[name]:.40} in line {lines[name]}'
            )
        else:
            lines[name] = row.line
    if unknown:
        log.warning('%s: %d images in it are not there; the first is %s', path, len(unknown), unknown[0])
    return chosen


def _ordered(
    table: tables.Table, values: Sequence[str], files: Collection[str], labels: labelled.Labels
) -> Dict[str, str]:
    """Read a list of classes alone, for the files in the order of their names."""
    if len(values) != len(files):
        raise UserError(f'{table.path} has {len(values)} lines for {len(files)} images')
    chosen: Dict[str, str] = {}
    for name, value, row in zip(in_order(files), values, table.rows):
        label = labels.find(value)
        if label is None:
            raise UserError(f'{table.where(row)}: {value!r:.60}; expected an image and its class: {labels.accepted}')
        chosen[name] = label
    return chosen
