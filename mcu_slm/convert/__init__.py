"""Conversion: a quantised student to an int8 graph that any TensorFlow Lite runtime executes.

    TrainedStudent --GraphOps--> ir.Graph --tflite.write_model--> model.tflite

The student is handed in as an object; nothing of `mcu_slm.train` is imported.
"""

from mcu_slm.convert.convert import TrainedLike, convert, sketch
from mcu_slm.convert.rules import check_rules

__all__ = [
    "TrainedLike",
    "check_rules",
    "convert",
    "sketch",
]
