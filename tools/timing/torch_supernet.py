"""The completely connected network in PyTorch, as one would write it: a yardstick for bench_step --torch.

It stands alone: a script that needs nothing but PyTorch, takes a task as JSON from standard input and prints its measurement as JSON.
"""

import json
import platform
import sys
import time
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import torch
from torch import nn
from torch.nn import functional
from torch_parts import LAYOUTS, batch_norm, conv_bn_relu, operation, stem


class Block(nn.Module):
    """Eq. 3 and 4, edge by edge. It is called with the block's λ vector, in the order level, operation, source."""

    def __init__(self, operations: Sequence[str], levels: int, channels: int, opens_stage: bool) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.ModuleList(operation(name, channels) for name in operations) for _ in range(levels)
        )
        self.gather = conv_bn_relu(levels * len(operations) * channels, channels, 1)
        self.shortcut = conv_bn_relu(channels, channels, 1) if opens_stage else nn.Identity()

    def forward(self, x: torch.Tensor, lam: torch.Tensor) -> torch.Tensor:
        place, maps = 0, [x]
        lam = lam.unbind()
        for level, operations in enumerate(self.levels):
            fresh = []
            for op in operations:
                if level == 0:
                    fresh.append(op(x))
                    continue
                total = lam[place] * maps[0]
                for offset, source in enumerate(maps[1:], 1):
                    total = total + lam[place + offset] * source
                place += len(maps)
                fresh.append(op(total))
            maps = maps + fresh
        outputs = torch.cat([lam[place + index] * source for index, source in enumerate(maps[1:])], 1)
        return self.gather(outputs) + self.shortcut(x)


class Reduction(nn.Module):
    """Two branches of stride 2, scaled by their λ."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.point, self.square = conv_bn_relu(channels_in, channels, 1, 2), conv_bn_relu(channels_in, channels, 3, 2)

    def forward(self, x: torch.Tensor, lam: torch.Tensor) -> torch.Tensor:
        return lam[0] * self.point(x) + lam[1] * self.square(x)


class Supernet(nn.Module):
    """space: SearchSpace.to_dict()."""

    def __init__(self, space: Mapping[str, Any]) -> None:
        super().__init__()
        channels, count, levels = space['channels'], len(space['operations']), space['levels']
        size = sum(count * (1 + count * level) for level in range(1, levels)) + count * levels
        blocks = list(space['blocks'])
        self.share = space['share']
        self.gates = nn.ParameterList(nn.Parameter(torch.ones(size)) for _ in range(1 if self.share else sum(blocks)))
        self.reduction_gates = nn.ParameterList(nn.Parameter(torch.ones(2)) for _ in blocks[1:])
        self.stem = stem(space['stem'], channels)
        self.blocks, self.reductions = nn.ModuleList(), nn.ModuleList()
        for stage, number in enumerate(blocks):
            if stage:
                self.reductions.append(Reduction(channels, 2 * channels))
                channels *= 2
            self.blocks.append(
                nn.ModuleList(Block(space['operations'], levels, channels, index == 0) for index in range(number))
            )
        self.head = nn.Sequential(batch_norm(channels), nn.ReLU(inplace=True))
        self.dense = nn.Linear(channels, space['classes'])

    def lambdas(self) -> List[torch.Tensor]:
        """All λ."""
        return list(self.gates) + list(self.reduction_gates)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, number = self.stem(x), 0
        for stage, blocks in enumerate(self.blocks):
            if stage:
                x = self.reductions[stage - 1](x, self.reduction_gates[stage - 1])
            for block in blocks:
                x = block(x, self.gates[0 if self.share else number])
                number += 1
        return self.dense(self.head(x).mean((2, 3)))


class ApgNag:
    """Eq. 6-8 with λ kept non-negative."""

    def __init__(
        self, lambdas: Sequence[torch.Tensor], rate: float = 1e-3, momentum: float = 0.9, gamma: float = 1e-3
    ) -> None:
        self.lambdas, self.rate, self.momentum, self.alpha = lambdas, rate, momentum, rate * gamma
        self.v = [torch.zeros_like(lam) for lam in lambdas]

    def step(self) -> None:
        """One update from the gradients."""
        with torch.no_grad():
            for lam, v in zip(self.lambdas, self.v):
                z = functional.softshrink(lam - self.rate * lam.grad.clamp(-2, 2), self.alpha)
                v.mul_(self.momentum).add_(z - lam)
                lam.copy_((z + self.momentum * v).clamp(min=0))


class Stepper:
    """The network with both of its optimizers, on random images. task: as bench_worker.Stepper takes it, with 'channels_last'."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.device = 'cuda' if task['gpus'] else 'cpu'
        layout = LAYOUTS[task.get('channels_last', False)]
        self.net = Supernet(task['space']).to(self.device, memory_format=layout)
        lambdas = self.net.lambdas()
        known = {id(lam) for lam in lambdas}
        weights = [param for param in self.net.parameters() if id(param) not in known and param.requires_grad]
        self.groups = {'w': weights, 'lambda': lambdas}
        self.optimizers = {
            'w': torch.optim.SGD(weights, 1e-3, momentum=0.9, nesterov=True, weight_decay=1e-4),
            'lambda': ApgNag(lambdas),
        }
        size, batch_size = task['image_size'], task['batch_size']
        self._x = torch.randn(batch_size, 3, size, size, device=self.device).to(memory_format=layout)
        self._y = torch.arange(batch_size, device=self.device) % task['space']['classes']

    def step(self, kind: str) -> Tuple[float, float]:
        """One step, 'w' or 'lambda'; (seconds, processor seconds) until all is done."""
        from clocks import clocks, since

        begin = clocks()
        for group, params in self.groups.items():
            for param in params:
                param.requires_grad_(group == kind)
                param.grad = None
        functional.cross_entropy(self.net(self._x), self._y).backward()
        self.optimizers[kind].step()
        if self.device == 'cuda':
            torch.cuda.synchronize()
        seconds: Tuple[float, float] = since(begin)
        return seconds

    def counts(self) -> Dict[str, int]:
        """{'weights': trained weights, 'gates': λ}."""
        gates = sum(map(len, self.groups['lambda']))
        return {'weights': sum(param.numel() for param in self.net.parameters()) - gates, 'gates': gates}


def measure(task: Mapping[str, Any]) -> Dict[str, Any]:
    """The same figures as bench_worker.measure."""
    from clocks import peak_memory, summarise

    torch.set_num_threads(task['threads'])
    torch.manual_seed(0)
    start = time.perf_counter()
    stepper = Stepper(task)
    stepper.step('w')
    first = time.perf_counter() - start
    figures = dict(stepper.counts(), first=first, first_lambda=stepper.step('lambda')[0])
    times: Dict[str, List[Tuple[float, float]]] = {'w': [], 'lambda': []}
    for number in range(task['warm_up'] + task['steps']):
        for kind, values in times.items():
            seconds = stepper.step(kind)
            values.extend([seconds] * (number >= task['warm_up']))
    versions = {'torch': torch.__version__, 'python': platform.python_version()}
    return dict(figures, **summarise(times), rss_gb=peak_memory(), versions=versions)


if __name__ == '__main__':
    print(json.dumps(measure(json.load(sys.stdin))))
