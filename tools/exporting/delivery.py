"""Write an exported network: the file, checked against the network, and its model card and picture beside it, or nothing at all."""

import dataclasses
import os
import shutil
import tempfile
from typing import Callable, List, Optional, Tuple

import numpy as np
from mxnet.gluon import HybridBlock

from ...base import files
from ...runfiles import stored
from ...runfiles.network import NetworkDescription
from ...symbols.architecture import Architecture
from ..drawing import figures
from ..drawing.architectures import draw
from ..reading import runs
from . import card, checking, graph, onnx_file, symbol_file

Delivered = Tuple[List[str], checking.Checked]


@dataclasses.dataclass(frozen=True)
class Source:
    """What is exported and checked: the network as it was trained, its plain twin, and images as each of them takes them."""

    run: runs.Run
    description: NetworkDescription
    net: HybridBlock
    plain: HybridBlock
    normalise: bool
    images: np.ndarray
    fed: np.ndarray
    images_from: str
    tolerance: float

    def compare(
        self, target: str, runner: checking.Runner, where: Callable[[np.ndarray], str] = lambda images: ''
    ) -> checking.Checked:
        """checking.compare for a file that will be called `target`."""
        return checking.compare(
            target, runner, self.net, self.images, self.fed, self.tolerance, self.images_from, where
        )


def source(
    folder: str,
    normalise: bool = False,
    data_dir: Optional[str] = None,
    images: Optional[str] = None,
    tolerance: float = 1e-4,
) -> Source:
    """The Source in a run directory. images: a folder instead of the test set. Raises UserError, OSError."""
    run = runs.existing(folder)
    runs.import_plugins(folder)
    net, description = stored.load(folder)
    net.hybridize()
    plain, _ = graph.exportable(folder, normalise)
    fed, images_from = checking.test_images(run, description, data_dir, images)
    x = graph.normalised(fed, description.mean, description.std)
    fed = fed if normalise else x
    return Source(run, description, net, plain, normalise, x, fed, images_from, tolerance)


def export_onnx(source: Source, target: str) -> Delivered:
    """Write the ONNX file `target`, card and picture beside it. Returns (paths, checking.Checked). checking.Mismatch leaves nothing."""

    def write(stem: str) -> Delivered:
        path = stem + '.onnx'
        onnx_file.write(source.plain, path, source.description, source.normalise, os.path.dirname(stem))
        return [path], source.compare(
            target,
            onnx_file.runner(path),
            lambda images: onnx_file.first_difference(path, source.plain, images, source.tolerance),
        )

    return _deliver(source, os.path.splitext(target)[0], write)


def export_symbol(source: Source, prefix: str) -> Delivered:
    """Write PREFIX-symbol.json and PREFIX-0000.params, card and picture beside them, as export_onnx."""

    def write(stem: str) -> Delivered:
        return symbol_file.write(source.plain, stem), source.compare(prefix, symbol_file.runner(stem))

    return _deliver(source, prefix, write)


def _deliver(source: Source, stem: str, write: Callable[[str], Delivered]) -> Delivered:
    """write(stem) and the card in a folder of their own; what is whole and right is then moved to `stem`."""
    with tempfile.TemporaryDirectory() as workspace:
        inside = os.path.join(workspace, os.path.basename(stem))
        paths, checked = write(inside)
        picture = _picture(source.description, inside + '-blocks.png')
        card.write(
            inside + '.md',
            source.run,
            source.description,
            paths,
            checked,
            source.normalise,
            os.path.basename(picture or ''),
        )
        delivered = []
        for path in [*paths, *([picture] if picture else []), inside + '.md']:
            delivered.append(os.path.join(os.path.dirname(stem), os.path.basename(path)))
            with open(path, 'rb') as made, files.replacing(delivered[-1]) as out:
                shutil.copyfileobj(made, out)
    return delivered, checked


def _picture(description: NetworkDescription, path: str) -> Optional[str]:
    """The drawing of the network's blocks at `path`; None where it has none."""
    if description.architecture is None:
        return None
    with figures.styled():
        figures.save(draw(Architecture.from_dict(description.architecture)), path, 'png', dpi=150)
    return path
