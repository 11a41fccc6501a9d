"""The numbers that the paper publishes (arXiv 1811.01567, Tables 1 to 3), and the scale at which it got them.

Errors are percent, parameters and FLOPs millions, search costs GPU days. None: the paper gives no number.
"""

TABLE1 = (  # name, test error, ± , parameters, ± , search cost, search method
    ('DenseNet', 3.46, None, 25.6, None, None, 'manual'),
    ('NASNet-A + c/o', 2.65, None, 3.3, None, 1800, 'RL'),
    ('AmoebaNet-A', 3.34, None, 3.2, None, 3150, 'evolution'),
    ('AmoebaNet-B + c/o', 2.55, None, 2.8, None, 3150, 'evolution'),
    ('PNAS', 3.41, None, 3.2, None, 150, 'SMBO'),
    ('ENAS + c/o', 2.89, None, 4.6, None, 0.5, 'RL'),
    ('DARTS + c/o', 2.83, None, 3.4, None, 4, 'gradient'),
    ('DSO-NAS-share + c/o', 2.84, 0.07, 3.0, None, 1, 'gradient'),
    ('DSO-NAS-full + c/o', 2.95, 0.12, 3.0, None, 1, 'gradient'),
    ('random-share + c/o', 3.58, 0.21, 3.4, 0.1, None, '-'),
    ('random-full + c/o', 3.52, 0.19, 3.5, 0.1, None, '-'),
)
TABLE2 = (  # name, top-1 error, top-5 error, parameters, FLOPs, search cost; * transferred from CIFAR-10
    ('Inception-v1', 30.2, 10.1, 6.6, 1448, None),
    ('MobileNet', 29.4, 10.5, 4.2, 569, None),
    ('ShuffleNet-v1 2x', 26.3, 10.2, 5, 524, None),
    ('ShuffleNet-v2 2x', 25.1, None, 5, 591, None),
    ('NASNet-A*', 26.0, 8.4, 5.3, 564, 1800),
    ('AmoebaNet-C*', 24.3, 7.6, 6.4, 570, 3150),
    ('PNAS*', 25.8, 8.1, 5.1, 588, 150),
    ('OSNAS', 25.8, None, 5.1, None, None),
    ('DARTS*', 26.9, 9.0, 4.9, 595, 4),
    ('DSO-NAS*', 26.2, 8.6, 4.7, 571, 1),
    ('DSO-NAS-full', 25.7, 8.1, 4.6, 608, 6),
    ('DSO-NAS-share', 25.4, 8.4, 4.8, 586, 6),
)
TABLE3 = (  # search space, split training, pre-trained model, ratio of W&S, parameters, test error, ±
    ('full', True, False, '1:1', 2.9, 3.26, 0.08),
    ('full', True, True, '1:1', 3.0, 3.02, 0.09),
    ('full', True, True, '4:1', 2.9, 3.05, 0.09),
    ('full', False, True, '-', 3.0, 3.20, 0.10),
    ('share', True, False, '1:1', 3.0, 3.07, 0.08),
    ('share', True, True, '1:1', 3.0, 2.86, 0.09),
    ('share', True, True, '4:1', 2.9, 2.89, 0.06),
    ('share', False, True, '-', 3.0, 3.14, 0.06),
)
DATASETS = {'1': 'cifar10', '2': 'imagenet', '3': 'cifar10'}
SCALES = {
    'cifar10': {
        'space.channels': 48,
        'space.blocks': [8, 8, 8],
        'pretrain.epochs': 120,
        'search.epochs': 120,
        'retrain.epochs': 630,
    },
    'imagenet': {
        'space.channels': 28,
        'space.blocks': [2, 2, 13, 6],
        'pretrain.epochs': 30,
        'search.epochs': 30,
        'retrain.epochs': 240,
    },
}


def smaller_than_published(run, dataset):
    """What makes a run smaller than the paper's on `dataset`, as a list of short texts; empty at full scale.

    Of a data set that the paper does not have, only the embedded one is small as such.
    """
    name, reasons = run.get('data.name', run.summary.get('dataset')), []
    if not run.config:
        return []
    if dataset not in SCALES:
        return ['the embedded data set'] if name == 'digits' else []
    if name != dataset:
        reasons.append(f'data set {name} instead of {dataset}')
    if run.get('data.limit'):
        reasons.append('at most %d training images' % run.get('data.limit'))
    for key, value in SCALES[dataset].items():
        found = run.get(key)
        if key == 'pretrain.epochs' and found == 0:  # a setting of Table 3, not of scale
            continue
        if key == 'space.blocks' and found is not None and sum(found) < sum(value):
            reasons.append('{} blocks instead of {}'.format('+'.join(map(str, found)), '+'.join(map(str, value))))
        elif key != 'space.blocks' and found is not None and found < value:
            reasons.append('%s %d instead of %d' % (key, found, value))
    return reasons
