"""One measurement of bench_step or bench_shrink, in a process of its own so that peak memory is its own.

It takes a task as JSON from standard input and prints figures as JSON.

A W step is forward, backward without gradients of λ, and NAG on W; a λ step is forward, backward without gradients of W, and APG-NAG
on λ. They alternate, as in the search with a ratio of 1:1, so the price of going from one to the other is within.
"""

import json
import os
import sys
import time
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from dsonas.base import cli, machine, plugins
from dsonas.tools.timing.clocks import clocks, peak_memory, resident_memory, since, summarise


class Stepper:
    """A supernet with both of its optimizers, on random images.

    task: a dict with 'space' (SearchSpace.to_dict), 'architecture' (Architecture.to_dict, or None), 'implementation' ('fused' or
    'naive'), 'batch_size', 'image_size', 'cpus', 'gpus', 'kernels'.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        import mxnet as mx

        from dsonas.optim.apg_nag import APGNAG
        from dsonas.optim.nag import ExactNAG
        from dsonas.symbols.architecture import Architecture
        from dsonas.symbols.space import SearchSpace
        from dsonas.symbols.supernet import Supernet
        from dsonas.tools.timing.naive_supernet import NaiveSupernet

        self._mx = mx
        space = SearchSpace.from_dict(task['space'])
        architecture = Architecture.from_dict(task['architecture']) if task.get('architecture') else None
        self.contexts = [mx.gpu(number) for number in range(task.get('gpus') or 0)] or [
            mx.cpu(number) for number in range(task['cpus'])
        ]
        mx.random.seed(0)
        net = Supernet(space, architecture, kernels_kind=task.get('kernels'))
        net.initialize(ctx=self.contexts)
        if architecture is not None:  # λ of what is not there are zero
            for gate, mask in zip(net.gates, architecture.masks()):
                gate.set_data(mx.nd.array(mask))
        self.groups = {'w': list(net.weights().values()), 'lambda': net.gates}
        self.groups['w'] = [param for param in self.groups['w'] if param.grad_req != 'null']
        self.net = net if task['implementation'] == 'fused' else NaiveSupernet(net)
        self.net.hybridize(static_alloc=True, static_shape=True)
        optimizers = {
            'w': ExactNAG(learning_rate=1e-3, momentum=0.9, wd=1e-4, clip_gradient=2.0),
            'lambda': APGNAG(learning_rate=1e-3, momentum=0.9, gamma=1e-3, clip_gradient=2.0, nonnegative=True),
        }
        self.trainers = {
            kind: mx.gluon.Trainer(params, optimizers[kind], kvstore='device', update_on_kvstore=False)
            for kind, params in self.groups.items()
        }
        self._loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        self.batch_size = task['batch_size']
        shape = (self.batch_size // len(self.contexts), 3, task['image_size'], task['image_size'])
        self._data = [
            (
                mx.nd.random.normal(shape=shape, ctx=context),
                mx.nd.array([index % space.classes for index in range(shape[0])], ctx=context),
            )
            for context in self.contexts
        ]

    def counts(self) -> Dict[str, int]:
        """{'weights': trained weights, 'gates': λ}."""
        sizes = {
            kind: sum(param.data(self.contexts[0]).size for param in params) for kind, params in self.groups.items()
        }
        # batch norm's γ, fixed to 1, is a weight of the network all the same
        fixed = [param for name, param in self.net.collect_params().items() if name.endswith('gamma')]
        return {
            'weights': sizes['w'] + sum(param.data(self.contexts[0]).size for param in fixed),
            'gates': sizes['lambda'],
        }

    def step(self, kind: str) -> Tuple[float, float]:
        """One step, 'w' or 'lambda'; (seconds, processor seconds) until all is done."""
        mx = self._mx
        mx.nd.waitall()
        start = clocks()
        for group, params in self.groups.items():
            wanted = 'write' if group == kind else 'null'
            for param in params:
                if param.grad_req != wanted:
                    param.grad_req = wanted
        with mx.autograd.record():
            losses = [self._loss(self.net(x), y) for x, y in self._data]
        mx.autograd.backward(losses)
        self.trainers[kind].step(self.batch_size)
        mx.nd.waitall()
        return since(start)


def measure(task: Mapping[str, Any]) -> Dict[str, Any]:
    """Times, memory and sizes of task['implementation']: a dict. first: from nothing to the end of the
    first W step; growth: of resident memory over the steps that were timed, as a share."""
    start = time.perf_counter()
    import mxnet  # noqa: F401
    import numpy  # noqa: F401

    imported = time.perf_counter() - start
    start = time.perf_counter()
    stepper = Stepper(task)
    build = time.perf_counter() - start
    stepper.step('w')
    first = time.perf_counter() - start
    figures: Dict[str, Any] = dict(
        stepper.counts(), first=first, build=build, imports=imported, first_lambda=stepper.step('lambda')[0]
    )
    for _ in range(task.get('warm_up', 0)):
        stepper.step('w'), stepper.step('lambda')
    times: Dict[str, List[Tuple[float, float]]] = {'w': [], 'lambda': []}
    before = resident_memory()
    for _ in range(task['steps']):
        for kind, values in times.items():
            values.append(stepper.step(kind))
    figures.update(summarise(times), rss_gb=peak_memory(), growth=resident_memory() / before - 1)
    figures['versions'] = machine.versions('mxnet', 'numpy')
    if task.get('profile'):
        from dsonas.tools.timing.operators import profile

        figures['profile'] = profile(stepper)
    return figures


def main(argv: Sequence[str]) -> int:
    """Print the measurement of the task on standard input as one line of JSON."""
    os.environ.setdefault('OMP_NUM_THREADS', str(machine.cores()))
    task = json.load(sys.stdin)
    plugins.load(task.get('plugins', ()))
    print(json.dumps(measure(task)))
    return 0


if __name__ == '__main__':
    cli.main(main)
