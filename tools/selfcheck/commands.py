"""Checks by the commands that a user gives: one run from search to export, and a search by two processes."""

import importlib.util
import json
import os
import socket
import sys
import tempfile
import time
from typing import Any, Dict, List

import numpy as np

from .running import OK, Fault, Outcome, Place, output, timed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TINY = {
    'data.limit': '120',
    'data.image_size': '16',
    'space.blocks': '1,1',
    'space.levels': '2',
    'search.epochs': '1',
    'retrain.epochs': '1',
    'retrain.cutout': '4',
    'retrain.t0': '1',
    'train.test_batch': '250',
}
ERROR_TOLERANCE, PROBABILITY_TOLERANCE = 0.5, 1e-3  # points of test error; of a prediction


def run(place: Place) -> Outcome:
    """Search, stop, resume, retrain, test, predict and export, in a folder that is removed afterwards."""
    return timed('run', lambda: _run(place))


def processes(place: Place) -> Outcome:
    """Search by two processes on this machine, both on the first device."""
    return timed('processes', lambda: _processes(place))


class _Shell:
    """Runs scripts one after another within a limit of time for all of them together."""

    def __init__(self, place: Place) -> None:
        self._end = time.monotonic() + place.limit

    def __call__(self, script: str, *words: str) -> str:
        path = os.path.join(ROOT, *script.split('/'))
        try:
            return output([path, *words], max(1.0, self._end - time.monotonic()), NVIDIA_TF32_OVERRIDE='0')
        except Fault as fault:
            raise Fault(f'{script}: {fault}') from None


def _settings(*left_out: str) -> List[str]:
    return [word for key, value in TINY.items() if key not in left_out for word in ('--set', f'{key}={value}')]


def _run(place: Place) -> Dict[str, Any]:
    shell, figures = _Shell(place), {}
    with tempfile.TemporaryDirectory(prefix='dsonas-check-') as folder:
        path, images = os.path.join(folder, 'run'), _images(folder)
        words = ['--preset', 'smoke', '--run', path, *place.one, *_settings()]
        shell('train/search.py', *words, '--stages', 'pretrain')
        shell('train/search.py', *words, '--resume')
        shell('train/retrain.py', '--run', path, *place.one)
        errors = [
            json.loads(shell('train/evaluate.py', path, '--json', '-', *devices))['test_error']
            for devices in (place.one, ('--cpus', '1'))
        ]
        if not abs(errors[0] - errors[1]) <= ERROR_TOLERANCE:
            raise Fault(f'test error {errors[0]:.2f} %, {errors[1]:.2f} % on the CPU')
        here = ('--gpu', place.one[1].split(',')[0]) if place.on_gpu else ()
        rows = [
            json.loads(shell('tools/predict.py', path, *images, '--format', 'json', *words)) for words in (here, ())
        ]
        figures['prediction deviation'] = _apart(*rows)
        shell('tools/export.py', path, '--symbol', os.path.join(folder, 'net'))
        figures['test error %'] = errors[0]
        missing = [name for name in ('onnx', 'onnxruntime') if importlib.util.find_spec(name) is None]
        if 'onnx' in missing:
            return {'status': OK, 'detail': 'without ONNX, which is not installed', 'figures': figures}
        shell('tools/export.py', path, '--onnx', os.path.join(folder, 'net.onnx'))
    return {'status': OK, 'figures': figures}


def _images(folder: str) -> List[str]:
    from PIL import Image

    paths = [os.path.join(folder, f'{number}.png') for number in range(2)]
    for number, path in enumerate(paths):
        pixels = np.random.RandomState(number).randint(0, 256, (20, 20, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


def _apart(found: List[Dict[str, Any]], wanted: List[Dict[str, Any]]) -> float:
    """Return the largest difference of the probabilities of two predictions. Raises Fault where it is too large."""
    numbers = [np.array(_numbers(rows)) for rows in (found, wanted)]
    if not numbers[0].size or numbers[0].shape != numbers[1].shape:
        raise Fault('predictions of other images or classes than on the CPU')
    largest = float(np.abs(numbers[0] - numbers[1]).max())
    if not largest <= PROBABILITY_TOLERANCE:
        raise Fault(f'a prediction differs by {largest:.2g} from the CPU, accepted is {PROBABILITY_TOLERANCE:g}')
    return largest


def _numbers(value: Any) -> List[float]:
    """Every number within lists and mappings, in their order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for entry in value for number in _numbers(entry)]
    return [float(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def _processes(place: Place) -> Dict[str, Any]:
    kvstore = 'dist_device_sync' if place.on_gpu else 'dist_sync'
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix='dsonas-check-') as folder:
        path = os.path.join(folder, 'run')
        search = [sys.executable, os.path.join(ROOT, 'train', 'search.py'), '--preset', 'smoke', '--run', path]
        command = [*search, '--kvstore', kvstore, *place.one, *_settings()]
        _Shell(place)('tools/launch.py', '-n', '2', '-s', '1', '--port', str(port), '--', *command)
        if not os.path.exists(os.path.join(path, 'architecture.json')):
            raise Fault('the search left no architecture.json')
    return {'status': OK, 'figures': {'workers': 2, 'kvstore': kvstore}}
