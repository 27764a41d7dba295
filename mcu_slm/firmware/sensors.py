"""What a firmware can sample: where its windows come from, and which templates that takes.

A name of `SENSORS` and a model's facts become a `Sampling`, which fills the templates.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.boards import Board
from mcu_slm.errors import BoardError, UsageError
from mcu_slm.firmware import accelerometers, analog
from mcu_slm.metadata import ModelInfo

WINDOWS_SOURCE: Final = "windows.c"
BUSES: Final = ("i2c", "spi")
SENSORS: Final = ("replay", "stream", "adc", *accelerometers.ACCELEROMETERS)
_COUNTS: Final = re.compile(r"#define MCU_SLM_MODEL_COUNTS (\d+)")
_CHANNELS: Final = re.compile(r"#define MCU_SLM_MODEL_CHANNELS (\d+)")
_LEAST_PATIENCE_MS: Final = 1000
_PATIENCE_SAMPLES: Final = 64


@dataclass(frozen=True)
class Sampling:
    """Where the windows of a firmware come from.

    `folders` hold the templates that this takes; `sources` are C files of the tool's folder.
    `settings` are the numbers of the sensor itself, None where it has none. Units: samples, hertz;
    `rate_hz` is the model's, 0 where it does not say.
    """

    name: str = "replay"
    folders: tuple[str, ...] = ("sensor_replay",)
    sources: tuple[str, ...] = ()
    channels: int = 0
    hop_samples: int = 0
    rate_hz: float = 0.0
    settings: accelerometers.Settings | analog.Settings | None = None

    @property
    def is_windowed(self) -> bool:
        """Whether samples become windows in the tool's code."""
        return bool(self.sources)

    @property
    def bus(self) -> str:
        """The bus of an accelerometer, nothing for others."""
        return str(getattr(self.settings, "bus", ""))

    @property
    def patience_ms(self) -> int:
        """How long a sensor that samples may be silent."""
        samples = _PATIENCE_SAMPLES / self.rate_hz if self.rate_hz else 0.0
        return max(_LEAST_PATIENCE_MS, round(1000 * samples))


@dataclass(frozen=True)
class SensorChoice:
    """What a user chose: `hop_samples` (0: as in training), an accelerometer's `range_g` and `bus`.

    No `bus` stands for the one that the board has, I2C where it has both.
    """

    name: str = "replay"
    hop_samples: int = 0
    range_g: int = 4
    bus: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields for a record."""
        return asdict(self)

    def __post_init__(self) -> None:
        """Refuse names that nobody knows."""
        if self.name not in SENSORS:
            raise UsageError(
                f"sensor {self.name!r}",
                "no such sensor",
                f"one of {', '.join(SENSORS)}",
                "Choose one of them, or replay and a driver of your own (src/sensor.h).",
            )
        if self.bus and (self.bus not in BUSES or self.name not in accelerometers.ACCELEROMETERS):
            raise UsageError(
                f"sensor {self.name}",
                f"its bus would be {self.bus!r}",
                f"{' or '.join(BUSES)} for an accelerometer, none for others",
                "Correct it, or leave it out.",
            )


def recorded_sensor(fields: Any) -> SensorChoice:
    """Return what a record says, the default where it says nothing sound."""
    try:
        numbers = int(fields["hop_samples"]), int(fields["range_g"])
        return SensorChoice(str(fields["name"]), *numbers, str(fields.get("bus", "")))
    except (KeyError, TypeError, ValueError, UsageError):
        return SensorChoice()


def sampling_for(
    choice: SensorChoice, board: Board, model: Path, info: ModelInfo | None = None
) -> Sampling:
    """Return how a firmware samples.

    Args:
        choice: What the user chose.
        board: The board, which says where a sensor is connected.
        model: Folder of the compiled model.
        info: What the model says about itself.

    Raises:
        UsageError: The model takes no raw counts, or others than the sensor gives.
        BoardError: The board does not say where the sensor is, or the family has no code for it.
    """
    if choice.name == "replay":
        return Sampling()
    facts = info or ModelInfo()
    counts, channels = _window_of(model, choice.name)
    hop = choice.hop_samples or facts.hop_samples or counts // channels
    head = (choice.name, ("windowed", "sensor_stream"), (WINDOWS_SOURCE,))
    if choice.name == "stream":
        return Sampling(*head, channels, hop, facts.sampling_rate_hz)
    if facts.sampling_rate_hz <= 0:
        raise UsageError(
            f"sensor {choice.name}",
            "the model does not say at which rate its input was sampled",
            "a model with a sampling rate",
            "Train it from a project file, or choose --sensor stream.",
        )
    folders, settings = _plan(choice, board, channels, hop, facts.sampling_rate_hz)
    return Sampling(
        choice.name,
        ("windowed", "sampled", *folders),
        (WINDOWS_SOURCE,),
        channels,
        hop,
        facts.sampling_rate_hz,
        settings,
    )


def _plan(
    choice: SensorChoice, board: Board, channels: int, hop: int, rate_hz: float
) -> tuple[tuple[str, ...], accelerometers.Settings | analog.Settings]:
    """Return the folders of templates for a sensor on the board, and its settings."""
    facts = choice.name, board, channels, hop, rate_hz, choice.range_g
    if choice.name == "adc":
        return analog.plan(*facts)
    return accelerometers.plan(*facts, choice.bus)


def _window_of(model: Path, sensor: str) -> tuple[int, int]:
    """Return how many counts a window has, and channels."""
    text = (model / "model.h").read_text(encoding="utf-8")
    counts, channels = _COUNTS.search(text), _CHANNELS.search(text)
    if counts is None or channels is None or not int(counts[1]):
        raise UsageError(
            f"sensor {sensor}",
            "the model does not say how raw counts become its input",
            "a model with channel_scales, mean and std in its metadata",
            "Train it from a project file with data.channel_scales, or choose --sensor replay.",
        )
    return int(counts[1]), int(channels[1])


def require_folders(folders: tuple[str, ...], root: Path, what: str, family: str) -> None:
    """Refuse a family for which there is no code.

    Raises:
        BoardError: It names the families that have it.
    """
    for folder in folders:
        if (root / folder).is_dir():
            continue
        stem = folder.removesuffix(family)
        known = sorted(p.name.removeprefix(stem) for p in root.glob(f"{stem}stm32*") if p.is_dir())
        raise BoardError(
            f"chip family {family!r}",
            f"there is no {what} for it",
            f"one of {', '.join(known)}",
            "Choose --sensor stream, or write src/source.h for it.",
        )
