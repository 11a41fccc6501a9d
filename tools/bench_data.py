"""How many images a second each input pipeline delivers alone, beside what a search and a retraining step consume here.

Images are made for the purpose: crops of scikit-learn's photographs, as JPEGs of 500x375 pixels.  The network is small by
default, which is the hard case: a larger one consumes less.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import json
import tempfile
from typing import Any, Dict, Mapping, Sequence

from dsonas.base import argtypes, cli, limits
from dsonas.base import machine as host
from dsonas.base.errors import UserError
from dsonas.tools.timing.pipelines import PIPELINES, delivered, make_photographs


def parser() -> argparse.ArgumentParser:
    parse = cli.parser(__doc__)
    parse.add_argument(
        '--pipelines',
        default='all',
        metavar='NAMES',
        help=f'which, with semicolons between: {"; ".join(PIPELINES)}',
    )
    parse.add_argument(
        '--workers',
        type=argtypes.wholes(1, limits.PROCESSES),
        default=f'1,{host.cores()}',
        metavar='N,N',
        help='numbers of threads to try',
    )
    parse.add_argument('--batch-size', type=argtypes.BATCH, default=64, metavar='N', help='images a batch')
    parse.add_argument(
        '--images', type=argtypes.whole(2, 1_000_000), default=400, metavar='N', help='photographs to make'
    )
    parse.add_argument('--seconds', type=argtypes.SECONDS, default=3.0, metavar='S', help='for each measurement')
    parse.add_argument('--against', action='store_true', help='measure a search and a retraining step as well')
    parse.add_argument('--channels', type=argtypes.CHANNELS, default=8, metavar='C', help='of the network of --against')
    parse.add_argument(
        '--blocks',
        type=argtypes.BLOCKS,
        default='1,1,1',
        metavar='N,N,N',
        help='convolution blocks of each of its stages',
    )
    parse.add_argument('--json', action='store_true', help='print JSON, not a table')
    return parse


def machine() -> Dict[str, Any]:
    """Where the numbers come from."""
    import mxnet as mx

    return {
        **host.describe(),
        'gpus': mx.context.num_gpus(),
        'threads of operators': host.omp_num_threads() or 'default',
        **host.versions('numpy', 'cv2', 'mxnet'),
    }


def measure(args: argparse.Namespace) -> Dict[str, Any]:
    """{'machine': ..., 'rows': [...], 'consumed': ...}. Raises UserError for arguments that cannot be."""
    names = list(PIPELINES) if args.pipelines == 'all' else [name.strip() for name in args.pipelines.split(';')]
    for name in names:
        if name not in PIPELINES:
            raise UserError(f'--pipelines {name}: none of {"; ".join(PIPELINES)}')
    workers, blocks = args.workers, args.blocks
    if args.images < 2 * args.batch_size:
        raise UserError(f'--images {args.images}: at least twice --batch-size {args.batch_size}')
    result = {'machine': machine(), 'batch_size': args.batch_size, 'channels': args.channels, 'blocks': blocks}
    sizes = sorted({PIPELINES[name].image_size for name in names}) if args.against else []
    result['consumed'] = {size: consumption(args, size, blocks) for size in sizes}
    result['rows'] = []
    with tempfile.TemporaryDirectory(prefix='bench-data-') as root:
        if any(PIPELINES[name].of_photographs for name in names):
            make_photographs(root, args.images, any(name.startswith('records') for name in names))
        for name in names:
            pipeline = PIPELINES[name]
            for count in sorted(set(workers)):
                speed = delivered(pipeline.open(root, count), args.batch_size, args.seconds)
                row = {
                    'pipeline': name,
                    'image_size': pipeline.image_size,
                    'workers': count,
                    'images_per_second': speed,
                }
                needs = result['consumed'].get(pipeline.image_size, {})
                row.update({f'times_{stage}': speed / need for stage, need in needs.items()})
                result['rows'].append(row)
    return result


def consumption(args: argparse.Namespace, size: int, blocks: Sequence[int]) -> Dict[str, float]:
    """Images a second that training on images of `size` pixels consumes, by stage."""
    from dsonas.tools.timing.consumption import consumed

    # the ImageNet space has four stages; the last number of blocks stands for those that are not given
    stages = tuple(blocks) if size < 64 else (tuple(blocks) + tuple(blocks[-1:]) * 4)[:4]
    return consumed(size, args.batch_size, args.seconds, args.channels, stages)


def table(result: Mapping[str, Any]) -> str:
    """The result as a table in Markdown, below a line about the machine."""
    stages = sorted({stage for speeds in result['consumed'].values() for stage in speeds}, reverse=True)
    heads = ['pipeline', 'pixels', 'threads', 'images/s']
    heads += [f'{stage} consumes' for stage in stages] + [f'times {stage}' for stage in stages]
    lines = ['; '.join(f'{key} {value}' for key, value in result['machine'].items()), '']
    lines += [f'| {" | ".join(heads)} |', '|' + ' --- |' * len(heads)]
    for row in result['rows']:
        speeds = result['consumed'].get(row['image_size'], {})
        cells = [row['pipeline'], row['image_size'], row['workers'], f'{row["images_per_second"]:.0f}']
        cells += [f'{speeds[stage]:.0f}' for stage in stages] + [f'{row["times_" + stage]:.1f}' for stage in stages]
        lines.append(f'| {" | ".join(map(str, cells))} |')
    return '\n'.join(lines)


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    args = parser().parse_args(argv)
    result = measure(args)
    print(json.dumps(result, indent=1) if args.json else table(result))


if __name__ == '__main__':
    cli.main(main)
