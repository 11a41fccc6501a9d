"""The report's part on mistakes: which classes are taken for which, and the images that the network got most wrong."""

from typing import Any, Dict, List, Mapping

import numpy as np
from markupsafe import Markup
from PIL import Image

from ...base.errors import UserError
from ...runfiles.predictions import read_predictions
from ..drawing import heatmap
from ..reading.runs import Run
from .page import paragraph, render, section, table

NOT_TESTED = (
    'Not looked at yet: python train/evaluate.py {run} finds which classes are taken for which, the images that the network '
    'got most wrong, and its latency. Make this page again after it.'
)
MOST_CLASSES, PAIRS, IMAGES = 20, 20, 48
RIGHT, WRONG = (0, 114, 178), (213, 94, 0)  # colours of the confusion matrix


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count predictions, (classes, classes): rows the true class, columns the predicted one."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(labels, int), np.asarray(predicted, int)), 1)
    return counts


def errors(run: Run) -> Markup:
    """Return the confusion matrix (for many classes, the pairs most often confused) and worst images, where the run was evaluated."""
    try:
        found = read_predictions(run.path)
    except UserError as error:
        return section('Mistakes', paragraph(f'Damaged: {error}', 'bad'))
    if found is None:
        return (
            section('Mistakes', paragraph(NOT_TESTED.format(run=run.path), 'soft'))
            if run.state == 'finished'
            else Markup()
        )
    names = _names(found)
    counts = confusion(found['labels'], found['predicted'], len(names))
    wrong = int(counts.sum() - np.trace(counts))
    words = f'{wrong} of {counts.sum()} test images are wrong ({100 * wrong / max(counts.sum(), 1):.2f} %).'
    shown = _matrix(counts, names) if len(names) <= MOST_CLASSES else _pairs(counts, names)
    return section('Mistakes', paragraph(words), shown, _worst(found, names))


def _names(found: Mapping[str, np.ndarray]) -> List[str]:
    many = int(max(found['labels'].max(initial=0), found['predicted'].max(initial=0))) + 1
    if 'probabilities' in found:
        many = max(many, found['probabilities'].shape[1])
    names = [str(name) for name in found.get('classes', ())]
    return names + [str(index) for index in range(len(names), many)]


def _matrix(counts: np.ndarray, names: List[str]) -> Markup:
    rows = []
    for index, row in enumerate(counts):
        cells = [_cell(row, index, column, names) for column in range(len(row))]
        rows.append({'name': names[index], 'cells': cells})
    return render('confusion.html.j2', names=names, rows=rows)


def _cell(row: np.ndarray, index: int, column: int, names: List[str]) -> Dict[str, Any]:
    share = row[column] / max(row.sum(), 1)
    right = column == index
    strength = share if right else min(1.0, 6 * share)  # a share of 1/6 taken for another class is much
    shade = ','.join(f'{int(255 - strength * 0.75 * (255 - part))}' for part in (RIGHT if right else WRONG))
    return {
        'count': int(row[column]),
        'shade': f'rgb({shade})' if row[column] else 'none',
        'ink': '#fff' if strength > 0.75 else '#222',
        'title': f'{names[index]} taken for {names[column]}: {row[column]}',
    }


def _pairs(counts: np.ndarray, names: List[str]) -> Markup:
    off = counts.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind='stable')[:PAIRS]
    pairs = [divmod(int(at), len(names)) for at in order if off.flat[at]]
    rows = [(names[a], names[b], off[a, b], counts[a].sum()) for a, b in pairs]
    return table(('True class', 'Taken for', 'Images', 'of'), rows, (2, 3)) if rows else Markup()


def _worst(found: Mapping[str, np.ndarray], names: List[str]) -> Markup:
    images = found.get('worst_images')
    if images is None or not len(images):
        return Markup()
    shown = []
    for image, at in zip(images[:IMAGES], found['worst_index']):
        true, said = int(found['labels'][at]), int(found['predicted'][at])
        sure = f' ({100 * found["probabilities"][at, said]:.0f} %)' if 'probabilities' in found else ''
        picture = heatmap.data_uri(heatmap.png(Image.fromarray(image)))
        shown.append((picture, f'{names[true]}, taken for {names[said]}{sure}'))
    return render('worst.html.j2', images=shown)
