"""A derived network in PyTorch, as one would write it: a yardstick for bench_retrain --torch.

It stands alone: a script that needs nothing but PyTorch, takes a task as JSON from standard input and prints its measurement as JSON. A
task with 'arrays' and 'logits', paths of .npz files, computes instead what the network of these parameters gives for the images 'x'
among them.
"""

import json
import platform
import sys
import time
from typing import Any, Dict, List, Mapping, Tuple

import torch
from torch import nn
from torch.nn import functional
from torch_parts import LAYOUTS, batch_norm, conv_bn_relu, fill, named, operation, stem


class Block(nn.Module):
    """A block of surviving edges. plan: as plans.network_plan gives it for a block."""

    def __init__(self, plan: Mapping[str, Any], channels: int) -> None:
        super().__init__()
        prefix = plan['name'] + '_'
        self.operations = nn.ModuleList(
            operation(node['operation'], channels, f'{prefix}{node["name"]}_', True) for node in plan['nodes']
        )
        self.sources = [node['sources'] for node in plan['nodes']]
        self.outputs = plan['outputs']
        self.gather = named(nn.Conv2d(len(self.outputs) * channels, channels, 1, bias=False), prefix + 'out_')
        self.output_bn = nn.Sequential(batch_norm(channels, prefix + 'out_bn_', True), nn.ReLU(inplace=True))
        shortcut = plan['opens_stage']
        self.shortcut = (
            conv_bn_relu(channels, channels, 1, 1, prefix + 'shortcut_', True) if shortcut else nn.Identity()
        )
        self.rate = 0.0  # of drop path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x]
        for layer, sources in zip(self.operations, self.sources):
            total = self._along_edge(maps, sources[0])
            for source in sources[1:]:
                total = total + self._along_edge(maps, source)
            maps.append(layer(total))
        outputs = [self._along_edge(maps, place) for place in self.outputs]
        gathered = self.gather(torch.cat(outputs, 1) if len(outputs) > 1 else outputs[0])
        return self.output_bn(gathered) + self.shortcut(x)

    def _along_edge(self, maps: List[torch.Tensor], source: int) -> torch.Tensor:
        x = maps[source]
        if not self.rate or not source or not self.training:
            return x
        keep = 1 - self.rate
        return x * x.new_empty(len(x), 1, 1, 1).bernoulli_(keep).div_(max(keep, 1e-6))


class Reduction(nn.Module):
    """The surviving branches of stride 2, added."""

    def __init__(self, plan: Mapping[str, Any], channels_in: int, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            conv_bn_relu(channels_in, channels, kernel, 2, f'{plan["name"]}_{name}_', True)
            for name, kernel in plan['branches']
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [branch(x) for branch in self.branches]
        return maps[0] if len(maps) == 1 else maps[0] + maps[1]


class Network(nn.Module):
    """plan: plans.network_plan. drop_path: the rate of the last block."""

    def __init__(self, plan: Mapping[str, Any], drop_path: float = 0.0) -> None:
        super().__init__()
        widths = plan['widths']
        self.stem = stem(plan['stem'], widths[0], True)
        self.parts = nn.ModuleList()
        for part in plan['parts']:
            stage = part['stage']
            if 'branches' in part:
                self.parts.append(Reduction(part, widths[stage - 1], widths[stage]))
            else:
                self.parts.append(Block(part, widths[stage]))
                self.parts[-1].rate = drop_path * part['depth']
        self.head = nn.Sequential(batch_norm(widths[-1], 'head_bn_', True), nn.ReLU(inplace=True))
        self.dense = named(nn.Linear(widths[-1], plan['classes']), 'head_dense_')

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for part in self.parts:
            x = part(x)
        return self.dense(self.head(x).mean((2, 3)))


class Stepper:
    """The network with SGD, on random images. task: as derived_worker.Stepper takes it, with 'channels_last'."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.device = 'cuda' if task['gpus'] else 'cpu'
        layout, size, batch_size = LAYOUTS[task['channels_last']], task['image_size'], task['batch_size']
        self.net = Network(task['plan'], task['drop_path']).to(self.device, memory_format=layout)
        decayed = [param for param in self.net.parameters() if param.ndim > 1]
        others = [param for param in self.net.parameters() if param.ndim == 1]
        groups = [{'params': decayed, 'weight_decay': 3e-4}, {'params': others, 'weight_decay': 0.0}]
        self.optimizer = torch.optim.SGD(groups, 1e-3, momentum=0.9, nesterov=True)
        self._x = torch.randn(batch_size, 3, size, size, device=self.device).to(memory_format=layout)
        self._y = torch.arange(batch_size, device=self.device) % task['plan']['classes']

    def step(self) -> Tuple[float, float]:
        """One step; (seconds, processor seconds) until all is done."""
        from clocks import clocks, since

        begin = clocks()
        self.optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(self.net(self._x), self._y).backward()
        self.optimizer.step()
        if self.device == 'cuda':
            torch.cuda.synchronize()
        seconds: Tuple[float, float] = since(begin)
        return seconds

    def infer(self) -> Tuple[float, float]:
        """One image through the network in inference mode; (seconds, processor seconds)."""
        from clocks import clocks, since

        self.net.eval()
        begin = clocks()
        with torch.inference_mode():
            self.net(self._x[:1])
        if self.device == 'cuda':
            torch.cuda.synchronize()
        seconds: Tuple[float, float] = since(begin)
        return seconds


def measure(task: Mapping[str, Any]) -> Dict[str, Any]:
    """The same figures as derived_worker.measure."""
    from clocks import medians, peak_memory

    torch.set_num_threads(task['threads'])
    torch.manual_seed(0)
    start = time.perf_counter()
    stepper = Stepper(task)
    stepper.step()
    first = time.perf_counter() - start
    times: List[Tuple[float, float]] = [stepper.step() for _ in range(task['warm_up'] + task['steps'])]
    params = sum(param.numel() for param in stepper.net.parameters())
    figures = dict(medians('step', times[task['warm_up'] :]), params=params, first=first, rss_gb=peak_memory())
    if task['latency']:
        passes = [stepper.infer() for _ in range(3 + task['latency'])][3:]
        figures.update(medians('latency', passes))
    versions = {'torch': torch.__version__, 'python': platform.python_version()}
    return dict(figures, versions=versions)


def compute(task: Mapping[str, Any]) -> Dict[str, Any]:
    """Write the logits of task['arrays'] (parameters by name, and the images x) to task['logits']."""
    import numpy as np

    with np.load(task['arrays']) as file:
        arrays = {name: file[name] for name in file.files}
    x = torch.from_numpy(arrays.pop('x')).to(memory_format=LAYOUTS[task['channels_last']])
    net = Network(task['plan']).to(memory_format=LAYOUTS[task['channels_last']])
    fill(net, arrays)
    result = {}
    with torch.no_grad():
        result['inference'] = net.eval()(x).numpy()
        result['training'] = net.train()(x).numpy()
    np.savez(task['logits'], **result)
    return {}


if __name__ == '__main__':
    given = json.load(sys.stdin)
    print(json.dumps(compute(given) if 'logits' in given else measure(given)))
