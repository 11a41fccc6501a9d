"""A Cost as plain data and as a text table: a line for each block and operation, and the total."""

from typing import Any, Dict, List, Tuple

from ...base.text import aligned
from ...symbols.cost import Cost

FIELDS = ('params', 'flops', 'mac')


HEADS = ('parameters', 'FLOPs', 'MAC')


def as_dict(counted: Cost, image_size: int) -> Dict[str, Any]:
    """A Cost as plain data."""

    def numbers(part: Any) -> Dict[str, int]:
        return {field: getattr(part, field) for field in FIELDS}

    blocks = [
        dict(
            name=block.name,
            **numbers(block),
            operations={name: numbers(part) for name, part in block.operations.items()},
        )
        for block in counted.blocks
    ]
    return dict(
        numbers(counted),
        widths=list(counted.widths),
        image_size=image_size,
        blocks=blocks,
        uncounted=list(counted.uncounted),
    )


def table(counted: Cost, operations: bool = False) -> str:
    """A Cost as text: a line for each block (and operation), and the total, in exact numbers."""
    rows: List[Tuple[str, ...]] = [('', *HEADS)]
    for block in counted.blocks:
        rows.append((block.name,) + tuple(f'{getattr(block, field):,}' for field in FIELDS))
        for name, part in block.operations.items() if operations else ():
            rows.append(('  ' + name,) + tuple(f'{getattr(part, field):,}' for field in FIELDS))
    rows.append(('total',) + tuple(f'{getattr(counted, field):,}' for field in FIELDS))
    lines = aligned(rows)
    rule = '-' * max(map(len, lines))
    return '\n'.join(lines[:1] + [rule] + lines[1:-1] + [rule] + lines[-1:])
