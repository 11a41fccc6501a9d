"""Write a run's TensorBoard events."""

from typing import Any, Mapping

import numpy as np

from ...base.errors import UserError


class Events:
    """TensorBoard events: every number of a row, by stage."""

    def __init__(self, folder: str) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise UserError('train.tensorboard=true needs tensorboardX: %s' % error) from None
        self.writer = SummaryWriter(folder)

    def add(self, row: Mapping[str, Any]) -> None:
        """Write the numbers of a row of the log."""
        for name, value in row.items():
            if name not in ('stage', 'epoch', 'step') and value is not None:
                self.writer.add_scalar('%s/%s' % (row['stage'], name), float(value), row['epoch'])
        self.writer.flush()

    def histogram(self, name: str, values: Any, epoch: int) -> None:
        """Write a histogram of values."""
        self.writer.add_histogram(name, np.asarray(values), epoch)

    def close(self) -> None:
        """Write what is pending, and close the files."""
        self.writer.close()
