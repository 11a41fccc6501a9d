"""Stage 3: a derived network, or any other classifier, from scratch."""

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ...base.errors import UserError
from ...data.dataset import DataSet
from ...symbols.architecture import Architecture
from ...symbols.network import Network
from ..config.tree import Config
from ..engine import standard
from ..engine.averaging import Average
from ..engine.callbacks import Callback
from ..engine.learner import Learner, nag
from ..engine.losses import Loss
from ..engine.mixup import Mixup
from ..engine.names import StageName
from ..engine.patience import Patience
from ..engine.stage import Stage, initialise, pattern, rates, weights_of
from ..runtime.devices import Devices
from ..runtime.hooks import NONE, Hooks


def retrain_stage(config: Config, net: Any, dataset: DataSet, devices: Devices, hooks: Hooks = NONE) -> Stage:
    """Make stage 3 for a network: all of it, on the whole training set."""
    settings = config.retrain
    drop_path = isinstance(net, Network) and settings.drop_path > 0
    example = (np.zeros(1, np.float32),) if drop_path else ()
    initialise(net, devices, dataset.image_size, config.seed, 'network', example)
    loss = Loss(settings.label_smoothing, settings.auxiliary, hooks.loss)
    learner = Learner(net, [], loss, devices, nag(weights_of(net), settings), amp=config.train.amp)
    if settings.ema:
        learner.average = Average(learner.weights, settings.ema)
    if settings.mixup and hooks.loss:
        raise UserError(f'retrain.mixup={settings.mixup:g}: a loss of your own takes whole labels; set retrain.mixup=0')
    classes = len(dataset.classes)
    mix = Mixup(settings.mixup, config.seed, classes, devices.rank) if settings.mixup else None
    own: List[Callback] = [Patience(settings.patience)] if settings.patience else []

    def inputs(progress: float) -> Tuple[np.ndarray, ...]:
        return (np.array([settings.drop_path * progress], np.float32),) if drop_path else ()

    return Stage(
        StageName.RETRAIN,
        learner,
        settings.epochs,
        settings.batch_size,
        pattern(config, StageName.RETRAIN),
        rates(config, StageName.RETRAIN),
        test_every=settings.test_every,
        seeded=bool(settings.dropout or drop_path or 'noise' in config.space.operations),
        callbacks=standard.around(config, before=own, hooks=hooks),
        inputs=inputs,
        mix=mix,
    )


def derived_network(
    config: Config,
    architecture: Architecture,
    widths: Sequence[int],
    image_size: int,
    kernels_kind: Optional[str] = None,
) -> Network:
    """Build the Network of stage 3 as the configuration asks for it."""
    settings = config.retrain
    if settings.auxiliary > 0 and len(architecture.space.blocks) < 2:
        raise UserError(
            f'retrain.auxiliary={settings.auxiliary:g}: space.blocks has one stage, and the tower stands before the last of several; '
            'set retrain.auxiliary=0'
        )
    return Network(
        architecture,
        channels=widths,
        auxiliary=settings.auxiliary > 0,
        dropout=settings.dropout,
        drop_path=settings.drop_path > 0,
        image_size=image_size,
        kernels_kind=kernels_kind,
    )
