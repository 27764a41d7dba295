"""Checkpoints of training: one file per phase, rewritten after every epoch, never half-written.

A checkpoint carries a fingerprint of everything that its numbers depend on (data, settings and the
phases before it). One whose fingerprint differs belongs to another training and is not used.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mcu_slm.errors import TrainingError
from mcu_slm.files import write_atomic

State = dict[str, Any]


def fingerprint(*parts: Any) -> str:
    """Return a SHA-256 over values that JSON can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def snapshot(module: nn.Module) -> State:
    """Return a copy of a module's state that later training steps do not change."""
    return {
        name: value.clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value)
        for name, value in module.state_dict().items()
    }


def save_state(path: Path, state: State) -> Path:
    """Write tensors and plain values."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return write_atomic(path, buffer.getvalue())


def load_state(path: Path) -> State:
    """Read what `save_state` wrote. Nothing in the file is executed.

    Raises:
        TrainingError: The file is not a checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes raise nearly anything in the reader
        raise TrainingError(
            str(path),
            "is not a readable checkpoint",
            remedy="Delete the file and train again.",
        ) from error
    if not isinstance(state, dict):
        raise TrainingError(
            str(path),
            f"holds a {type(state).__name__}",
            "a checkpoint",
            "Delete the file and train again.",
        )
    return state


class CheckpointStore:
    """The checkpoints of one run folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, phase: str) -> Path:
        """Return the file of a phase."""
        return self._folder / f"{phase}.pt"

    def load(self, phase: str, lineage: str) -> State | None:
        """Return the checkpoint of a phase if there is one with this fingerprint."""
        path = self.path(phase)
        if not path.is_file():
            return None
        state = load_state(path)
        return state if state.get("lineage") == lineage else None

    def save(self, phase: str, lineage: str, state: State) -> Path:
        """Write the checkpoint of a phase."""
        return save_state(self.path(phase), {"lineage": lineage, **state})
