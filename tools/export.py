"""Export a run's trained network to ONNX or to MXNet's symbol format, checked on real images, with a model card beside it.

The file takes batches of any size and gives logits. The auxiliary tower, dropout and drop path stay behind. It is written only if its
logits are those of the trained network.

    python tools/export.py runs/mine --onnx mine.onnx
    python tools/export.py runs/mine --symbol mine --normalise
"""
try:
    from dsonas import installed
except ModuleNotFoundError:
    raise SystemExit("error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository") from None
else:
    installed.require_mxnet(__name__)

import dataclasses
import os
import shutil
import tempfile

from dsonas.base import cli, files, plugins
from dsonas.base.errors import UserError
from dsonas.runfiles import stored
from dsonas.symbols.architecture import Architecture
from dsonas.tools.exporting import card, checking, graph, onnx_file, symbol_file
from dsonas.tools.reading import runs


def arguments():
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a retrained network')
    parser.add_argument('--onnx', metavar='F', help='write ONNX to this file, .onnx')
    parser.add_argument('--symbol', metavar='PREFIX', help='write PREFIX-symbol.json and PREFIX-0000.params')
    parser.add_argument('--normalise', action='store_true', help='normalisation inside: the input is then RGB pixels from 0 to 255')
    parser.add_argument('--data-dir', metavar='DIR',
                        help="where the data set lies; without it the run's data.dir, or gluon's place where that is empty")
    parser.add_argument('--images', metavar='FOLDER', help='check on the images of this folder instead of the test set')
    parser.add_argument('--tolerance', type=float, default=1e-4, help='largest difference of a logit, as a share of the largest logit')
    plugins.add_flag(parser)
    return parser


@dataclasses.dataclass(frozen=True)
class Source:
    """What is exported and checked: the network as it was trained, its plain twin, and images as each of them takes them."""
    run: runs.Run
    description: dict
    net: object
    plain: object
    normalise: bool
    images: object
    fed: object
    images_from: str
    tolerance: float

    def compare(self, target, runner, where=lambda images: ''):
        """checking.compare for a file that will be called `target`."""
        return checking.compare(target, runner, self.net, self.images, self.fed, self.tolerance, self.images_from, where)


def source(folder, normalise=False, data_dir=None, images=None, tolerance=1e-4):
    """The Source in a run directory. images: a folder instead of the test set. Raises UserError, OSError."""
    run = runs.existing(folder)
    runs.import_plugins(folder)
    net, description = stored.load(folder)
    net.hybridize()
    plain, _ = graph.exportable(folder, normalise)
    fed, images_from = checking.test_images(run, description, data_dir, images)
    x = graph.normalised(fed, description['mean'], description['std'])
    fed = fed if normalise else x
    return Source(run, description, net, plain, normalise, x, fed, images_from, tolerance)


def export_onnx(source, target):
    """Write the ONNX file `target`, card and picture beside it. Returns (paths, checking.Checked). checking.Mismatch leaves nothing."""
    def write(stem):
        path = stem + '.onnx'
        onnx_file.write(source.plain, path, source.description, source.normalise, os.path.dirname(stem))
        return [path], source.compare(target, onnx_file.runner(path),
                                      lambda images: onnx_file.first_difference(path, source.plain, images, source.tolerance))
    return _deliver(source, os.path.splitext(target)[0], write)


def export_symbol(source, prefix):
    """Write PREFIX-symbol.json and PREFIX-0000.params, card and picture beside them, as export_onnx."""
    def write(stem):
        return symbol_file.write(source.plain, stem), source.compare(prefix, symbol_file.runner(stem))
    return _deliver(source, prefix, write)


def _deliver(source, stem, write):
    """write(stem) and the card in a folder of their own; what is whole and right is then moved to `stem`."""
    with tempfile.TemporaryDirectory() as workspace:
        inside = os.path.join(workspace, os.path.basename(stem))
        paths, checked = write(inside)
        picture = _picture(source.description, inside + '-blocks.png')
        card.write(inside + '.md', source.run, source.description, paths, checked, source.normalise, os.path.basename(picture or ''))
        delivered = []
        for path in paths + [picture] * bool(picture) + [inside + '.md']:
            delivered.append(os.path.join(os.path.dirname(stem), os.path.basename(path)))
            with open(path, 'rb') as made, files.replacing(delivered[-1]) as out:
                shutil.copyfileobj(made, out)
    return delivered, checked


def _picture(description, path):
    """The drawing of the network's blocks at `path`; None where it has none."""
    if description['architecture'] is None:
        return None
    from dsonas.tools.drawing import figures
    from dsonas.tools.plot_blocks import draw
    with figures.styled():
        figures.save(draw(Architecture.from_dict(description['architecture'])), path, 'png', dpi=150)
    return path


def main(argv):
    """Export. Returns the exit status: 1 where the file would not compute what the network does."""
    options = arguments().parse_args(argv)
    if not options.onnx and not options.symbol:
        raise UserError('nothing to write: accepted are --onnx F and --symbol PREFIX')
    if options.onnx:
        cli.output_kind(options.onnx, ('onnx',))
    if options.symbol and not os.path.isdir(os.path.dirname(options.symbol) or '.'):
        raise UserError('--symbol %s: there is no folder %s to write it to' % (options.symbol, os.path.dirname(options.symbol)))
    if not options.tolerance > 0:
        raise UserError('--tolerance %g: must be above 0' % options.tolerance)
    opened = source(options.run, options.normalise, options.data_dir, options.images, options.tolerance)
    for target, export in ((options.onnx, export_onnx), (options.symbol, export_symbol)):
        if target:
            try:
                paths, checked = export(opened, target)
            except checking.Mismatch as error:
                cli.tell('nothing written: %s' % error)
                return 1
            print('\n'.join(paths))
            print('checked on %d images with %s: largest difference %.2g' % (checked.images, checked.runtime, checked.difference))
    return 0


if __name__ == '__main__':
    cli.main(main)
