"""The report's part on data: what the network learned from and was tested on, and its tests on other data."""

from typing import List, Tuple

from markupsafe import Markup

from ...base.errors import UserError
from ...runfiles.data import DataDescription, printable
from ...runfiles.evaluations import evaluations_of
from ..reading.runs import Run
from .page import folded, paragraph, section, table
from .samples import samples

MOST_CLASSES = 50  # told one by one
MOST_SHOWN = 6  # lines of the table that need no click


def data(run: Run) -> Markup:
    """Return classes and numbers of images, and the notes on what was found; nothing for a run that does not say."""
    known = run.data
    if known is None:
        return Markup()
    place, size = f' in {known.dir}' if known.dir else '', known.image_size
    words = f'{known.name}{place}: {len(known.classes)} classes, {size} × {size} pixels{_images(known)}'
    words += f'; fingerprint {known.fingerprint[:16]}.' if known.fingerprint else '.'
    parts = [paragraph(printable(words)), *(paragraph(_sentence(printable(note)), 'soft') for note in known.notes)]
    if known.counts:
        rows: List[Tuple[object, ...]] = []
        if len(known.classes) <= MOST_CLASSES:
            rows = list(zip(map(printable, known.classes), known.counts['train'], known.counts['test']))
        rows.append(('all', known.total('train'), known.total('test')))
        counts = table(('Class', 'Training images', 'Test images'), rows, (1, 2))
        parts.append(counts if len(rows) <= MOST_SHOWN else folded('Images of each class', counts))
    return section('Data', *parts, samples(run))


def _images(known: DataDescription) -> str:
    """Say how many images there are, '' where that is not known."""
    train, test = known.total('train'), known.total('test')
    return f', {train:,} training images and {test:,} test images' if train and test else ''


def _sentence(note: str) -> str:
    return f'{note[:1].upper()}{note[1:]}{"" if note.endswith((".", "!", "?")) else "."}'


def evaluations(run: Run) -> Markup:
    """Return the tests on other data, or with other parameters, that were kept apart; nothing where there are none."""
    try:
        found = evaluations_of(run.path)
    except (UserError, OSError) as error:
        return section('Tested otherwise', paragraph(f'Damaged: {error}', 'bad'))
    rows = [
        (entry.name, f'{entry.test_error:.2f}', entry.images, entry.epoch, printable('; '.join(entry.differs)))
        for entry in found
    ]
    heads = ('Evaluation', 'Test error (%)', 'Images', 'Epoch', 'Other than in the test of the run')
    return section('Tested otherwise', table(heads, rows, (1, 2))) if rows else Markup()
