"""Read the data sets that come inside the package aeon: real recordings, without a download."""

from __future__ import annotations

import numpy as np

from mcu_slm.config import AeonData
from mcu_slm.data.checks import as_float32, as_text, require_channel_count, require_finite
from mcu_slm.data.files import reading
from mcu_slm.data.windowing import Recordings
from mcu_slm.errors import missing_extra

_LOADERS = {
    "ArrowHead": "load_arrow_head",
    "BasicMotions": "load_basic_motions",
    "GunPoint": "load_gunpoint",
    "ItalyPowerDemand": "load_italy_power_demand",
}


def read_aeon(config: AeonData) -> list[Recordings]:
    """Return training and test recordings; they are independent of one another.

    Raises:
        DataError: the data set does not fit the project's channels.
        ToolError: aeon is not installed.
    """
    try:
        from aeon import datasets
    except ImportError:
        raise missing_extra("aeon", "datasets", f"reading {config.dataset}") from None
    result = []
    for split in ("train", "test"):
        name = f"aeon:{config.dataset}:{split}"
        with reading(name):
            values, labels = getattr(datasets, _LOADERS[config.dataset])(split=split)
            x = as_float32(np.ascontiguousarray(np.swapaxes(values, 1, 2)), name, "the data set")
        require_channel_count(x.shape[2], config.channels, name)
        require_finite(x, name, config.channels)
        part = split if config.split.kind == "official" else "all"
        result.append(Recordings(x, as_text(labels, name), np.full(len(x), ""), name, part))
    return result
