"""What search does besides steps: γ of every λ before a λ step, pruning for good after every few epochs, and the report of an epoch.

Zeros revive under batch noise, so what is zero at such an epoch's end is removed: APG-NAG keeps it at zero, and the supernet is
rebuilt without it once enough work would be saved, since a new graph costs seconds. A block that has lost everything is rebuilt at once,
because it is then the identity (eq. 4), which R of nothing is not.

One branch of a reduction block always stays, since nothing passes without it: where a step would bring the λ of all of them to zero,
APG-NAG keeps the largest (`keep_last`); once the others are pruned for good, the last one has no penalty.
"""
import numpy as np

from ...optim import sparsity
from ...symbols.architecture import Architecture
from ...symbols.cost import Part, cost
from ...symbols.space import REDUCTION_BRANCHES

REBUILD_AT = 0.9     # rebuild once the FLOPs left have fallen to this share of what the present graph computes
MOVED = 1e-3         # a λ that has moved less than this has not moved
STILL_AFTER = 3      # epochs after which λ that have not moved are worth a word


class NoHooks:
    """What a stage without λ does around its steps and epochs: nothing."""

    def before(self, update):
        """Before a step."""

    def end_of_epoch(self, epoch):
        """After `epoch` epochs (from 1). Returns columns of the log."""
        return {}

    def say(self, run):
        """What people should know after the epoch."""

    def live(self):
        """Text for the progress bar."""
        return ''

    def state(self):
        """For the checkpoint: JSON-able."""
        return {}

    def restore(self, state):
        """The inverse of `state`, before the checkpoint's arrays are put back."""

    def restored(self):
        """After the checkpoint's arrays were put back."""


class Pruning(NoHooks):
    """The hooks of the search stage.

    rebuild: callable that puts an Architecture physically in place of the learner's supernet.
    policy: of optim.sparsity; history: a gates.GateHistory, or None where this worker does not write.
    """

    def __init__(self, space, learner, search, policy, image_size, rebuild, history=None):
        self.space, self.learner, self.search, self.policy = space, learner, search, policy
        self.image_size, self.rebuild, self.history = image_size, rebuild, history
        self.architecture = self.built = Architecture.full(space)
        self.pruned = [np.zeros(len(group), bool) for group in space.gate_names()]
        self.reductions = range(len(space.scopes), len(self.pruned))     # indices of the λ vectors of reduction blocks
        for index in self.reductions:
            self.optimizer.keep_last(index)
        self.before_epoch = self.values()
        self.changed = self.moved = 0
        self.gammas_set = False
        self.built_flops = self.cost(self.built).flops
        self.last_epoch = 0

    @property
    def optimizer(self):
        """APG-NAG; asked for anew each time, since loading a Trainer's states replaces it."""
        return self.learner.trainers['gates'].optimizer

    def values(self):
        """λ now, one array for each group of gate names."""
        return [gate.list_data()[0].asnumpy() for gate in self.learner.gates]

    def cost(self, architecture):
        return cost(architecture, image_size=self.image_size)

    def start(self):
        """Before the first step of a search that starts anew."""
        if self.history is not None:
            self.history.append(0, np.concatenate(self.values()), np.concatenate(self.pruned))

    def before(self, update):
        if update != 'weights' and (self.policy.moves or not self.gammas_set):
            gammas = self.policy(self.values())
            for index in self.reductions:
                if (~self.pruned[index]).sum() == 1:    # the last branch: what has to stay is not pushed to zero
                    gammas[index] = np.zeros_like(gammas[index])
            for index, gamma in enumerate(gammas):
                self.optimizer.set_gamma(index, gamma)
            self.gammas_set = True

    def end_of_epoch(self, epoch):
        self.last_epoch = epoch
        every = self.search.prune_every
        values = self.passable()
        previous, self.architecture = self.architecture, Architecture.from_lambda(self.space, values)
        if epoch == self.search.epochs or (every and epoch % every == 0):
            values = self.prune(values)
        self.changed = int(sum(((new != 0) != (old != 0)).sum() for new, old in zip(values, self.before_epoch)))
        self.moved = int(sum(np.not_equal(new, old).sum() for new, old in zip(self.architecture.masks(), previous.masks())))
        self.before_epoch = values
        left = self.cost(self.architecture)
        if self.history is not None:
            self.history.append(epoch, np.concatenate(values), np.concatenate(self.pruned))
        flat = np.concatenate(values)
        return {'zero_fraction': float((flat == 0).mean()), 'edges': self.architecture.num_edges,
                'operations': num_operations(self.architecture), 'flops': int(left.flops), 'params': int(left.params),
                'changed': self.changed}

    def passable(self):
        """λ now, one branch of each reduction block not zero. APG-NAG sees to that in its steps; λ that were set from outside may lack it:
        the branch of those there that was largest at the last epoch's end then has the λ that it had, or 1.
        """
        values = self.values()
        for number, index in enumerate(self.reductions):
            if values[index].any():
                continue
            there = np.array([branch in self.built.reduction_branches(number) for branch in REDUCTION_BRANCHES])
            if (there & ~self.pruned[index]).any():
                there &= ~self.pruned[index]
            before = np.where(there, np.abs(self.before_epoch[index]), -1)
            place = int(before.argmax())
            values[index][place] = self.before_epoch[index][place] if before[place] > 0 else 1
            self.pruned[index][place] = False
            self.learner.gates[index].set_data(values[index])
        return values

    def prune(self, values):
        """Remove for good what is zero and what that isolates; returns λ after it."""
        alive = [np.array(mask, bool) for mask in self.architecture.masks()]
        self.pruned = [gone | ~mask for gone, mask in zip(self.pruned, alive)]
        self.freeze()
        values = [np.where(gone, np.float32(0), value) for gone, value in zip(self.pruned, values)]
        for gate, value in zip(self.learner.gates, values):
            gate.set_data(value)
        flops = self.cost(self.architecture).flops
        if flops <= REBUILD_AT * self.built_flops or self._identities(self.architecture) != self._identities(self.built):
            self.rebuild(self.architecture)
            self.built, self.built_flops = self.architecture, flops
        return values

    def _identities(self, architecture):
        return [scope for scope in self.space.scopes if architecture.is_identity(scope)]

    def freeze(self):
        """Have APG-NAG keep at zero what is pruned."""
        for index, gone in enumerate(self.pruned):
            if gone.any():
                self.optimizer.prune(index, gone)
        self.gammas_set = False   # the last branch of a reduction block has none

    def live(self):
        return ', %d edges live' % self.architecture.num_edges

    def say(self, run):
        values = np.concatenate(self.before_epoch)
        epoch, last = self.last_epoch, self.last_epoch == self.search.epochs
        if not num_operations(self.architecture):
            run.warn('warning: %s after search epoch %d: the network is its stem, reductions and head alone. Take a smaller '
                     'search.gamma (now %g), a smaller search.gate_lr (now %g), or fewer search.epochs' %
                     ('no operation is left' if values.any() else 'every λ is zero', epoch, self.search.gamma, self.search.gate_lr))
        elif (epoch == STILL_AFTER or last) and (np.abs(values - 1) < MOVED).all():
            run.warn('warning: no λ has moved in %d epochs of search; take a larger search.gate_lr (now %g), a larger search.gamma '
                     '(now %g), or more search.epochs' % (epoch, self.search.gate_lr, self.search.gamma))
        elif last and not (values == 0).any():
            run.warn('warning: no λ has reached zero: nothing was pruned. Take a larger search.gamma (now %g) or more search.epochs' %
                     self.search.gamma)
        elif last and not self.settled():
            run.warn('warning: the architecture was still moving in the last epoch (%d λ changed between zero and non-zero, %d edges '
                     'came or went). Take more search.epochs, prune more often (search.prune_every, now %d), or a larger search.gamma '
                     '(now %g)' %
                     (self.changed, self.moved, self.search.prune_every, self.search.gamma))

    def reach(self, steps):
        """A line where `steps` λ steps are too few for the L1 norm to bring a λ of 1 to zero; '' otherwise."""
        search = self.search
        reach = steps * search.gate_lr * search.gamma / (1 - search.momentum) if search.momentum < 1 else 1.0
        if reach >= 1:
            return ''
        return ('warning: with %d λ steps, search.gate_lr=%g and search.gamma=%g, a λ of 1 comes down by about %.2g where the loss does '
                'not hold it: little will be pruned%s' % (steps, search.gate_lr, search.gamma, reach, '; search.gamma=%.2g would bring it '
                                                          'to zero' % (search.gamma / reach) if reach else ''))

    def settled(self):
        """Whether at most one edge in a hundred still came or went in the last epoch."""
        return max(self.changed, self.moved) <= 0.01 * sum(len(gone) for gone in self.pruned)

    def state(self):
        return {'pruned': [gone.astype(int).tolist() for gone in self.pruned], 'built': self.built.to_dict(),
                'architecture': self.architecture.to_dict(), 'epoch': self.last_epoch, 'changed': self.changed, 'moved': self.moved,
                'values': [value.astype(float).tolist() for value in self.before_epoch]}

    def restore(self, state):
        self.pruned = [np.array(gone, bool) for gone in state['pruned']]
        self.architecture = Architecture.from_dict(state['architecture'])
        if 'values' in state:
            self.before_epoch = [np.array(value, np.float32) for value in state['values']]
        else:   # of version 0.1.0, which kept only what was zero
            self.before_epoch = [1 - np.array(zero, np.float32) for zero in state['zero']]
        self.last_epoch = state['epoch']
        self.changed, self.moved = state.get('changed', 0), state.get('moved', 0)
        built = Architecture.from_dict(state['built'])
        if built != self.built:
            self.rebuild(built)
            self.built, self.built_flops = built, self.cost(built).flops
        if self.history is not None:
            self.history.resume(self.last_epoch)

    def restored(self):
        values = self.passable()   # a run of version 0.1.0 may have no branch of a reduction block left, or another than its network has
        if any(not set(self.architecture.reduction_branches(number)) <= set(self.built.reduction_branches(number))
               for number in range(len(self.reductions))):
            self.architecture = Architecture.from_lambda(self.space, values)
        self.freeze()


def num_operations(architecture):
    """Operations left, over all sets of λ (one set when shared)."""
    return sum(len(architecture.operations(scope)) for scope in architecture.scopes)


def structures(graphs, costs=None):
    """The graph behind each λ vector for optim.sparsity, from cost.gate_graphs.

    costs: function of a LayerCost (or of what stands in its place) giving the number that counts. Branches of reduction blocks keep
    the constant γ: eq. 9 and 10 speak of convolution blocks.
    """
    def numbers(entries):
        return [costs(entry) if costs else 0.0 for entry in entries]

    return [sparsity.Structure(graph.source, graph.target, numbers(graph.costs), graph.ungated, numbers(graph.output_costs),
                               adaptive=graph.part is Part.BLOCK, name=graph.name) for graph in graphs]
