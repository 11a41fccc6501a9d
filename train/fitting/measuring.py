"""Measure what steps, tests and checkpoints take on this machine, on the data and the devices of the run itself."""

import dataclasses
import itertools
import os
import statistics
import tempfile
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import mxnet as mx

from ...base.errors import UserError
from ...data.dataset import DataSet
from ...runfiles.checkpoint import Checkpoint, Checkpoints
from ...runfiles.directory import RunDirectory
from ...symbols import known
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ..config.tree import Config
from ..deriving.stage import derived_network, retrain_stage
from ..engine.bn_statistics import SETTLING
from ..engine.names import Update
from ..engine.plan import Feed, Pattern
from ..engine.stage import Stage
from ..runtime.devices import Devices
from ..runtime.hooks import NONE, Hooks
from ..runtime.state import gather
from ..searching.latency import fitted
from ..searching.stages import SupernetStages
from .choices import Choice, sample
from .planning import Timings

PREFIX = '.measuring-'  # of folders that are thrown away
WARM_UP, PASSES = 2, 5  # turns of steps before those that are measured, and these
SAMPLES = 3  # random networks that are measured
RATE = 1e-6  # of learning, which is not to change what is measured
TESTED = 8  # batches of the test set that are run
SMALL = ('cifar_resnet20_v1', 'cifar_resnet56_v1')
LARGE = ('mobilenetv2_0.25', 'mobilenet0.25', 'mobilenet0.5', 'mobilenet1.0', 'resnet18_v1')
LARGE_FROM = 64  # pixels
DRAWING = 3.0  # exports, pictures and the report, in builds of the supernet


@dataclasses.dataclass(frozen=True)
class Stepped:
    """Seconds of a stage. build: until its first step is done; step; epoch: its checkpoint; test: of the whole test set."""

    build: float
    step: float
    epoch: float
    test: float


class Clock:
    """Measures stages of a configuration on its data. folder: for checkpoints that are thrown away, on the run's disk."""

    def __init__(self, config: Config, dataset: DataSet, devices: Devices, folder: str, hooks: Hooks = NONE) -> None:
        self.config, self.dataset, self.devices, self.folder, self.hooks = config, dataset, devices, folder, hooks

    def supernet(self) -> Tuple[Stepped, float]:
        """Return (the times of a W step and its stage, seconds of a λ step)."""
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=self.folder) as scratch:
            started = time.perf_counter()
            stages = SupernetStages(self.config, self.dataset, self.devices, RunDirectory(scratch), self.hooks)
            stage = stages.search()
            stage.callbacks = []
            made = time.perf_counter() - started
            weights = self._stage(stage, made, scratch, stage.pattern[:1])
            _, turn = self._steps(stage, stage.pattern)
            count = [update for _, update in stage.pattern].count(Update.WEIGHTS)
            gates = (turn - count * weights.step) / max(len(stage.pattern) - count, 1)
        return weights, gates

    def network(self) -> Tuple[Stepped, float, float]:
        """Return (times of a network of the budget, seconds that finding its widths took, its FLOPs): means over random architectures.

        Networks of one budget differ in how well their widths suit the processor.
        """
        found = [self._of_budget(seed) for seed in range(SAMPLES)]
        times = [dataclasses.astuple(stepped) for stepped, _, _ in found]
        means = [statistics.fmean(values) for values in zip(*times)]
        return (
            Stepped(*means),
            statistics.fmean(fit for _, fit, _ in found),
            statistics.fmean(flops for *_, flops in found),
        )

    def _of_budget(self, seed: int) -> Tuple[Stepped, float, float]:
        config, size = self.config, self.dataset.image_size
        space = dataclasses.replace(config.space, classes=len(self.dataset.classes))
        architecture = sample(space, config.search.target, seed)
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=self.folder) as scratch:
            started = time.perf_counter()
            widths = architecture.space.widths(config.retrain.channels or None)
            if config.retrain.budget != 'none' and not config.retrain.channels:
                multiple = config.retrain.width_multiple or None
                directory = RunDirectory(scratch)
                widths = fitted(architecture, config.retrain.budget, size, self.devices, directory, multiple).widths
            fit = time.perf_counter() - started
            net = derived_network(config, architecture, widths, size, self.devices.kernels_kind)
            return self._network(net, scratch), fit, float(cost(architecture, widths, size).flops)

    def known(self, name: str) -> Stepped:
        """Return the times of a network of gluoncv's model zoo."""
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=self.folder) as scratch:
            return self._network(known.build(name, len(self.dataset.classes)), scratch)

    def _network(self, net: Any, scratch: str) -> Stepped:
        started = time.perf_counter()
        stage = retrain_stage(self.config, net, self.dataset, self.devices, self.hooks)
        stage.callbacks = []
        return self._stage(stage, time.perf_counter() - started, scratch, stage.pattern)

    def _stage(self, stage: Stage, made: float, scratch: str, pattern: Pattern) -> Stepped:
        first, step = self._steps(stage, pattern)
        return Stepped(made + first - step, step, self._checkpoint(stage, scratch), self._test(stage))

    def _steps(self, stage: Stage, pattern: Pattern) -> Tuple[float, float]:
        """Return (seconds of the first turn of steps, the median of later ones), each with its batches.

        Steps in turn, since each step that updates others than the one before has graphs and gradients changed.
        """
        devices, count = self.devices, stage.batch_size
        share = devices.share(count)
        parts = dict.fromkeys(part for part, _ in pattern)
        feeds = {part: Feed(self.dataset, part, share, devices.shard, 0, 0) for part in parts}
        inputs = stage.inputs(0.0)

        def turn() -> None:
            for part, update in pattern:
                x, y = feeds[part].next()
                rates = {group: RATE for group in update.groups}
                stage.learner.step(update, x, y, count, inputs, rates)
            mx.nd.waitall()

        try:
            first = timed(turn)
            for _ in range(WARM_UP - 1):
                turn()
            return first, statistics.median(timed(turn) for _ in range(PASSES))
        finally:
            for feed in feeds.values():
                feed.close()

    def _checkpoint(self, stage: Stage, scratch: str) -> float:
        checkpoints = Checkpoints(os.path.join(scratch, 'checkpoints'), 1)

        def save(epoch: int) -> None:
            arrays, counts = gather(stage.learner)
            meta: Dict[str, Any] = {'seed': 0, 'batch_size': stage.batch_size, 'epochs': 1, 'counts': counts}
            checkpoints.save(Checkpoint(stage.name, epoch, 0, arrays, **meta))

        return statistics.median(timed(lambda number=number: save(number)) for number in range(1, 4))  # type: ignore[misc]

    def _test(self, stage: Stage) -> float:
        """Return the seconds of a test on the whole test set, the first of its kind, from some batches of it."""
        size = self.config.train.test_batch or self.devices.share(stage.batch_size) // len(self.devices.contexts)

        def test(count: int) -> None:
            batches = self.dataset.batches('test', size, train=False)
            try:
                stage.learner.evaluate(itertools.islice(iter(batches), count), size, inputs=stage.inputs(0.0))
            finally:
                batches.close()

        total = self.dataset.num_batches('test', size, train=False)
        build = timed(lambda: test(1))
        few = min(total, TESTED)
        return (
            build / 5 + timed(lambda: test(few)) * total / few
        )  # the graph is built for the first of about five tests


def timed(function: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def timings(
    supernet: Tuple[Stepped, float],
    network: Stepped,
    fit: float,
    zoo: Optional[Stepped],
    evaluated: int,
) -> Timings:
    """Put measurements together. evaluated: how many networks are there at the end. Opening, exporting and drawing follow from builds."""
    weights, gates = supernet
    derived = network
    finish = 6 * derived.build + (1 + evaluated) * derived.test + DRAWING * weights.build
    return Timings(
        weights.step,
        gates,
        derived.step,
        zoo.step if zoo else 0.0,
        weights.epoch,
        derived.epoch,
        weights.build,
        derived.build,
        zoo.build if zoo else 0.0,
        weights.test,
        derived.test,
        zoo.test if zoo else 0.0,
        SETTLING * gates,
        fit,
        finish,
    )


def seconds(times: Timings) -> float:
    """Return about what it takes to measure a supernet and its networks."""
    turns = WARM_UP + PASSES
    supernet = times.supernet_build + turns * (2 * times.weights + times.gates) + times.supernet_test
    network = times.network_build + turns * times.network + times.network_test
    return supernet + SAMPLES * network + times.known_build + turns * times.known + times.known_test


def scaled(times: Timings, one: Choice, other: Choice) -> Timings:
    """Predict the timings of another supernet and its network from those of one, by the memory that their operations touch."""
    ratio = _mac(other) / _mac(one)
    kept = ('known', 'known_build', 'known_test', 'network_build')
    builds = other.space.num_blocks / one.space.num_blocks
    values = {
        field.name: getattr(times, field.name)
        * (1.0 if field.name in kept else builds if field.name == 'supernet_build' else ratio)
        for field in dataclasses.fields(times)
    }
    return Timings(**values)


def _mac(choice: Choice) -> float:
    return float(cost(Architecture.full(choice.space), image_size=choice.image_size).mac)


def zoo_network(classes: int, size: int, flops: float) -> Optional[str]:
    """Return the network of gluoncv nearest in FLOPs; None where gluoncv cannot be used."""
    distances: List[Tuple[float, str]] = []
    try:
        for name in LARGE if size >= LARGE_FROM else SMALL:
            counted = known.count(known.build(name, classes), size)
            distances.append((max(counted.flops / flops, flops / counted.flops), name))
    except (ImportError, UserError):
        return None
    return min(distances)[1]
