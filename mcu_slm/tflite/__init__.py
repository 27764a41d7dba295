"""Flatbuffer bytes to `ir.Graph` and back; nothing else."""

from mcu_slm.tflite.reader import read_file, read_model
from mcu_slm.tflite.writer import write_model

__all__ = ["read_file", "read_model", "write_model"]
