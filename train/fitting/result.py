"""What a fit has made, read from its run directory alone: numbers, network, predictions, files."""

import dataclasses
import functools
import html
import os
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Union

import numpy as np

from ...base import files
from ...base.errors import UserError
from ...base.tables import Column, Table
from ...base.text import format_count, format_duration
from ...runfiles.directory import RunDirectory, is_run
from ...runfiles.fit import read_fit
from ...runfiles.network import read_network
from ...runfiles.summary import read_summary
from ...symbols.architecture import Architecture
from ...tools.exporting import delivery
from ...tools.reading import runs
from ...tools.reporting.report import report
from ...tools.using import Predictor
from ...tools.using.predictor import Ranked
from ..config import settings
from ..runtime.run import stored_config
from . import delivering, phases, screen

KEPT = (
    'test_error',
    'test_error_low',
    'test_error_high',
    'test_images',
    'params',
    'flops',
    'mac',
    'latency_ms',
    'seed',
)
FRAME = 'width:100%;height:40em;border:1px solid #ccc'


def _percent(value: float) -> str:
    return f'{value:.1f} %'


COLUMNS = (
    Column('network', 'network', left=True),
    Column('test_error', 'test error', _percent),
    Column('interval', '95 % interval', lambda pair: f'{pair[0]:.1f} to {pair[1]:.1f} %'),
    Column('params', 'params', format_count),
    Column('flops', 'FLOPs', format_count),
    Column('latency_ms', 'latency', lambda value: format_duration(value / 1000)),
)


class ReportFile(str):
    """The path of an HTML report, which shows itself in a notebook."""

    def _repr_html_(self) -> str:
        with open(self, encoding='utf-8') as stream:
            return f'<iframe style="{FRAME}" srcdoc="{html.escape(stream.read())}"></iframe>'


class Result:
    """The result of a fit, or of another run with a trained network.

    run: its directory, from which everything is read; it may be moved. summary: summary.json. architecture: what the search has found,
    an Architecture. test_error: percent of the test images. network: the trained network, a HybridBlock on the CPU that takes normalised
    images (batch, 3, size, size).
    """

    def __init__(self, run: str) -> None:
        """Open the run in a directory. Raises UserError for one that holds none, or that is not finished; OSError."""
        self.run = run
        if not is_run(run):
            raise UserError(f'run directory {run}: no run is there')
        self._record = read_fit(run)
        if self._record is not None and not self._record.finished:
            raise UserError(
                f'run directory {run}: its fit is not finished; a fit of the same data and settings goes on'
            )
        read_network(run)
        self.summary: Dict[str, Any] = dict(read_summary(RunDirectory(run).summary))

    @property
    def test_error(self) -> float:
        """Test error of the network that was searched, percent."""
        return float(self.summary['test_error'])

    @functools.cached_property
    def architecture(self) -> Architecture:
        """The architecture that the search has found."""
        return Architecture.load(RunDirectory(self.run).architecture)

    @functools.cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.run)

    @property
    def network(self) -> Any:
        """The trained network."""
        return self._predictor.net

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes, in the order of the network's outputs."""
        return self._predictor.classes

    def leaderboard(self) -> Table:
        """Return the networks of the run, best first: those that were searched, and the baselines beside them.

        Each row is a dict: network ('searched', 'random', or a network of gluoncv), run (its directory), test_error in percent with its
        95 % confidence interval (test_error_low, test_error_high; None where it was not computed), test_images, params, flops, mac,
        latency_ms of one image, seed.
        """
        rows: List[Dict[str, Any]] = []
        for name, folder in self._networks().items():
            summary: Mapping[str, Any] = read_summary(RunDirectory(folder).summary)
            row: Dict[str, Any] = {'network': name, 'run': folder, **{key: summary.get(key) for key in KEPT}}
            low, high = row['test_error_low'], row['test_error_high']
            rows.append({**row, 'interval': None if low is None or high is None else (low, high)})
        rows.sort(key=lambda row: row['test_error'])
        notes = ['Where intervals overlap, the difference may be chance.'] if len(rows) > 1 else []
        return Table(rows, COLUMNS, notes)

    def _networks(self) -> Dict[str, str]:
        """Return the run directories of trained networks by what they are called."""
        if self._record is None:
            own = runs.read(self.run)
            trained = [own, *(run for run in own.subruns() if run.state == 'finished')]
            return {
                str(run.summary.get('kind')) if run is own else run.name.split('/')[-1]: run.path for run in trained
            }
        record = self._record
        config = dataclasses.replace(settings.build(stored_config(RunDirectory(self.run).config)), run=self.run)
        done = [phase for phase in record.estimates if phase in record.done]
        trained_in = phases.trained(config, done, record.zoo)
        return {screen.network_name(phase, record.zoo): folder for phase, folder in trained_in.items()}

    def predict(self, images: Any, top: int = 1, batch_size: int = 32) -> List[Ranked]:
        """Return the `top` most probable classes of each image, with their probabilities: [[('cat', 0.93)], …].

        images: an image file, a folder of them, a PIL image, an array uint8 (H, W, 3), (3, H, W) or grey (H, W), a batch of arrays
        (n, …), or a list of any of these. They are prepared as the test images were. Of three dimensions, of which the first or the last
        is 3, an array is one colour image; three grey images are given as a list.
        Raises UserError for a file that cannot be read, and for an array of another shape or type.
        """
        return self._predictor.predict(list(_images(images)), top, batch_size)

    def export(self, path: Union[str, 'os.PathLike[str]'] = delivering.ONNX) -> str:
        """Write the network as an ONNX file, compared with the network on test images, its model card beside it. Returns its path.

        The input of the file are RGB pixels from 0 to 255, float32 (batch, 3, size, size), the output logits. Raises UserError for another
        suffix than .onnx and where onnx is not installed, OSError.
        """
        target = os.fspath(path)
        if not target.endswith('.onnx'):
            raise UserError(f'export {target}: expected a file name that ends with .onnx')
        delivery.export_onnx(delivery.source(self.run, normalise=True), target)
        return target

    def report(self, path: Union[str, 'os.PathLike[str]', None] = None) -> ReportFile:
        """Return the path of the report, one HTML file; in a notebook it shows itself.

        path: where to write it; None: the run's own, written if it is not there. Raises OSError.
        """
        target = os.path.join(self.run, delivering.REPORT) if path is None else os.fspath(path)
        if path is not None or not os.path.exists(target):
            files.write_text(target, report(runs.existing(self.run)))
        return ReportFile(target)

    def _numbers(self) -> str:
        low, high = self.summary.get('test_error_low'), self.summary.get('test_error_high')
        between = '' if low is None or high is None else f' ({low:.1f} to {high:.1f} %)'
        size = f'{format_count(self.summary.get("params"))} parameters, {format_count(self.summary.get("flops"))} FLOPs'
        return f'test error {_percent(self.test_error)}{between}, {size}'

    def __repr__(self) -> str:
        return f'Result({self.run!r}: {self._numbers()})'

    def _repr_html_(self) -> str:
        """Return numbers, leaderboard and blocks as HTML, for a notebook."""
        picture = self.architecture._repr_html_() or ''
        head = f'<p><b>{html.escape(self.run)}</b>: {html.escape(self._numbers())}</p>'
        return head + self.leaderboard()._repr_html_() + picture


def _images(given: Any) -> Iterator[Any]:
    """Yield paths and arrays of one colour image each."""
    if isinstance(given, (str, os.PathLike)):
        yield given
    elif hasattr(given, 'convert') and hasattr(given, 'size'):  # of PIL
        yield np.asarray(given.convert('RGB'))
    elif hasattr(given, 'asnumpy'):
        yield from _images(given.asnumpy())
    elif not isinstance(given, np.ndarray):
        if not isinstance(given, (list, tuple)):
            raise UserError(f'images: {type(given).__name__}; expected files, folders, arrays, or a list of them')
        for image in given:
            yield from _images(image)
    elif given.ndim == 2:
        yield np.repeat(given[:, :, None], 3, axis=2)
    elif given.ndim == 3 and 1 in (given.shape[0], given.shape[2]):
        yield from _images(given.reshape(given.shape[1:] if given.shape[0] == 1 else given.shape[:2]))
    elif given.ndim == 4 or (given.ndim == 3 and 3 not in (given.shape[0], given.shape[2])):
        for image in given:
            yield from _images(image)
    else:
        yield given
