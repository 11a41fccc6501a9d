"""The size of a derived network, and how its budget was met, as text."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ...base.text import format_duration


def describe(size: Dict[str, Any], widths: Optional[Sequence[int]]) -> str:
    """Write the size of a network as a line of text."""
    text = f'{size["params"]:,} parameters, {size["flops"]:,} FLOPs'
    if widths:
        text += f', channels {", ".join(map(str, widths))}'
    budget = size['budget']
    if budget['kind'] != 'none':
        met = []
        for limit in (budget, *budget.get('also', ())):
            target = format_duration(limit['target']) if limit['kind'] == 'latency' else f'{limit["target"]:g}'
            met.append(f'{100 * limit["distance"]:.2f}% below the budget of {limit["kind"]}={target}')
        text += f' ({", ".join(met)})'
    return text


def describe_multiples(budget: Mapping[str, Any]) -> List[str]:
    """Write what widths in multiples have changed, or which of two budgets is not used, as lines. budget: a BudgetSummary."""
    if not budget.get('uniform'):
        return list(budget.get('notes', ()))
    uniform = budget['uniform']
    used = '' if uniform['reached'] is None else f', {100 * uniform["reached"] / budget["target"]:.2f}% of the budget'
    line = (
        f'channels near multiples of {budget["multiple"]}, which are faster here: {100 * (1 - budget["distance"]):.2f}% of the '
        f'budget; of any width {", ".join(map(str, uniform["widths"]))}{used} (retrain.width_multiple=1)'
    )
    return [line, *budget['notes']]
