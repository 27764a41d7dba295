"""Where networks learn: on a GPU if there is one, otherwise on the CPU.

Windows stay in the CPU's memory, where random changes are drawn, so that a batch is the same
wherever it is learned. A phase takes its network to the processor and brings it back; all else
(pruning, conversion, int8 answers, checkpoints) finds networks on the CPU.
"""

from __future__ import annotations

import os
from typing import Final, Literal

import torch

from mcu_slm.errors import ConfigError

CPU: Final = torch.device("cpu")

_WORKSPACE: Final = "CUBLAS_WORKSPACE_CONFIG"


def choose_processor(wanted: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """Return the processor that a project wants; "auto" is CUDA (or ROCm) where there is one.

    Raises:
        ConfigError: There is no such processor.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return CPU
    if not torch.cuda.is_available():
        raise ConfigError(
            "[train] device",
            "cuda, which PyTorch does not find here",
            "a GPU and a PyTorch that was built for it",
            'Set device = "auto" or "cpu".',
        )
    # Sums on a GPU are formed in a fixed order with a fixed workspace alone. Source: PyTorch,
    # "Reproducibility".
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    return torch.device("cuda", torch.cuda.current_device())


def identity(processor: torch.device) -> str:
    """Return what tells a processor from others that round differently."""
    if processor.type != "cuda":
        return processor.type
    return f"cuda {torch.cuda.get_device_name(processor)}"
