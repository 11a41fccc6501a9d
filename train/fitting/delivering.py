"""What is made of trained networks: tests with predictions, latency, ONNX with its model card, pictures, table, report."""

import math
import os
from typing import Any, Dict, List, Mapping, Tuple

from ...base import files
from ...base.errors import UserError
from ...runfiles.directory import RunDirectory
from ...runfiles.summary import read_summary, update_summary
from ...tools.drawing import figures
from ...tools.drawing.architectures import draw, edges_left
from ...tools.exporting import checking, delivery
from ...tools.reading import runs
from ...tools.reading.sources import gates_of, load
from ...tools.reporting.report import report
from ...tools.tables import contents
from ...tools.tables.formats import markdown
from ..config.tree import Config
from ..deriving.evaluation import evaluate_run
from ..deriving.timing import timed
from ..runtime.devices import contexts
from ..runtime.progress import Progress

ONNX, CARD, TABLE, BLOCKS, REPORT = 'model.onnx', 'model.md', 'table.md', 'blocks.svg', 'report.html'
Z = 1.959964  # of a normal distribution, 2.5 % beyond on either side


def deliver(config: Config, networks: Mapping[str, str], progress: Progress) -> List[str]:
    """Test the networks in the run directories `networks`, by phase, and write what is made of them into config.run.

    Returns sentences on what could not be made. Raises OSError, UserError.
    """
    for folder in networks.values():
        tested(folder, config, progress)
    with progress.phase('exporting the network'):
        notes = exported(config.run)
    with progress.phase('drawing, and writing the report'):
        picture(config.run)
        table = contents.make('summary', runs.read_all([config.run]), with_published=False)
        files.write_text(os.path.join(config.run, TABLE), markdown(table))
        files.write_text(os.path.join(config.run, REPORT), report(runs.existing(config.run)))
    return notes


def tested(folder: str, config: Config, progress: Progress) -> Dict[str, Any]:
    """Test a network once more from its file, measure its latency, and add both to its summary.json. Returns what was added."""
    train = config.train
    batch_size = train.test_batch or 100
    result = evaluate_run(folder, batch_size=batch_size, gpus=train.gpus, cpus=train.cpus, progress=progress)
    context = contexts(train.gpus, train.cpus)[0]
    low, high = interval(result['test_error'], result['images'])
    added = {
        'test_images': result['images'],
        'test_error_low': low,
        'test_error_high': high,
        **timed(folder, context),
    }
    update_summary(RunDirectory(folder).summary, **added)
    return added


def interval(error: float, images: int) -> Tuple[float, float]:
    """Return the 95 % confidence interval of a test error, by Wilson's score: error and both ends in percent."""
    share, square = error / 100, Z * Z / images
    centre = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * math.sqrt(share * (1 - share) / images + square / (4 * images))
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


def exported(run: str) -> List[str]:
    """Write the ONNX file, whose input are pixels from 0 to 255, and the model card. Returns a sentence where it cannot be."""
    target = os.path.join(run, ONNX)
    try:
        delivery.export_onnx(delivery.source(run, normalise=True), target)
    except checking.Mismatch as error:
        return [f'{ONNX} was not written, since it would not compute what the network does: {error}']
    except UserError as error:
        return [f'{ONNX} and {CARD} were not written: {error}; dsonas export writes them later']
    return []


def picture(run: str) -> None:
    """Draw the searched blocks."""
    architecture, opened = load(run)
    title = f'{opened.name if opened else run}: {edges_left(architecture)}'
    with figures.styled():
        figures.save(draw(architecture, gates_of(opened), title=title), os.path.join(run, BLOCKS), 'svg', dpi=300)


def result_of(folder: str) -> Dict[str, Any]:
    """Read the summary of a network."""
    return dict(read_summary(RunDirectory(folder).summary))
