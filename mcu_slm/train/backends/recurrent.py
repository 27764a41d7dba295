"""Recurrent layers in float: in one call for training, step by step on the grids of int8 kernels.

B batch, L steps, I inputs, U units. The gates are input, forget, cell, output.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mcu_slm.quant import GATE_SCALE, HIDDEN_SCALE, INT8_MAX, INT8_MIN, INT16_MAX, INT16_MIN

_GATES = 4
_GATE_RANGE = (INT16_MIN * GATE_SCALE, INT16_MAX * GATE_SCALE)
"""What sums of a gate are held to by the integer kernels, in int16 with 12 bits after the point."""


def lstm(
    x: torch.Tensor, weights: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Return the hidden states of a layer that starts from zeros.

    Shapes: x: [B, L, I], weights: [4, U, I], recurrent: [4, U, U], bias: [4, U] -> [B, L, U].
    """
    start = x.new_zeros(1, len(x), recurrent.shape[2])
    bias = bias.flatten()
    # PyTorch adds a second bias to the recurrent sums.
    parameters = [weights.flatten(0, 1), recurrent.flatten(0, 1), bias, torch.zeros_like(bias)]
    hidden, _, _ = torch.lstm(
        x,
        (start, start),
        parameters,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    return hidden


@dataclass(frozen=True, eq=False)
class LstmSteps:
    """A layer whose cell and hidden states are rounded at every step, as the kernels do.

    Sums of the gates are clipped but not rounded: their grid is 32 times finer than that of the
    hidden states.

    Shapes: weights: [4, U, I], recurrent: [4, U, U], bias: [4, U].
    """

    weights: torch.Tensor
    recurrent: torch.Tensor
    bias: torch.Tensor
    cell_scale: float

    def run(self, x: torch.Tensor) -> tuple[torch.Tensor, float, float]:
        """Return the hidden states, and the lowest and highest cell state before it was clipped.

        Shapes: x: [B, L, I] -> [B, L, U].
        """
        sums = x @ self.weights.flatten(0, 1).T + self.bias.flatten()
        driven = sums.clamp(*_GATE_RANGE)
        recurrent = self.recurrent.flatten(0, 1).T
        hidden = cell = x.new_zeros(len(x), self.bias.shape[1])
        states, cells = [], []
        for step in driven.unbind(1):
            gates = (step + (hidden @ recurrent).clamp(*_GATE_RANGE)).clamp(*_GATE_RANGE)
            entered, kept, candidate, shown = gates.chunk(_GATES, -1)
            cell = kept.sigmoid() * cell + entered.sigmoid() * candidate.tanh()
            cells.append(cell.detach())
            cell = _rounded(cell, self.cell_scale, INT16_MIN, INT16_MAX)
            hidden = _rounded(cell.tanh() * shown.sigmoid(), HIDDEN_SCALE, INT8_MIN, INT8_MAX)
            states.append(hidden)
        low, high = torch.stack(cells).aminmax()
        return torch.stack(states, 1), float(low), float(high)


def _rounded(y: torch.Tensor, scale: float, lowest: int, highest: int) -> torch.Tensor:
    return torch.fake_quantize_per_tensor_affine(y, scale, 0, lowest, highest)
