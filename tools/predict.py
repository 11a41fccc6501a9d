"""Classify image files with a run's trained network: class names and probabilities, as a table, JSON or CSV.

Images are prepared as those of the test set were. A file that cannot be read is named on stderr and passed over; the exit status is then 1.

    python tools/predict.py runs/mine photo.jpg more/ --top 3
    python tools/predict.py runs/mine photos/ --format csv > classes.csv
"""
try:
    from dsonas import installed
except ModuleNotFoundError:
    raise SystemExit("error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository") from None
else:
    installed.require_mxnet(__name__)

import csv
import itertools
import json
import os
import sys

import mxnet as mx
import numpy as np

from dsonas.base import cli, plugins
from dsonas.base.errors import UserError
from dsonas.data import registry
from dsonas.data.decode import BadImage
from dsonas.data.sources import scan
from dsonas.runfiles import stored
from dsonas.tools.reading import runs


def arguments():
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a retrained network')
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='image files, and folders, which are searched to any depth')
    parser.add_argument('--top', type=int, default=3, metavar='K', help='so many of the most probable classes')
    parser.add_argument('--format', choices=tuple(FORMATS), default='table', help='how to print them')
    parser.add_argument('--batch-size', type=int, default=32, help='images at a time')
    parser.add_argument('--gpu', type=int, metavar='N', help='on this GPU instead of the CPU')
    plugins.add_flag(parser)
    return parser


class Predictor:
    """The trained network of a run directory as a function of image files. context: device, default the CPU."""

    def __init__(self, folder, context=None):
        self.context = context or mx.cpu()
        runs.import_plugins(folder)
        self.net, self.description = stored.load(folder, self.context)
        self.net.hybridize(static_alloc=True, static_shape=True)
        self.classes = tuple(self.description['classes'])

    def read(self, path):
        """An image file as the network takes it: float32 (3, size, size). Raises BadImage."""
        held = self.description
        return registry.read_image(held['dataset'], path, held['image_size'], held['mean'], held['std'])

    def probabilities(self, images):
        """Prepared images (b, 3, size, size) → probabilities (b, classes)."""
        return mx.nd.softmax(self.net(mx.nd.array(images, ctx=self.context)), axis=-1).asnumpy()

    def files(self, paths, batch_size=32, failed=lambda error: None):
        """(path, probabilities (classes,)) of image files, one after the other; failed(BadImage) is called for those that are none."""
        paths = iter(paths)
        size = None
        while True:
            batch = []
            for path in paths:
                try:
                    batch.append((path, self.read(path)))
                except BadImage as error:
                    failed(error)
                if len(batch) == batch_size:
                    break
            if not batch:
                return
            size = size or len(batch)
            images = np.stack([image for _, image in batch])
            filled = images if len(batch) == size else np.resize(images, (size,) + images.shape[1:])   # one shape, one graph
            for (path, _), row in zip(batch, self.probabilities(filled)):
                yield path, row


def found(sources):
    """Paths of image files: files as they are, folders searched. Raises UserError for a folder without images."""
    for source in sources:
        if not os.path.isdir(source):
            yield source
            continue
        inside = scan.images(source)
        if not inside:
            raise UserError('%s: no images in this folder (%s)' % (source, ' '.join(scan.SUFFIXES)))
        for name in inside:
            yield os.path.join(source, name)


def ranked(probabilities, classes, top):
    """[(class name, probability)] of the `top` most probable classes."""
    order = np.argsort(-probabilities, kind='stable')[:top]
    return [(classes[label], float(probabilities[label])) for label in order]


def show_table(rows, top, stream):
    """A line an image: the path, then classes and probabilities in percent."""
    for path, classes in rows:
        stream.write('%s  %s\n' % (path, '  '.join('%s %.1f%%' % (name, 100 * share) for name, share in classes)))


def show_csv(rows, top, stream):
    """A row an image: image, then class and probability of each rank."""
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(['image'] + ['%s_%d' % (what, rank) for rank in range(1, top + 1) for what in ('class', 'probability')])
    for path, classes in rows:
        writer.writerow([path] + list(itertools.chain.from_iterable((name, '%.6f' % share) for name, share in classes)))


def show_json(rows, top, stream):
    """A list of {image, classes: [{class, probability}]}."""
    content = [{'image': path, 'classes': [{'class': name, 'probability': round(share, 6)} for name, share in classes]}
               for path, classes in rows]
    json.dump(content, stream, indent=1, ensure_ascii=False)
    stream.write('\n')


FORMATS = {'table': show_table, 'json': show_json, 'csv': show_csv}


def main(argv):
    """Predict and print. Returns the exit status."""
    options = arguments().parse_args(argv)
    for name in ('top', 'batch_size'):
        if getattr(options, name) < 1:
            raise UserError('--%s %d: must be at least 1' % (name.replace('_', '-'), getattr(options, name)))
    if options.gpu is not None and not 0 <= options.gpu < mx.context.num_gpus():
        raise UserError('--gpu %d: MXNet sees %d GPUs' % (options.gpu, mx.context.num_gpus()))
    predictor = Predictor(options.run, mx.gpu(options.gpu) if options.gpu is not None else None)
    top = min(options.top, len(predictor.classes))
    paths, bad = list(found(options.images)), []

    def failed(error):
        bad.append(error)
        cli.tell(cli.one_line(error))

    rows = ((path, ranked(row, predictor.classes, top)) for path, row in predictor.files(paths, options.batch_size, failed))
    FORMATS[options.format](rows, top, sys.stdout)
    if bad:
        print('%d of %d images could not be read' % (len(bad), len(paths)), file=sys.stderr)
    return 1 if bad else 0


if __name__ == '__main__':
    cli.main(main)
