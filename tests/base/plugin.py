"""A plugin as a user writes one: an operation, a penalty, a data set and a callback, registered when the file is imported."""

import numpy as np

from dsonas.data import augment, registry
from dsonas.data.dataset import DataSet, Images
from dsonas.optim import sparsity
from dsonas.symbols.operations import AveragePool, Depthwise, Operation, Pointwise, register
from dsonas.train.engine.callbacks import CALLBACKS, BaseCallback

register(Operation('cross_3x3', 'separable', (AveragePool(3), Depthwise(3), Pointwise())))


@sparsity.POLICIES.register('counted')
class Counted(sparsity.Policy):
    """γ grows with the parameters of what an edge enters."""

    quantity = 'params'

    def scales(self, structure, lam):
        return 1 + structure.edge_cost / max(structure.cost.max(), 1)


@registry.register('stripes')
def open_data(options):
    """Stripes that lie or stand, in noise."""
    generator = np.random.RandomState(7)
    labels = np.arange(160) % 2
    stripes = (np.arange(16) % 4 < 2) * 120
    images = generator.randint(0, 120, (160, 3, 16, 16)) + np.where(
        labels[:, None, None, None], stripes[:, None], stripes
    )
    halves = [augment.resized(half.astype(np.uint8), options.image_size) for half in (images[:120], images[120:])]
    mean, std = augment.statistics(halves[0])
    train, test = (
        Images(half, part, augment.Transform(mean, std)) for half, part in zip(halves, (labels[:120], labels[120:]))
    )
    return DataSet('stripes', ('lying', 'standing'), train, test, mean, std, options)


@CALLBACKS.register('largest_gate')
class LargestGate(BaseCallback):
    """Writes the largest λ into the log, and ends the search after its second epoch."""

    columns = ('largest_gate', 'gate_steps')

    def __init__(self, config):
        self.gate_steps = 0

    def step_ends(self, course):
        self.gate_steps += course.update == 'gates'

    def epoch_ends(self, course):
        gates = course.stage.learner.gates
        if gates:
            course.row['largest_gate'] = max(float(gate.data().asnumpy().max()) for gate in gates)
        course.row['gate_steps'] = self.gate_steps
        if course.stage.name == 'search' and course.epoch == 2:
            course.stop('two epochs are enough')

    def state(self):
        return {'gate_steps': self.gate_steps}

    def restore(self, state):
        self.gate_steps = state['gate_steps']
