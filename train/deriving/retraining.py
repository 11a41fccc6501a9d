"""Stage 3 from a candidate to a tested network: searched, random, complete, or a known one."""

import dataclasses
import functools
import os
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from ...base.cli import tell
from ...base.errors import UserError
from ...data.dataset import DataSet
from ...runfiles import checksums, stored
from ...runfiles.directory import RunDirectory
from ...runfiles.environment import read_environment
from ...runfiles.network import NetworkDescription, gluoncv_name, kind_of, write_network
from ...runfiles.summary import read_summary
from ...symbols import known
from ...symbols.architecture import Architecture
from ...symbols.budget import Fit, fit_widths
from ...symbols.consensus import kind_of_file
from ...symbols.cost import cost
from ...symbols.kinds import NetworkKind
from ...symbols.memory import network_bytes
from ...symbols.sampling import random_like
from ...symbols.space import SearchSpace
from ..config.tree import Config
from ..engine import checks, loop, patience
from ..engine.course import Course
from ..engine.names import StageName
from ..engine.plan import Position
from ..engine.stage import Stage, search_space
from ..engine.standard import test
from ..runtime import starting
from ..runtime.hooks import NONE, Hooks
from ..runtime.opening import Opened, opened
from ..runtime.run import stored_config
from ..searching.latency import fitted, summarised
from .sizes import describe, describe_multiples
from .stage import derived_network, retrain_stage


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network to be trained. kind: 'searched', 'consensus', 'random', 'full' or 'gluoncv:<name>', as in summary.json.

    architecture: a function of the SearchSpace that the configuration asks for, giving an Architecture in it; None for gluoncv.
    """

    kind: str
    architecture: Optional[Callable[[SearchSpace], Architecture]] = None


def searched(path: str) -> Tuple[Architecture, Candidate]:
    """Read the architecture of a file, and bring it into the network that is asked for."""
    stored = Architecture.load(path)
    kind = kind_of_file(path)
    return stored, Candidate(kind, lambda space: stored if stored.space == space else stored.with_space(space))


def begun(directory: RunDirectory) -> Tuple[Optional[Architecture], Candidate]:
    """Return (Architecture, None for gluoncv; Candidate) of the network that a run has begun to train, of the kind that it has there.

    Raises UserError where the run has no network yet.
    """
    summary = read_summary(directory.summary)
    environment = read_environment(directory.environment) if os.path.exists(directory.environment) else {}
    kind = kind_of(summary, environment)
    zoo_name = gluoncv_name(kind)
    if zoo_name is not None:
        return None, gluoncv(zoo_name)
    if not os.path.exists(directory.architecture):
        raise UserError(f'--run {directory.path}: no architecture.json there (train/search.py leaves it)')
    stored, candidate = searched(directory.architecture)
    return stored, dataclasses.replace(candidate, kind=kind)


def full() -> Candidate:
    """Take the completely connected network."""
    return Candidate('full', Architecture.full)


def random(seed: int, keep: Optional[float] = None, like: Optional[Architecture] = None) -> Candidate:
    """Draw a random architecture: with the share `keep` of edges, or about as many edges as the architecture `like`."""

    def draw(space: SearchSpace) -> Architecture:
        if keep is not None or like is None:
            return Architecture.random(space, seed=seed, keep=0.4 if keep is None else keep)
        return random_like(space, seed, like)

    return Candidate('random', draw)


def gluoncv(name: str) -> Candidate:
    """Take a network of gluoncv's model zoo, trained with the same recipe."""
    known.check(name)
    return Candidate(str(NetworkKind.of_zoo(name)))


def retrain(
    config: Config,
    candidate: Candidate,
    resume: bool = False,
    allow_changes: bool = False,
    add: bool = False,
    hooks: Hooks = NONE,
) -> Dict[str, Any]:
    """Train a Candidate in config.run, which may be the search's directory (`add`). Returns summary.json's content."""
    cutout, stages = config.retrain.cutout, [StageName.RETRAIN]
    with opened(config, 'train/retrain.py', cutout, stages, resume, hooks) as run_parts:
        run, config = run_parts.run, run_parts.config
        if add and not resume and any(position.stage == StageName.RETRAIN for position in run.checkpoints.positions()):
            raise UserError(
                f'run directory {run.directory.path}: it holds a retraining; --resume continues it, --name NAME makes another beside it'
            )
        fit = functools.partial(fitted, devices=run_parts.devices, directory=run.directory)
        run.check('resume' if resume else 'add' if add else 'new', allow_changes, () if resume else ('retrain', 'seed'))
        measured = candidate.architecture is not None and config.retrain.budget.startswith('latency')
        with run.progress.phase('measuring latency' if measured else 'building the network'):
            architecture, net, widths, size = build(
                config, candidate, run_parts.dataset, fit, run_parts.devices.kernels_kind
            )
        if architecture is not None:
            _check_memory(run_parts, architecture, net.maps)
        run.start(candidate.kind)
        with run.progress.phase('preparing the retraining'):
            stage = retrain_stage(config, net, run_parts.dataset, run_parts.devices, hooks)
        newest = run.newest((StageName.RETRAIN,)) if resume else None
        init, position = config.retrain.init if newest is None else '', Position()
        taken = starting.network_from(run, net, init, architecture, widths, candidate.kind) if init else None
        if candidate.kind == 'random' and architecture and architecture == Architecture.full(architecture.space):
            run.warn(
                'warning: the random architecture has every edge there is: the search that it stands beside pruned nothing'
            )
        run.say(f'{run.directory.path}: {candidate.kind} network on {run_parts.dataset.name}, {describe(size, widths)}')
        for line in describe_multiples(size['budget']):
            run.say(line)
        if newest:
            position = run.restore(stage, newest)
            run.say(f'resumed from {newest.path}')
        else:
            run.log.cut('search', 1 << 30)
        run.begin()
        if architecture is not None and run_parts.devices.main and not add:
            checksums.write_json(run.directory.architecture, architecture.to_dict())
        starting.record(run, taken, 'init')
        course = loop.train(stage, run, position)
        return finish(run_parts, stage, course, candidate, architecture, widths, size)


def _check_memory(run_parts: Opened, architecture: Architecture, maps: Sequence[int]) -> None:
    size = run_parts.dataset.image_size
    compiled = run_parts.devices.compiled

    def estimate(images: int, copies: int) -> float:
        return network_bytes(architecture, maps, images, size, copies, compiled)

    checks.memory(run_parts.config, StageName.RETRAIN, size, run_parts.devices, estimate, run_parts.run.warn)


def build(
    config: Config,
    candidate: Candidate,
    dataset: DataSet,
    fit_budget: Callable[..., Fit] = fit_widths,
    kernels_kind: Optional[str] = None,
) -> Tuple[Optional[Architecture], Any, Optional[Sequence[int]], Dict[str, Any]]:
    """Build (Architecture or None, network, widths or None, dict of its size) for a Candidate. Raises UserError.

    fit_budget: function of (architecture, budget, image size, multiple=) giving a budget.Fit. kernels_kind: see symbols/backend/kernels.py.
    """
    settings = config.retrain
    if candidate.architecture is None:
        net = known.build(gluoncv_name(candidate.kind) or '', len(dataset.classes))
        graph = known.count(net, dataset.image_size)
        if graph.uncounted:
            tell(f'{candidate.kind}: not counted in its FLOPs and MAC: {", ".join(graph.uncounted)}', 'note: ')
        counts = {'params': graph.params, 'flops': graph.flops, 'mac': graph.mac, 'budget': {'kind': 'none'}}
        return None, net, None, counts
    space = search_space(config, dataset)
    architecture = candidate.architecture(space)
    fit = None
    if settings.channels:
        widths = space.widths(settings.channels[0] if len(settings.channels) == 1 else settings.channels)
    elif settings.budget != 'none':
        multiple = settings.width_multiple or None
        fit = fit_budget(architecture, settings.budget, dataset.image_size, multiple=multiple)
        widths = fit.widths
    else:
        widths = space.widths()
    counted = cost(architecture, widths, dataset.image_size)
    budget = fit.to_dict() if fit else {'kind': 'none', 'widths': list(widths)}
    size = {'params': int(counted.params), 'flops': int(counted.flops), 'mac': int(counted.mac), 'budget': budget}
    return architecture, derived_network(config, architecture, widths, dataset.image_size, kernels_kind), widths, size


def finish(
    run_parts: Opened,
    stage: Stage,
    course: Course,
    candidate: Candidate,
    architecture: Optional[Architecture],
    widths: Optional[Sequence[int]],
    size: Dict[str, Any],
) -> Dict[str, Any]:
    """Test a network at the end of its course, write network.json, network.params and summary.json; returns the summary."""
    run, config = run_parts.run, run_parts.config
    kept_epoch = patience.finish(course)
    title = f'testing the network of epoch {kept_epoch}'
    result = test(stage.learner, run, stage.batch_size, stage.inputs(0.0), title=title)
    if run_parts.devices.main:
        description = NetworkDescription(
            kind=candidate.kind,
            architecture=architecture.to_dict() if architecture else None,
            channels=list(widths) if widths else None,
            auxiliary=config.retrain.auxiliary > 0,
            dropout=config.retrain.dropout,
            drop_path=config.retrain.drop_path > 0,
            classes=list(run_parts.dataset.classes),
            image_size=run_parts.dataset.image_size,
            dataset=run_parts.dataset.name,
            mean=[float(value) for value in run_parts.dataset.mean],
            std=[float(value) for value in run_parts.dataset.std],
        )
        write_network(run.directory.path, description, functools.partial(stored.save, stage.learner.net))
    best, epochs = run.best.get('retrain', {}), course.epoch
    retrain_seconds = run.log.seconds('retrain')
    summary = run.write_summary(
        run=os.path.basename(run.directory.path),
        dataset=run_parts.dataset.name,
        seed=config.seed,
        kind=candidate.kind,
        space='share' if config.space.share else 'full',
        test_error=result.error,
        top5_error=result.topk_error,
        test_loss=result.loss,
        best_test_error=best.get('test_error'),
        best_epoch=best.get('epoch'),
        epochs=epochs,
        kept_epoch=kept_epoch,
        ended=course.ended,
        edges=architecture.num_edges if architecture else None,
        retrain_seconds=retrain_seconds,
        seconds=run.log.seconds('pretrain', 'search', 'retrain'),
        **size,
        **summarised(size['budget'], run_parts.devices),
    )
    run.say(
        'test error {:.2f}% ({}), best {:.2f}% (epoch {}); {}'.format(
            result.error,
            f'epoch {kept_epoch}, by held-out images' if config.retrain.patience else 'last epoch',
            best.get('test_error', result.error),
            best.get('epoch', epochs),
            run.directory.summary,
        )
    )
    return summary


def place(run: str, kind: str, name: Optional[str] = None) -> str:
    """Return the run directory for a baseline or a further retraining within the run `run`: RUN/retrain-<name>. Raises UserError."""
    if name and os.path.basename(name) != name:
        raise UserError(f'--name {name}: a name, not a path; the run is RUN/retrain-NAME')
    return os.path.join(run, 'retrain-{}'.format((name or kind).replace(':', '-')))


def start_of(path: str) -> Tuple[Optional[Dict[str, Any]], RunDirectory]:
    """Return ({dotted name: value} of a run's config.yaml, None if there is no run; its RunDirectory)."""
    directory = RunDirectory(path)
    if not directory.exists():
        return None, directory
    return stored_config(directory.config), directory
