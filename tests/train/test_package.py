"""What importing the rooms needs."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=600
    )
    return done.stdout + done.stderr


def test_without_pytorch_training_names_the_extra():
    output = _python("import sys; sys.modules['torch'] = None; import mcu_slm.train")
    assert "ToolError: training: the Python package torch is not installed" in output
    assert "pip install 'mcu-slm[train]'" in output


def test_conversion_loads_no_pytorch():
    code = "import sys, mcu_slm.convert; print('torch' in sys.modules)"
    assert _python(code).strip() == "False"
