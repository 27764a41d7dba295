"""The ranges of activations: observed in training, turned into snapped scales."""

from __future__ import annotations

from torch import nn

from mcu_slm.errors import ModelError
from mcu_slm.quant import activation_quantization, cell_scale


class QuantState(nn.Module):
    """Lowest and highest value per tensor name (or per group of tensors that share a scale).

    A module without parameters, so that ranges are saved and restored together with the weights
    they belong to.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ranges: dict[str, tuple[float, float]] = {}
        self._fixed: set[str] = set()

    def fix(self, name: str, low: float, high: float) -> None:
        """Set a range that no batch changes any more."""
        self._ranges[name] = (low, high)
        self._fixed.add(name)

    def observe(self, name: str, low: float, high: float, momentum: float | None) -> None:
        """Follow a batch's extremes: the wider range, or a moving average with `momentum`."""
        if name in self._fixed:
            return
        if name not in self._ranges:
            self._ranges[name] = (low, high)
            return
        old_low, old_high = self._ranges[name]
        if momentum is None:
            self._ranges[name] = (min(old_low, low), max(old_high, high))
        else:
            self._ranges[name] = (
                old_low + momentum * (low - old_low),
                old_high + momentum * (high - old_high),
            )

    def quantization(self, name: str) -> tuple[float, int]:
        """Return scale and zero point.

        Raises:
            ModelError: No value of that name was observed.
        """
        return activation_quantization(*self._range(name))

    def cell_scale(self, name: str) -> float:
        """Return the scale of a recurrent layer's int16 cell state.

        Raises:
            ModelError: No value of that name was observed.
        """
        low, high = self._range(name)
        return cell_scale(max(-low, high))

    def _range(self, name: str) -> tuple[float, float]:
        if name not in self._ranges:
            raise ModelError(
                name,
                "no activation range was observed",
                remedy="Run quantisation-aware training before converting.",
            )
        return self._ranges[name]

    def get_extra_state(self) -> dict[str, list[float]]:
        """Return the ranges for `state_dict`."""
        return {name: [low, high] for name, (low, high) in self._ranges.items()}

    def set_extra_state(self, state: dict[str, list[float]]) -> None:
        """Take the ranges from a `state_dict`."""
        self._ranges = {name: (float(low), float(high)) for name, (low, high) in state.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._ranges

    def __len__(self) -> int:
        return len(self._ranges)
