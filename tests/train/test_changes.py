"""What of a configuration is other than its preset's."""

import pytest

from dsonas.train.config import settings
from dsonas.train.config.changes import changed


@pytest.mark.parametrize('preset', settings.presets())
def test_a_preset_as_it_is_has_no_changes(preset):
    config = settings.resolve(preset)
    assert changed(config) == []
    assert changed(settings.replace(config, run='runs/x', data__image_size=48)) == []


def test_what_was_set_is_named():
    config = settings.resolve('quickstart', assignments=['search.gamma=0.07', 'retrain.epochs=3', 'data.limit=100'])
    assert changed(config) == ['data.limit', 'search.gamma', 'retrain.epochs']


def test_what_a_data_set_brings_is_no_change():
    assert changed(settings.resolve('published', flags={'data.name': 'imagenet'})) == []


def test_of_a_preset_that_is_gone_nothing_is_known():
    assert changed(settings.replace(settings.resolve('quickstart'), preset='gone')) is None
