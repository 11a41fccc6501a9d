"""A cache folder for the tests' own use, made once a session, and small helpers."""

import numpy as np
import pytest


@pytest.fixture(scope='session')
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp('cache')


@pytest.fixture(autouse=True)
def private_cache(cache_folder, monkeypatch):
    monkeypatch.setenv('DSONAS_CACHE', str(cache_folder))


@pytest.fixture
def one_line():
    """Checks that an error is one line, and gives its text."""

    def check(info):
        text = str(info.value)
        assert text and '\n' not in text, text
        return text

    return check


@pytest.fixture
def collect():
    """All batches of a pass, concatenated: (x, y)."""

    def gather(batches):
        with batches:
            items = list(batches)
        return np.concatenate([x for x, _ in items]), np.concatenate([y for _, y in items])

    return gather
