"""The report's contact sheet: images as the training saw them, drawn from the data where they are still at hand."""

import dataclasses
from typing import Any, Dict, Optional

import numpy as np
from markupsafe import Markup
from PIL import Image

from ...base.errors import UserError
from ...data.dataset import DataSet, Options
from ...data.registry import load
from ..drawing import heatmap
from ..reading.runs import Run
from .page import render

COUNT, COLUMNS, LARGEST = 24, 12, 96  # images, in a line, and pixels of each at most
MOST_IMAGES = 200_000  # in the training set: a report is not to wait for the opening of more


def samples(run: Run) -> Markup:
    """Return a contact sheet of augmented training images; nothing where the data cannot be opened, or are others by now."""
    data = _opened(run)
    if data is None:
        return Markup()
    try:
        batches = data.batches('train', min(COUNT, data.sizes['train']))
        images, labels = next(iter(batches))
        batches.close()
    except (UserError, OSError, StopIteration):
        return Markup()
    names = [str(data.classes[label]) for label in labels]
    picture = heatmap.data_uri(heatmap.png(Image.fromarray(sheet(images, data.mean, data.std))))
    return render('samples.html.j2', image=picture, names=names)


def sheet(images: np.ndarray, mean: Any, std: Any) -> np.ndarray:
    """Set normalised images (n, 3, H, W) side by side, COLUMNS in a line: uint8 (height, width, 3); what is free is white."""
    scale, shift = (np.asarray(values, np.float32).reshape(3, 1, 1) for values in (std, mean))
    pixels = np.clip((images * scale + shift) * 255 + 0.5, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    pixels = pixels[:, :: -(-pixels.shape[1] // LARGEST), :: -(-pixels.shape[2] // LARGEST)]
    height, width = pixels.shape[1] + 2, pixels.shape[2] + 2
    lines, columns = -(-len(pixels) // COLUMNS), min(COLUMNS, len(pixels))
    page = np.full((lines * height - 2, columns * width - 2, 3), 255, np.uint8)
    for place, image in enumerate(pixels):
        top, left = place // COLUMNS * height, place % COLUMNS * width
        page[top : top + height - 2, left : left + width - 2] = image
    return page


def _opened(run: Run) -> Optional[DataSet]:
    """Open the data of a run as its retraining had them; None where that fails, or they are not those that the run learned from."""
    known = run.data
    if known is None or not (known.total('train') or 0) <= MOST_IMAGES:
        return None
    fields = {field.name for field in dataclasses.fields(Options)}
    settings = run.config.get('data')
    options: Dict[str, Any] = {key: value for key, value in (settings or {}).items() if key in fields}
    options.update(dir=known.dir, seed=run.get('seed', 0), image_size=known.image_size)
    if run.rows('retrain') and run.get('retrain.cutout') is not None:
        options['cutout'] = run.get('retrain.cutout')
    try:
        data = load(known.name, **options)
    except (UserError, OSError):
        return None
    same = list(data.classes) == list(known.classes) and data.fingerprint == known.fingerprint
    return data if same else None
