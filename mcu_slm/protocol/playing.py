"""Play a recording to a firmware that samples its host."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import DeviceError
from mcu_slm.protocol.client import Client, Event

_LAST_ANSWER_S = 0.5


def play(client: Client, counts: npt.NDArray[np.int16], patience: int = 1000) -> Iterator[Event]:
    """Send counts of any length as fast as the board answers; yield its events as they come.

    Args:
        client: The board, which streams its predictions.
        counts: Raw counts. Shapes: int16 [T, channels]
        patience: How often in a row the board may take nothing.

    Raises:
        DeviceError: The firmware takes no samples from the host, or stopped taking them.
    """
    sensor = client.sensor()
    if sensor is None or not sensor.most_samples:
        raise DeviceError(
            "board's sensor",
            f"it is {'unknown' if sensor is None else sensor.name}",
            "stream, which takes samples from the host",
            "Generate the firmware with --sensor stream.",
        )
    sent = refused = 0
    while sent < len(counts):
        taken = client.samples(counts[sent : sent + sensor.most_samples])
        sent += taken
        refused = 0 if taken else refused + 1
        if refused > patience:
            raise DeviceError(
                "board's answer to SAMPLES",
                f"it took nothing {refused} times in a row",
                "windows that leave",
                "Switch streaming on before.",
            )
        yield from client.events(0.0)
    yield from client.events(_LAST_ANSWER_S)
