"""What stage 3 trains: the searched architecture, a random one, the complete one, or a known network; how wide; and its result."""
import dataclasses
import functools
import os
from typing import Any, Optional, Tuple

from ...base.cli import tell
from ...base.errors import UserError
from ...runfiles.directory import RunDirectory
from ...runfiles.network import NetworkDescription, gluoncv_name, write_network
from ...symbols import known
from ...symbols.architecture import Architecture
from ...symbols.budget import fit_widths
from ...symbols.cost import cost
from ...symbols.sampling import random_like
from ..engine import loop
from ..runtime.run import stored_config
from ..searching.latency import fitted
from ..searching.pipeline import opened, plan
from ..searching.stages import derived_network, retrain_stage, search_space


@dataclasses.dataclass(frozen=True)
class Candidate:
    """What is to be trained. kind: 'searched', 'random', 'full' or 'gluoncv:<name>', as in summary.json.

    architecture: a function of the SearchSpace that the configuration asks for, giving an Architecture in it; None for gluoncv.
    """
    kind: str
    architecture: Any = None


def searched(path):
    """The architecture of a file, brought into the network that is asked for."""
    stored = Architecture.load(path)
    return stored, Candidate('searched', lambda space: stored if stored.space == space else stored.with_space(space))


def full():
    return Candidate('full', Architecture.full)


def random(seed, keep=None, like=None):
    """A random architecture: with the share `keep` of edges, or about as many edges as the architecture `like`."""
    def draw(space):
        if keep is not None or like is None:
            return Architecture.random(space, seed=seed, keep=0.4 if keep is None else keep)
        return random_like(space, seed, like)
    return Candidate('random', draw)


def gluoncv(name):
    """A network of gluoncv's model zoo, trained with the same recipe."""
    known.check(name)
    return Candidate('gluoncv:' + name)


def retrain(config, candidate, resume=False, allow_changes=False, add=False):
    """Stage 3 in config.run, which may be the search's directory (`add`). Returns summary.json's content."""
    with opened(config, 'train/retrain.py', cutout=config.retrain.cutout) as o:
        run, config = o.run, o.config
        if add and not resume and any(position.stage == 'retrain' for position in run.checkpoints.positions()):
            raise UserError('run directory %s: it holds a retraining; --resume continues it, --name NAME makes another beside it'
                             % run.directory.path)
        fit = functools.partial(fitted, devices=o.devices, directory=run.directory)
        run.check('resume' if resume else 'add' if add else 'new', allow_changes, () if resume else ('retrain', 'seed'))
        plan(o, 'retrain')
        architecture, net, widths, size = build(config, candidate, o.dataset, fit, o.devices.kernels_kind)
        run.start(candidate.kind)
        if architecture is not None and o.devices.main and not add:
            architecture.save(run.directory.architecture)
        stage = retrain_stage(config, net, o.dataset, o.devices)
        found = run.newest(('retrain',)) if resume else None
        position = (0, 0, None)
        if candidate.kind == 'random' and architecture == Architecture.full(architecture.space):
            run.warn('warning: the random architecture has every edge there is: the search that it stands beside pruned nothing')
        run.say('%s: %s network on %s, %s' % (run.directory.path, candidate.kind, o.dataset.name, describe(size, widths)))
        if found:
            position = run.restore(stage, found)
            run.say('resumed from %s' % found.path)
        else:
            run.log.cut('search', 1 << 30)
        loop.train(stage, run, position)
        return finish(o, stage, candidate, architecture, widths, size)


def build(config, candidate, dataset, fit_budget=fit_widths, kernels_kind=None):
    """(Architecture or None, network, widths or None, dict of its size) for a Candidate. Raises UserError.

    fit_budget: function of (architecture, budget, image size) giving a budget.Fit. kernels_kind: see symbols/backend/kernels.py.
    """
    settings_ = config.retrain
    if candidate.architecture is None:
        net = known.build(gluoncv_name(candidate.kind), len(dataset.classes))
        graph = known.count(net, dataset.image_size)
        if graph.uncounted:
            tell(f'{candidate.kind}: not counted in its FLOPs and MAC: {", ".join(graph.uncounted)}', 'note: ')
        size = {'params': graph.params, 'flops': graph.flops, 'mac': graph.mac, 'budget': {'kind': 'none'}}
        return None, net, None, size
    space = search_space(config, dataset)
    architecture = candidate.architecture(space)
    fit = None
    if settings_.channels:
        channels = settings_.channels[0] if len(settings_.channels) == 1 else settings_.channels
        widths = space.widths(channels)
    elif settings_.budget != 'none':
        fit = fit_budget(architecture, settings_.budget, dataset.image_size)
        widths = fit.widths
    else:
        widths = space.widths()
    counted = cost(architecture, widths, dataset.image_size)
    budget = fit.to_dict() if fit else {'kind': 'none', 'widths': list(widths)}
    size = {'params': int(counted.params), 'flops': int(counted.flops), 'mac': int(counted.mac), 'budget': budget}
    return architecture, derived_network(config, architecture, widths, dataset.image_size, kernels_kind), widths, size


def describe(size, widths):
    text = '%s parameters, %s FLOPs' % (format(size['params'], ','), format(size['flops'], ','))
    if widths:
        text += ', channels %s' % ', '.join(map(str, widths))
    budget = size['budget']
    if budget['kind'] != 'none':
        text += ' (%.2f%% below the budget of %s=%g)' % (100 * budget['distance'], budget['kind'], budget['target'])
    return text


def finish(o, stage, candidate, architecture, widths, size):
    """Test, write network.json, network.params and summary.json; returns the summary."""
    run, config = o.run, o.config
    result = loop.test(stage.learner, run, stage.batch_size, stage.inputs(0.0))
    if o.devices.main:
        write_network(run.directory.path, NetworkDescription(
            kind=candidate.kind, architecture=architecture.to_dict() if architecture else None,
            channels=list(widths) if widths else None, auxiliary=config.retrain.auxiliary > 0, dropout=config.retrain.dropout,
            drop_path=config.retrain.drop_path > 0, classes=list(o.dataset.classes), image_size=o.dataset.image_size,
            dataset=o.dataset.name, mean=[float(value) for value in o.dataset.mean], std=[float(value) for value in o.dataset.std],
        ), stage.learner.net.save_parameters)
    best = run.best.get('retrain', {})
    retrain_seconds = run.log.seconds('retrain')
    summary = run.write_summary(
        run=os.path.basename(run.directory.path), dataset=o.dataset.name, seed=config.seed, kind=candidate.kind,
        space='share' if config.space.share else 'full', test_error=result['error'], top5_error=result['topk_error'],
        test_loss=result['loss'],
        best_test_error=best.get('test_error'), best_epoch=best.get('epoch'), epochs=stage.epochs,
        edges=architecture.num_edges if architecture else None, retrain_seconds=retrain_seconds,
        seconds=run.log.seconds('pretrain', 'search', 'retrain'), **size)
    run.say('test error %.2f%% (last epoch), best %.2f%% (epoch %s); %s' % (
        result['error'], best.get('test_error', result['error']), best.get('epoch', stage.epochs), run.directory.summary))
    return summary


def place(run, kind, name=None):
    """Run directory for a baseline or a further retraining within the run `run`: RUN/retrain-<name>. Raises UserError."""
    if name and os.path.basename(name) != name:
        raise UserError('--name %s: a name, not a path; the run is RUN/retrain-NAME' % name)
    return os.path.join(run, 'retrain-%s' % (name or kind).replace(':', '-'))


def start_of(path) -> Tuple[Optional[dict], RunDirectory]:
    """({dotted name: value} of a run's config.yaml, None if there is no run; its RunDirectory)."""
    directory = RunDirectory(path)
    if not directory.exists():
        return None, directory
    return stored_config(directory.config), directory
