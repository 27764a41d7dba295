"""Tests of mcu_slm.tflite."""
