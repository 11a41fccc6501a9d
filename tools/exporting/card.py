"""A model card in Markdown: what the network is, what it learned from, how good and how large it is, how to feed it, how it came about."""

import hashlib
import os

from ...symbols.architecture import Architecture
from ...symbols.cost import cost

SETTINGS = {
    'pretrain': ('epochs', 'batch_size', 'lr', 'wd'),
    'search': ('epochs', 'batch_size', 'lr', 'gate_lr', 'gamma', 'budget', 'ratio', 'split', 'prune_every'),
    'retrain': (
        'epochs',
        'batch_size',
        'lr',
        'schedule',
        'wd',
        'dropout',
        'drop_path',
        'auxiliary',
        'label_smoothing',
        'cutout',
    ),
}


def write(path, run, description, files, checked, normalised, picture=None):
    """Write the card.

    run: a reading.runs.Run; files: of the exported network, beside the card; checked: a checking.Checked; picture: file name beside it.
    """
    parts = [
        '# %s: image classifier, %d classes' % (run.name, len(description['classes'])),
        '',
        'A convolutional network {}, trained on {} with dsonas (direct sparse optimization).'.format(
            _origin(description), description['dataset']
        ),
        '',
        _table('Files', [('file', 'bytes', 'SHA-256')] + [_file(name) for name in files]),
        _table('Input and output', _interface(description, normalised)),
        _table('Data', _data(run, description)),
        _table('Result', _result(run)),
        _table('Cost for one image', _cost(run, description)),
    ]
    if picture:
        parts += [
            '## Architecture',
            '',
            f'![The searched blocks: operations by level, edges that survived]({picture})',
            '',
        ]
    parts += [
        _table('Settings', _settings(run)),
        _table('Made with', _environment(run)),
        '## Checked',
        '',
        _check(checked),
        '',
        '## Limits',
        '',
        _limits(description),
        '',
    ]
    with open(path, 'w', encoding='utf-8') as stream:
        stream.write('\n'.join(parts))


def _origin(description):
    kind = description['kind']
    if kind.startswith('gluoncv:'):
        return "of gluoncv's model zoo, {}".format(kind.partition(':')[2])
    return {
        'searched': 'whose blocks were found by search',
        'random': 'of randomly drawn blocks (a baseline)',
        'full': 'of completely connected blocks (a baseline)',
    }.get(kind, f'of kind {kind}')


def _interface(description, normalised):
    size = description['image_size']
    how = 'as they are: normalisation is inside' if normalised else 'normalised: (pixel / 255 - mean) / std by channel'
    return [
        ('what', 'value'),
        ('input `data`', 'float32 (batch, 3, %d, %d), any batch; RGB, pixels from 0 to 255 %s' % (size, size, how)),
        ('mean', ', '.join(f'{value:.6g}' for value in description['mean'])),
        ('std', ', '.join(f'{value:.6g}' for value in description['std'])),
        ('output', 'logits float32 (batch, %d); softmax gives probabilities' % len(description['classes'])),
        ('classes, in order', ', '.join(description['classes'])),
    ]


def _data(run, description):
    split = run.get('data.split')
    rows = [
        ('what', 'value'),
        ('data set', description['dataset']),
        ('image size', '%d × %d pixels' % ((description['image_size'],) * 2)),
    ]
    parts = f'{split:g} : {1 - split:g} of the training set' if split else 'one half each, or as prepared'
    rows.append(('split in search, W : λ', parts))
    if run.get('data.limit'):
        rows.append(('training images', 'limited to %d' % run.get('data.limit')))
    rows.append(('retrained on', 'the whole training set; tested on the test set, which nothing was chosen on'))
    return rows


def _result(run):
    summary = run.summary
    rows = [('what', 'value')]
    for key, what in (('test_error', 'top-1 error on the test set'), ('top5_error', 'top-5 error on the test set')):
        if summary.get(key) is not None:
            rows.append((what, f'{summary[key]:.2f} %'))
    if summary.get('test_loss') is not None:
        rows.append(('loss on the test set', '{:.4f}'.format(summary['test_loss'])))
    return rows


def _cost(run, description):
    if description['architecture'] is None:
        found = {key: run.summary.get(key) for key in ('params', 'flops', 'mac')}
    else:
        counted = cost(
            Architecture.from_dict(description['architecture']), description['channels'], description['image_size']
        )
        found = {'params': counted.params, 'flops': counted.flops, 'mac': counted.mac}
    names = (
        ('params', 'parameters'),
        ('flops', 'FLOPs (multiply-adds of convolutions and dense layers)'),
        ('mac', 'memory accesses (elements read, written, and weights)'),
    )
    rows = [('what', 'value')] + [(what, format(found[key], ',')) for key, what in names if found[key] is not None]
    if description['channels']:
        rows.append(('channels by stage', ', '.join(map(str, description['channels']))))
    budget = run.summary.get('budget') or {}
    if budget.get('target'):
        rows.append(('budget', '{} = {:g}, reached {:g}'.format(budget['kind'], budget['target'], budget['reached'])))
    return rows


def _settings(run):
    rows = [('what', 'value'), ('seed', str(run.get('seed'))), ('preset', str(run.get('preset')))]
    space = run.config.get('space') or {}
    if space:
        rows.append(
            (
                'space',
                '{}, blocks {}, {} levels of {}'.format(
                    'share' if space.get('share') else 'full',
                    space.get('blocks'),
                    space.get('levels'),
                    ', '.join(space.get('operations', ())),
                ),
            )
        )
    for stage, keys in SETTINGS.items():
        if stage == 'retrain' or run.summary.get('kind') == 'searched':
            values = run.config.get(stage) or {}
            rows.append((stage, ', '.join(f'{key} {values[key]}' for key in keys if key in values)))
    return rows


def _environment(run):
    names = ('dsonas', 'commit', 'mxnet', 'numpy', 'python', 'devices', 'started')
    found = [(name, run.environment.get(name)) for name in names]
    return [('what', 'value')] + [
        (name, ', '.join(value) if isinstance(value, list) else str(value)) for name, value in found if value
    ]


def _check(checked):
    return (
        'After writing, the logits of the file (run by %s) were compared with those of the trained network on %d images (%s), in one '
        'batch and one at a time: the largest difference is %.2g, where the largest logit is %.3g.'
        % (checked.runtime, checked.images, checked.source, checked.difference, checked.largest)
    )


def _limits(description):
    return (
        'The network knows its %d classes alone and gives every picture one of them. Its error was measured on images like those it '
        'learned from; on others it is unknown.' % len(description['classes'])
    )


def _file(name):
    with open(name, 'rb') as stream:
        content = stream.read()
    return os.path.basename(name), format(len(content), ','), hashlib.sha256(content).hexdigest()


def _table(title, rows):
    lines = [f'## {title}', '']
    for number, row in enumerate(rows):
        lines.append('| {} |'.format(' | '.join(str(cell).replace('|', r'\|').replace('\n', ' ') for cell in row)))
        if number == 0:
            lines.append('| {} |'.format(' | '.join('---' for _ in row)))
    return '\n'.join(lines) + '\n'
