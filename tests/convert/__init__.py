"""Tests of `mcu_slm.convert`."""
