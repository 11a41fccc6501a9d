"""Which image size and supernet are taken follows from measured times; here times are given, nothing is measured."""

import pytest

from dsonas.base.errors import UserError
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost
from dsonas.train.fitting import FitSettings, choices, preparing
from dsonas.train.fitting.planning import Planner, Timings
from dsonas.train.fitting.settings import located
from dsonas.train.runtime.hooks import Hooks

from ...data import image_files


@pytest.fixture(scope='module')
def larger(tmp_path_factory):
    """Two classes of images of 48 pixels."""
    return str(image_files.shapes(tmp_path_factory.mktemp('data') / 'shapes', {'disc': 60, 'square': 60}, size=48))


@pytest.fixture
def planned(larger, tmp_path, monkeypatch):
    """planned(seconds, minutes, **overrides) -> FitRecord where a step of a million memory accesses takes `seconds`."""

    def make(seconds, minutes, **overrides):
        def measured(self, choice, dataset, about):
            assert dataset.image_size == choice.image_size
            step = seconds * cost(Architecture.full(choice.space), image_size=choice.image_size).mac / 1e6
            steps = {'pretrain': 6, 'search': 12, 'retrain': 12}
            times = Timings(step, step, step, supernet_build=1.0, network_build=0.3, finish=2.0)
            return preparing.Measured(choice, Planner(times, steps, choices.wanted_epochs(steps)), '')

        monkeypatch.setattr(preparing.Preparing, '_measured', measured)
        overrides = {key.replace('__', '.'): value for key, value in overrides.items()}
        settings = FitSettings(minutes=minutes, run=str(tmp_path), overrides=overrides)
        values, _ = located(larger, settings.checked())
        preparation = preparing.Preparing(settings, values, str(tmp_path), Hooks())
        return preparation.record({}, *preparation.look())

    return make


def test_fast_machines_and_much_time_get_larger_supernets(planned):
    channels = [planned(1e-2, minutes).values['space.channels'] for minutes in (3, 10, 60)]
    assert channels == sorted(channels) and channels[0] < channels[-1]
    assert planned(1e-3, 60).values['data.image_size'] == 48


def test_smaller_images_are_taken_where_time_is_short_and_none_was_asked_for(planned):
    assert planned(5e-2, 5).values['data.image_size'] == 32
    assert planned(5e-2, 5, data__image_size=48).values['data.image_size'] == 48


def test_a_plan_is_within_the_minutes_and_says_what_is_the_least(planned):
    record = planned(1e-2, 5)
    assert sum(record.estimates.values()) <= 60 * record.minutes
    with pytest.raises(UserError, match=r'at least [0-9.]+ minutes') as caught:
        planned(1.0, 0.2)
    least = float(str(caught.value).split('at least ')[1].split(' ')[0])
    assert planned(1.0, least).epochs == {'pretrain': 1, 'search': 1, 'retrain': 1}


def test_what_a_killed_start_left_is_removed(planned, tmp_path):
    (tmp_path / '.measuring-left').mkdir()
    planned(1e-3, 5)
    assert not (tmp_path / '.measuring-left').exists()


def test_minutes_follow_the_images_where_none_are_given(planned):
    assert planned(1e-4, None).minutes == 5.0
