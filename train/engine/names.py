"""What a step updates, and what the stages are called."""

from typing import Tuple

from ...base.names import Name


class Update(Name):
    """What a step updates."""

    WEIGHTS = 'weights'
    GATES = 'gates'
    BOTH = 'both'

    @property
    def groups(self) -> Tuple['Update', ...]:
        """The groups of parameters that are updated: WEIGHTS, GATES or both of them."""
        return (Update.WEIGHTS, Update.GATES) if self is Update.BOTH else (self,)

    @property
    def symbol(self) -> str:
        """W, λ or both, for messages."""
        return {Update.WEIGHTS: 'W', Update.GATES: 'λ', Update.BOTH: 'W and λ'}[self]


class StageName(Name):
    """The stages, in their order."""

    PRETRAIN = 'pretrain'
    SEARCH = 'search'
    RETRAIN = 'retrain'
