"""Somebody's Keras model in, a fully INT8 flatbuffer out: TensorFlow's converter, kept apart.

    model.keras, windows --process--> child (TensorFlow) --inspection--> model.tflite

TensorFlow runs in a child process only: its converter is native code that crashes on some models,
and nothing else here needs it.
"""

from mcu_slm.quantize.inspection import read_quantized
from mcu_slm.quantize.process import (
    Job,
    Quantized,
    quantize_model,
    require_model,
    require_tensorflow,
)

__all__ = [
    "Job",
    "Quantized",
    "quantize_model",
    "read_quantized",
    "require_model",
    "require_tensorflow",
]
