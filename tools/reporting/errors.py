"""The report's part on mistakes: which classes are taken for which, and the images that the network got most wrong."""
import numpy as np
from PIL import Image

from ...base.errors import UserError
from ...runfiles.predictions import read_predictions
from ..drawing import heatmap
from .page import paragraph, section, table, text

MOST_CLASSES, PAIRS, IMAGES = 20, 20, 48


def confusion(labels, predicted, classes):
    """(classes, classes) counts: rows the true class, columns the predicted one."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(labels, int), np.asarray(predicted, int)), 1)
    return counts


def errors(run):
    """Confusion matrix (for many classes, the pairs most often confused) and worst images, where the run was evaluated."""
    try:
        found = read_predictions(run.path)
    except UserError as error:
        return section('Mistakes', paragraph('Damaged: %s' % error, 'bad'))
    if found is None:
        return ''
    names = _names(found)
    counts = confusion(found['labels'], found['predicted'], len(names))
    wrong = int(counts.sum() - np.trace(counts))
    words = '%d of %d test images are wrong (%.2f %%).' % (wrong, counts.sum(), 100 * wrong / max(counts.sum(), 1))
    shown = _matrix(counts, names) if len(names) <= MOST_CLASSES else _pairs(counts, names)
    return section('Mistakes', paragraph(words), shown, _worst(found, names))


def _names(found):
    many = int(max(found['labels'].max(initial=0), found['predicted'].max(initial=0))) + 1
    if 'probabilities' in found:
        many = max(many, found['probabilities'].shape[1])
    names = [str(name) for name in found.get('classes', ())]
    return names + [str(index) for index in range(len(names), many)]


def _matrix(counts, names):
    head = '<tr><th></th>%s</tr>' % ''.join('<th>%s</th>' % text(name) for name in names)
    rows = []
    for index, row in enumerate(counts):
        cells = []
        for column, count in enumerate(row):
            part = count / max(row.sum(), 1)
            strength = part if column == index else min(1.0, 6 * part)       # a share of 1/6 taken for another class is much
            colour = (0, 114, 178) if column == index else (213, 94, 0)
            shade = 'rgb(%s)' % ','.join('%d' % (255 - strength * 0.75 * (255 - part_)) for part_ in colour)
            ink = '#fff' if strength > 0.75 else '#222'
            title = '%s taken for %s: %d' % (names[index], names[column], count)
            cells.append('<td style="background:%s;color:%s" title="%s">%s</td>' % (shade, ink, text(title), count or ''))
        rows.append('<tr><th>%s</th>%s</tr>' % (text(names[index]), ''.join(cells)))
    words = '<p class="soft">Rows: true class. Columns: what the network said.</p>'
    return words + '<div class="wide"><table class="confusion">%s%s</table></div>' % (head, ''.join(rows))


def _pairs(counts, names):
    off = counts.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind='stable')[:PAIRS]
    pairs = [divmod(int(at), len(names)) for at in order if off.flat[at]]
    rows = [(names[a], names[b], off[a, b], counts[a].sum()) for a, b in pairs]
    return table(('True class', 'Taken for', 'Images', 'of'), rows, (2, 3)) if rows else ''


def _worst(found, names):
    images = found.get('worst_images')
    if images is None or not len(images):
        return ''
    cells = []
    for image, at in zip(images[:IMAGES], found['worst_index']):
        true, said = int(found['labels'][at]), int(found['predicted'][at])
        sure = ' (%.0f %%)' % (100 * found['probabilities'][at, said]) if 'probabilities' in found else ''
        label = '%s, taken for %s%s' % (names[true], names[said], sure)
        picture = heatmap.data_uri(heatmap.png(Image.fromarray(image)))
        cells.append('<div><img src="%s" alt="%s">%s</div>' % (picture, text(label), text(label)))
    return '<p>The images that it got most wrong:</p><div class="worst">%s</div>' % ''.join(cells)
