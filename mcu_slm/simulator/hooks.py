"""Choose the block hook that works on this machine."""

from __future__ import annotations

from mcu_slm.errors import ToolError
from mcu_slm.simulator.native import build_block_hook
from mcu_slm.simulator.native_hook import NativeHook
from mcu_slm.simulator.python_hook import PythonHook
from mcu_slm.simulator.trace import BlockHook


def open_hook(native: bool | None = None) -> BlockHook:
    """Return the compiled hook, or the Python one where it cannot be built.

    Args:
        native: True insists on the compiled hook, False on the Python one.
    """
    if native is False:
        return PythonHook()
    library = build_block_hook(required=native is True)
    if library is None:
        return PythonHook()
    try:
        return NativeHook(library)
    except (OSError, AttributeError) as error:  # a cache folder that several systems share
        if native is not True:
            return PythonHook()
        raise ToolError(
            str(library),
            f"cannot be loaded: {error}",
            "a library built on this machine",
            "Delete the file; it is built again.",
        ) from error
