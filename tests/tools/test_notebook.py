"""Pictures in notebooks: of every kind of architecture, beside each other in one page, drawn only when asked for."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace

SMALL = SearchSpace(levels=2, blocks=(1, 1), operations=('sep_conv_3x3', 'max_pool_3x3'))
FULL = SearchSpace(share=False, levels=2, blocks=(1, 1), operations=('sep_conv_3x3', 'max_pool_3x3'))
ARCHITECTURES = {
    'share': Architecture.full(SMALL),
    'full': Architecture.random(FULL, seed=1, keep=0.5),
    'imagenet': Architecture.random(SearchSpace.imagenet(blocks=(1, 2, 1, 1), share=False), seed=2),
    'nothing left': Architecture(SMALL, [()]),
    'one block empty': Architecture(FULL, [(), FULL.edges()[1]]),
}


@pytest.mark.parametrize('architecture', ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_an_architecture_is_drawn_as_svg(architecture):
    text = architecture._repr_html_()
    root = ElementTree.fromstring(text)
    assert root.tag.endswith('svg') and f'{architecture.num_edges} of ' in root.get('aria-label')
    assert text == architecture._repr_html_()


def test_two_pictures_share_no_id():
    ids = [set(re.findall(r'\bid="([^"]+)"', ARCHITECTURES[name]._repr_html_())) for name in ('share', 'full')]
    assert all(ids) and not ids[0] & ids[1]


def test_an_architecture_brings_no_matplotlib_before_it_is_drawn():
    code = (
        'import sys\nfrom dsonas.symbols.architecture import Architecture\nfrom dsonas.symbols.space import SearchSpace\n'
        'a = Architecture.full(SearchSpace(levels=1, blocks=(1,)))\nstr(a)\nbefore = "matplotlib" in sys.modules\n'
        'print(before, a._repr_html_()[:4])'
    )
    done = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, universal_newlines=True, check=True)
    assert done.stdout.split() == ['False', '<svg']
