"""Colours and labels that every figure shares.

Colours are Okabe and Ito's, which people with any colour vision can tell apart; convolutions are blue, poolings orange, and the
lightness differs within a family, so that a black and white print still shows it.
"""

import re
from typing import Dict, Iterable, Tuple, Union

BLACK, GREY, FAINT, INK = '#000000', '#8a8a8a', '#dcdcdc', '#333333'
REMOVED = '#bdbdbd'  # of curves of what is removed by the end
SERIES = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000', '#8a8a8a')
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
HATCHES = ('', '////', '....', 'xxxx', '\\\\\\\\', '----', '++++', 'oo')  # of bars in the colours of SERIES
STAGES = {'pretrain': '#eef3f8', 'search': '#fff4e0', 'retrain': '#eaf6f1'}

Dashes = Union[str, Tuple[int, Tuple[float, ...]]]  # as matplotlib's linestyle
STYLES: Tuple[Dashes, ...] = ('-', (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (7, 2)), (0, (3, 1, 1, 1, 1, 1)))
SHORTCUT: Dashes = (0, (4, 2))
NEGATIVE: Dashes = (0, (1.2, 1))  # of an edge whose λ is below 0

_KNOWN = {
    'sep_conv_3x3': '#0072B2',
    'sep_conv_5x5': '#56B4E9',
    'avg_pool_3x3': '#E69F00',
    'max_pool_3x3': '#D55E00',
    'conv_1x1': '#009E73',
    'conv_3x3': '#CC79A7',
}
_OTHERS = ('#009E73', '#CC79A7', '#F0E442', '#8a8a8a', '#6a51a3', '#a6761d')


def operation_colours(operations: Iterable[str]) -> Dict[str, str]:
    """{name: colour}, each name its own as long as there are colours; the paper's operations always keep theirs."""
    colours, spare = {}, [colour for colour in _OTHERS]
    for name in operations:
        if name in _KNOWN:
            colours[name] = _KNOWN[name]
            spare = [colour for colour in spare if colour != _KNOWN[name]]
    rest = [name for name in operations if name not in _KNOWN]
    spare = spare or list(_OTHERS)
    colours.update((name, spare[index % len(spare)]) for index, name in enumerate(rest))
    return colours


def text_on(colour: str) -> str:
    """Black or white, whichever has more contrast on `colour` ('#rrggbb'; relative luminance as WCAG defines it)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return '#ffffff' if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else BLACK


def operation_label(name: str, short: bool = False) -> str:
    """A name as figures show it: 'sep_conv_3x3' -> 'sep 3×3', or 'sep3' when short."""
    match = re.match(r'(\w+?)_(?:conv|pool)_(\d+)x(\d+)$', name) or re.match(r'(conv|pool)_(\d+)x(\d+)$', name)
    if not match:
        words = name.replace('_', ' ')
        return words[:5] if short else words
    kind, height, width = match.groups()
    if short:
        return kind[:4] + (height if 'conv' in name else '')
    return f'{kind} {height}×{width}'
