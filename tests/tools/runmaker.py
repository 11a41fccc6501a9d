"""Run directories in the format that training leaves, written from a seed without any training."""

import json
import math
import os
import random

import numpy as np
import yaml

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost
from dsonas.symbols.space import SearchSpace

COLUMNS = (
    'stage,epoch,step,lr,loss,error,gate_loss,gate_error,test_loss,test_error,zero_fraction,edges,operations,flops,params,'
    'changed,images_per_second,seconds'
).split(',')
SMALL = SearchSpace.cifar10(channels=8, blocks=(1, 1, 1))


def configuration(space, dataset='digits', seed=0, epochs=(2, 3, 2), **changes):
    """config.yaml as a tree; changes by dotted key, the dot written as two underscores."""
    fields = space.to_dict()
    fields.pop('classes')
    config = {
        'seed': seed,
        'run': '',
        'preset': 'published',
        'data': {'name': dataset, 'dir': '', 'split': 0.5, 'limit': 0, 'cutout': 0},
        'space': fields,
        'pretrain': {'epochs': epochs[0], 'batch_size': 50, 'lr': 0.1},
        'search': {
            'epochs': epochs[1],
            'batch_size': 50,
            'lr': 0.1,
            'gate_lr': 0.1,
            'gamma': 0.03,
            'budget': 'flops',
            'ratio': '1:1',
            'split': True,
            'prune_every': 2,
            'nonnegative': True,
            'clip_gradient': 2.0,
        },
        'retrain': {
            'epochs': epochs[2],
            'batch_size': 50,
            'lr': 0.05,
            'schedule': 'cosine_restarts',
            'budget': 'params=30k',
            'cutout': 16,
        },
        'train': {'gpus': '', 'cpus': 0, 'kvstore': 'device'},
    }
    for key, value in changes.items():
        group, _, name = key.partition('__')
        if name:
            config[group][name] = value
        else:
            config[group] = value
    return config


def gate_history(space, epochs, seed, keep=0.35):
    """names, epochs (0 to `epochs`), values, pruned: λ that shrink from 1, some to 0, which are then pruned every second epoch."""
    generator = np.random.RandomState(seed)
    names = [name for group in space.gate_names() for name in group]
    last = 0.05 + generator.gamma(2.0, 0.2, len(names))
    last = np.where(generator.rand(len(names)) > keep, -3 * generator.rand(len(names)), last)
    for index, name in enumerate(names):
        if name.startswith('r'):
            last[index] = 0.6
    values, pruned = [], []
    for epoch in range(epochs + 1):
        part = epoch / max(epochs, 1)
        row = np.maximum(1 + (last - 1) * part, 0)
        if epoch == epochs:
            row = np.maximum(last, 0)
        gone = (
            pruned[-1] | (row == 0)
            if pruned and (epoch % 2 == 0 or epoch == epochs)
            else pruned[-1]
            if pruned
            else row == 0
        )
        values.append(row.astype(np.float32))
        pruned.append(gone)
    return names, np.arange(epochs + 1), np.array(values), np.array(pruned)


ENVIRONMENT = {
    'dsonas': '0.1.0',
    'mxnet': '1.9.1',
    'numpy': '1.23.5',
    'python': '3.11.2',
    'system': 'Linux',
    'processor': 'a processor',
    'cores': 2,
    'threads': 2,
    'devices': ['cpu(0)'],
    'workers': 1,
    'commit': 'abc123',
    'started': '2024-01-01T00:00:00+00:00',
}
SEARCHED = {'error': 12.5, 'zero_fraction': 0.65, 'operations': 12, 'gamma': 0.03, 'seconds': 240.0}


def _result(architecture, error):
    """What summary.json says of a network that was retrained and tested."""
    found = cost(architecture)
    target = found.params + 300
    budget = {'kind': 'params', 'target': target, 'reached': found.params, 'multiplier': 1.0}
    budget.update(distance=300 / target, widths=list(found.widths))
    counts = {'params': found.params, 'flops': found.flops, 'mac': found.mac}
    return dict(counts, test_error=error, top5_error=error / 10, seconds=400.0, budget=budget)


def make_run(
    folder,
    space=SMALL,
    state='finished',
    kind='searched',
    dataset='digits',
    seed=0,
    epochs=(2, 3, 2),
    error=None,
    predictions=False,
    **changes,
):
    """Write a run directory. state: 'finished', 'searched' (not retrained yet), 'searching' or 'new'. Returns its path as text."""
    folder = str(folder)
    os.makedirs(os.path.join(folder, 'checkpoints'))
    dice = random.Random(f'{folder.split(os.sep)[-1]}:{seed}')
    _write(
        folder, 'config.yaml', yaml.safe_dump(configuration(space, dataset, seed, epochs, **changes), sort_keys=False)
    )
    _json(folder, 'environment.json', dict(ENVIRONMENT, seed=seed, command=['train/search.py', '--seed', str(seed)]))
    if state == 'new':
        _write(folder, 'log.csv', ','.join(COLUMNS) + '\n')
        return folder
    rows = [] if kind == 'random' else _stage('pretrain', epochs[0], dice)
    done = max(1, epochs[1] - 1) if state == 'searching' else epochs[1]
    names, numbers, values, pruned = gate_history(space, epochs[1], seed)
    if kind != 'random':
        rows += _search(space, values, pruned, done, dice)
        np.savez_compressed(
            os.path.join(folder, 'lambda.npz'),
            names=np.array(names),
            epochs=numbers[: done + 1],
            values=values[: done + 1],
            pruned=pruned[: done + 1],
        )
    if state != 'searching':
        architecture = Architecture.random(space, seed, 0.4)
        if kind != 'random':
            architecture = Architecture.from_lambda(space, split(space, values[-1]))
        architecture.save(os.path.join(folder, 'architecture.json'))
        summary = {'run': os.path.basename(folder), 'dataset': dataset, 'seed': seed, 'kind': kind}
        if kind != 'random':
            summary['search'] = dict(SEARCHED, edges=architecture.num_edges, epochs=epochs[1])
        if state == 'finished':
            rows += _stage('retrain', epochs[2], dice, test=True)
            summary.update(_result(architecture, error if error is not None else 4 + dice.random()))
        _json(folder, 'summary.json', summary)
    lines = [','.join('' if row.get(name) is None else str(row[name]) for name in COLUMNS) for row in rows]
    _write(folder, 'log.csv', '\n'.join([','.join(COLUMNS)] + lines) + '\n')
    if predictions:
        write_predictions(folder, seed)
    return folder


def split(space, flat):
    """One vector of all λ as a list of one a scope."""
    arrays, start = [], 0
    for group in space.gate_names():
        arrays.append(flat[start : start + len(group)])
        start += len(group)
    return arrays


def write_predictions(folder, seed=0, count=500, classes=10, wrong=24):
    """predictions.npz of a classifier that is right nine times in ten."""
    generator = np.random.RandomState(seed)
    labels = generator.randint(0, classes, count)
    scores = generator.rand(count, classes) + 2.2 * (np.arange(classes) == labels[:, None]) * (
        generator.rand(count, 1) > 0.1
    )
    probabilities = np.exp(3 * scores) / np.exp(3 * scores).sum(1, keepdims=True)
    predicted = probabilities.argmax(1)
    order = np.argsort(probabilities[np.arange(count), labels] + (predicted == labels))[:wrong]
    np.savez_compressed(
        os.path.join(folder, 'predictions.npz'),
        labels=labels,
        predicted=predicted,
        probabilities=probabilities.astype(np.float32),
        classes=np.array([str(name) for name in range(classes)]),
        worst_index=order,
        worst_images=generator.randint(0, 255, (wrong, 32, 32, 3)).astype(np.uint8),
    )


def _stage(stage, epochs, dice, test=False):
    rows = []
    for epoch in range(1, epochs + 1):
        loss = 2.3 * math.exp(-2 * epoch / max(epochs, 1)) + 0.1 * dice.random()
        rows.append(
            {
                'stage': stage,
                'epoch': epoch,
                'step': epoch * 40,
                'lr': 0.1,
                'loss': loss,
                'error': 30 * loss,
                'images_per_second': 350.5,
                'seconds': 12.5,
            }
        )
        if test or epoch == epochs:
            rows[-1].update(test_loss=loss * 1.1, test_error=31 * loss)
    return rows


def _search(space, values, pruned, epochs, dice):
    rows = _stage('search', epochs, dice)
    for row in rows:
        if (
            row['epoch'] % (1 + epochs // 50) and row['epoch'] < epochs
        ):  # in long runs, what is left is counted now and then
            continue
        architecture = Architecture.from_lambda(space, split(space, values[row['epoch']]))
        zeros = (values[row['epoch']] == 0) | pruned[row['epoch']]
        found = cost(architecture)
        row.update(
            gate_loss=row['loss'] * 1.05,
            gate_error=row['error'] * 1.05,
            zero_fraction=float(zeros.mean()),
            edges=architecture.num_edges,
            operations=sum(len(architecture.operations(scope)) for scope in architecture.scopes),
            flops=found.flops,
            params=found.params,
            changed=int(abs(zeros.sum() - (values[row['epoch'] - 1] == 0).sum())),
        )
    return rows


def _write(folder, name, text):
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
        file.write(text)


def _json(folder, name, content):
    _write(folder, name, json.dumps(content, indent=1) + '\n')
