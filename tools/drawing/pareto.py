"""What no other point beats: the Pareto front of error against a cost."""

from typing import List, Sequence, Tuple


def front(points: Sequence[Tuple[float, float]]) -> List[int]:
    """Indices of the points (cost, error) that no other point dominates, by rising cost.

    A point dominates another if it is at least as good in both and better in one; of equal points the first stands for all.
    """
    best, kept = float('inf'), []
    for index in sorted(range(len(points)), key=lambda index: (points[index][0], points[index][1], index)):
        if points[index][1] < best:
            best = points[index][1]
            kept.append(index)
    return kept
