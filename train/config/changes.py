"""What of a configuration is other than its preset's, for who reads a run."""

from typing import List, Optional

from ...base.errors import UserError
from . import settings
from .tree import Config

OF_THE_RUN = ('run', 'preset', 'plugins', 'data.image_size')  # its directory, and what it found in the data


def changed(config: Config) -> Optional[List[str]]:
    """List the dotted names of the keys that are other than the preset and the data set have them; None for a preset that is gone."""
    try:
        plain = settings.flatten(settings.resolve(config.preset, flags={'data.name': config.data.name}))
    except UserError:
        return None
    now, told = settings.flatten(config), set(OF_THE_RUN)
    if not plain['retrain.width_multiple']:  # left to the device
        told.add('retrain.width_multiple')
    return [name for name in settings.KEYS if now[name] != plain[name] and name not in told]
