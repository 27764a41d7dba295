"""Where the data files are.

Boards (with `chips/` inside) and firmware templates, in a checkout and in a wheel.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
KERNELS = _PACKAGE / "kernels"
"""C kernels, and templates of those that are made for a model's shapes."""


def folder(name: str) -> Path:
    """Return the folder `boards` or `firmware_templates`.

    A wheel carries them as `mcu_slm/_<name>`; a checkout has them at top level.
    """
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name
