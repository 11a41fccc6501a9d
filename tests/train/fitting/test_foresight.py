"""The time left of a whole fit, against what a machine with a clock of its own then takes: as planned, slower, faster, resumed."""

import dataclasses
import json
import os

import pytest

from dsonas.runfiles.fit import FitRecord, read_fit, write_fit
from dsonas.train.fitting import foresight, planning
from dsonas.train.fitting.foresight import FitLeft, decide
from dsonas.train.fitting.planning import STAGES, stage_of, trained_as

STEPS = 100  # of a phase, whatever its epochs
ESTIMATES = {
    'prepare': 20.0,
    'pretrain': 40.0,
    'search': 110.0,
    'retrain': 150.0,
    'random': 100.0,
    'known': 30.0,
    'finish': 20.0,
}


class Machine:
    """Runs a fit on a clock of its own. slower: seconds of the clock -> factor of what is estimated."""

    def __init__(self, slower, minutes=8.0, fixed=()):
        self.now, self.slower, self.fixed = 0.0, slower, fixed
        epochs = dict.fromkeys(STAGES, 50)
        self.record = FitRecord({}, minutes, {}, dict(ESTIMATES), epochs, spent={'prepare': 20.0}, done=['prepare'])
        self.left = FitLeft(lambda: self.now)
        self.seen = []  # (phase, share of it that is done, time, what was foreseen)

    def run(self, phases=None):
        for phase in list(ESTIMATES)[1:phases]:
            decision = decide(self.record, phase, self.fixed)
            if decision.dropped:
                self.record.left_out.append(phase)
                continue
            if decision.epochs is not None:
                self.record.decided[stage_of(phase)] = decision.epochs
            self.phase(phase)
        return self

    def phase(self, phase, first=0, last=STEPS, earlier=0.0):
        began, kind = self.now - earlier, f'{trained_as(phase)} step'
        self.left.begin(self.record, phase, self.fixed, earlier)
        self.see(phase, first)
        decided = planning.as_decided(self.record.estimates, self.record.epochs, self.record.decided, ())
        if stage_of(phase) != 'finish':
            self.left.plan(kind, STEPS - first)
        for step in range(first, last):
            seconds = self.slower(self.now) * decided[phase] / STEPS
            self.now += seconds
            self.left.done(kind, 1, seconds)
            self.see(phase, step + 1)
        if last == STEPS:
            self.record.spent[phase] = self.now - began
            self.record.done.append(phase)

    def see(self, phase, step):
        self.seen.append((phase, step / STEPS, self.now, self.left.seconds()))

    def errors(self, phases=tuple(ESTIMATES), share=0.0):
        """How far off what was foreseen was, in shares of the minutes, from a share of each phase on."""
        scale = 60 * self.record.minutes
        return [abs(left - (self.now - now)) / scale for phase, done, now, left in self.seen
                if phase in phases and done >= share]  # fmt: skip


def test_as_planned_it_is_what_is_left_of_the_plan():
    machine = Machine(lambda now: 1.0).run()
    assert machine.seen[0][3] == pytest.approx(450.0) and max(machine.errors()) < 1e-6
    assert machine.seen[-1][3] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize('factor', [0.3, 0.8, 1.04, 1.5, 3.0])
def test_a_machine_that_is_slower_or_faster_throughout_is_known_after_a_few_steps(factor):
    """With the cuts that will be made: what is foreseen never adds up to more than the minutes and what cannot be cut."""
    machine = Machine(lambda now: factor).run()
    assert max(machine.errors(share=0.05)) < 0.16
    assert max(machine.errors(('retrain', 'random', 'finish'))) < 0.06
    assert all(left >= 0 for *_, left in machine.seen)
    if factor > 1:
        assert machine.record.decided['retrain'] < 50 or machine.record.left_out or factor < 1.1


def test_a_machine_that_gets_busy_on_the_way_and_calm_again():
    machine = Machine(lambda now: 2.0 if 60 < now < 160 else 1.0).run()
    before = max(machine.errors(('pretrain',)))
    assert before < 0.16 and max(machine.errors(('known', 'finish'))) < 0.03
    for _, _, now, left in machine.seen:
        assert now + left + 20 < 1.2 * 480


def test_of_what_cannot_be_cut_all_counts():
    machine = Machine(lambda now: 2.0, fixed=STAGES).run()
    assert machine.record.decided == dict.fromkeys(STAGES, 50) and machine.now > 480
    assert max(machine.errors(share=0.05)) < 0.16


@pytest.mark.parametrize('step', [1, 40, 99])
def test_a_fit_that_goes_on_foresees_what_it_did_before(step, tmp_path):
    whole = Machine(lambda now: 1.3).run(3)
    whole.record.decided['search'] = decide(whole.record, 'search').epochs or whole.record.decided['search']
    whole.phase('retrain', last=step)
    before, at = whole.seen[-1][3], whole.now
    write_fit(str(tmp_path), whole.record)
    again = Machine(lambda now: 1.3)
    again.record, again.now = read_fit(str(tmp_path)), at + 1000.0  # a quarter of an hour later
    again.phase('retrain', first=step, last=step + 1, earlier=at - sum(whole.record.spent.values()) + 20.0)
    unmeasured, measured = again.seen[0][3], again.seen[1][3]
    assert unmeasured == pytest.approx(before, rel=0.1) and measured == pytest.approx(before, rel=0.1)


def test_what_is_noted_is_read_again_and_older_files_have_none(tmp_path):
    machine = Machine(lambda now: 1.0)
    machine.left.begin(machine.record, 'pretrain')
    foresight.note(str(tmp_path), machine.record, machine.left)
    read = read_fit(str(tmp_path))
    assert read.foreseen['phase'] == 'pretrain' and read.foreseen['seconds'] == pytest.approx(450.0)
    assert dataclasses.replace(read, foreseen={}) == dataclasses.replace(machine.record, foreseen={})
    path = os.path.join(str(tmp_path), 'fit.json')
    with open(path) as stream:
        content = json.load(stream)
    content.pop('foreseen')
    with open(path, 'w') as stream:
        json.dump(content, stream)
    assert read_fit(str(tmp_path)).foreseen == {}
