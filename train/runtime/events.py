"""Write a run's TensorBoard events."""

from typing import Any, Mapping, Sequence

import numpy as np

from ...base.errors import UserError

RESULTS = ('retrain/test_error', 'search/test_error', 'search/edges')  # scalars that stand beside the settings


class Events:
    """TensorBoard events of a run, in its directory, whose name is the run's there.

    Numbers of an epoch are at their epoch, those of single steps at the stage's step. settings: shown as hyperparameters.
    """

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        try:
            from tensorboardX import SummaryWriter
            from tensorboardX.summary import hparams
        except ImportError as error:
            raise UserError(
                f'train.tensorboard=true needs tensorboardX ({error}); pip install tensorboardX, or set train.tensorboard=false'
            ) from None
        self.writer = SummaryWriter(folder)
        shown = {
            name: value if isinstance(value, (bool, int, float, str)) else _text(value)
            for name, value in settings.items()
        }
        for summary in hparams(shown, dict.fromkeys(RESULTS, 0.0)):
            self.writer.file_writer.add_summary(summary)
        self.writer.flush()

    def add(self, row: Mapping[str, Any]) -> None:
        """Write the numbers of a row of the log."""
        for name, value in row.items():
            if name not in ('stage', 'epoch', 'step') and value is not None:
                self.writer.add_scalar(f'{row["stage"]}/{name}', float(value), row['epoch'])
        self.writer.flush()

    def step(self, stage: str, number: int, values: Mapping[str, float]) -> None:
        """Write numbers of step `number` of a stage."""
        for name, value in values.items():
            self.writer.add_scalar(f'{stage}-steps/{name}', float(value), number)

    def histogram(self, name: str, values: Any, epoch: int) -> None:
        """Write a histogram of values."""
        self.writer.add_histogram(name, np.asarray(values), epoch)

    def picture(self, name: str, pixels: np.ndarray, epoch: int) -> None:
        """Write a picture: uint8 (height, width, 3)."""
        self.writer.add_image(name, pixels, epoch, dataformats='HWC')

    def close(self) -> None:
        """Write what is pending, and close the files."""
        self.writer.close()


def _text(value: Sequence[Any]) -> str:
    return ', '.join(map(str, value))
