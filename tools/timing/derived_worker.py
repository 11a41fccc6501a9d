"""One measurement of bench_retrain, in a process of its own so that peak memory is its own.

It takes a task as JSON from standard input and prints figures as JSON. A step is forward, backward, and NAG on all weights, as in
stage 3 without auxiliary tower and dropout; with drop path where the task says so.
"""

import importlib.util
import json
import os
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List, Mapping, Tuple

from dsonas.base import machine, plugins
from dsonas.tools.timing.clocks import clocks, medians, peak_memory, since


class Stepper:
    """A derived network with its optimizer, on random images.

    task: a dict with 'architecture' (Architecture.to_dict), 'widths', 'batch_size', 'image_size', 'gpus', 'kernels', 'drop_path'.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        import mxnet as mx

        from dsonas.optim.nag import ExactNAG
        from dsonas.symbols.architecture import Architecture
        from dsonas.symbols.network import Network

        self._mx, self._batch_size, size = mx, task['batch_size'], task['image_size']
        architecture = Architecture.from_dict(task['architecture'])
        context = mx.gpu(0) if task['gpus'] else mx.cpu(0)
        mx.random.seed(0)
        drops = bool(task['drop_path'])
        options = dict(image_size=size, kernels_kind=task['kernels'], drop_path=drops)
        self.net = Network(architecture, task['widths'], **options)
        self.net.initialize(ctx=context)
        self.net.hybridize(static_alloc=True, static_shape=True)
        optimizer = ExactNAG(learning_rate=1e-3, momentum=0.9, wd=3e-4)
        self._trainer = mx.gluon.Trainer(self.net.collect_params(), optimizer, kvstore=None)
        self._loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        self._x = mx.nd.random.normal(shape=(self._batch_size, 3, size, size), ctx=context)
        self._rate = [mx.nd.array([task['drop_path']], ctx=context)] if drops else []
        self._y = mx.nd.array([index % architecture.space.classes for index in range(self._batch_size)], ctx=context)

    def params(self) -> int:
        """Number of trained weights."""
        return sum(param.data().size for param in self.net.collect_params().values() if param.grad_req != 'null')

    def step(self) -> Tuple[float, float]:
        """One step; (seconds, processor seconds) until all is done."""
        mx = self._mx
        mx.nd.waitall()
        start = clocks()
        with mx.autograd.record():
            loss = self._loss(self.net(self._x, *self._rate), self._y)
        loss.backward()
        self._trainer.step(self._batch_size)
        mx.nd.waitall()
        return since(start)


def latency(task: Mapping[str, Any], net: Any) -> Dict[str, Any]:
    """Latency of one image through the network as tools/export.py writes it, in onnxruntime; in MXNet where that or onnx is missing."""
    import mxnet as mx
    import numpy as np

    from dsonas.runfiles.network import NetworkDescription
    from dsonas.symbols.architecture import Architecture
    from dsonas.symbols.network import Network
    from dsonas.tools.exporting import onnx_file

    size, classes = task['image_size'], task['architecture']['space']['classes']
    x = mx.nd.random.normal(shape=(1, 3, size, size))
    rate = [mx.nd.zeros((1,))] if task['drop_path'] else []
    if task['gpus'] or not all(importlib.util.find_spec(name) for name in ('onnx', 'onnxruntime')):
        image = x.as_in_context(mx.gpu(0) if task['gpus'] else mx.cpu(0))
        return timed(
            task, lambda: net(image, *(value.as_in_context(image.context) for value in rate)).wait_to_read(), 'MXNet'
        )
    plain = Network(Architecture.from_dict(task['architecture']), task['widths'], kernels_kind='plain')
    plain.initialize()
    plain.hybridize()
    plain(x).wait_to_read()
    names = [str(number) for number in range(classes)]
    about: Dict[str, Any] = dict(architecture=task['architecture'], channels=task['widths'], classes=names)
    about.update(
        auxiliary=False, dropout=0.0, drop_path=False, image_size=size, dataset='', mean=[0.0] * 3, std=[1.0] * 3
    )
    with tempfile.TemporaryDirectory() as workspace:
        path = os.path.join(workspace, 'network.onnx')
        onnx_file.write(plain, path, NetworkDescription(kind='searched', **about), False, workspace)
        session, image = onnx_file.session(path, task['threads']), x.asnumpy().astype(np.float32)
        return timed(task, lambda: session(image), 'onnxruntime')


def timed(task: Mapping[str, Any], infer: Callable[[], Any], runtime: str) -> Dict[str, Any]:
    """{'latency', …: medians of task['latency'] calls after warm-up, 'runtime'}."""
    times: List[Tuple[float, float]] = []
    for _ in range(3 + task['latency']):
        start = clocks()
        infer()
        times.append(since(start))
    return dict(medians('latency', times[3:]), runtime=runtime)


def measure(task: Mapping[str, Any]) -> Dict[str, Any]:
    """{'step', 'step_fastest', 'step_processor', 'params', 'first', 'rss_gb', 'versions'}: seconds and GB.

    first: from nothing to the end of the first step. With task['latency'] passes, 'latency' of one image too, measured after memory.
    """
    import mxnet  # noqa: F401
    import numpy  # noqa: F401

    start = time.perf_counter()
    stepper = Stepper(task)
    stepper.step()
    first = time.perf_counter() - start
    times = [stepper.step() for _ in range(task['warm_up'] + task['steps'])]
    figures: Dict[str, Any] = dict(medians('step', times[task['warm_up'] :]), params=stepper.params())
    figures.update(first=first, rss_gb=peak_memory(), versions=machine.versions('mxnet', 'numpy'))
    return dict(figures, **(latency(task, stepper.net) if task['latency'] else {}))


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', str(machine.cores()))
    given = json.load(sys.stdin)
    plugins.load(given.get('plugins', ()))
    print(json.dumps(measure(given)))
