"""Tests of `mcu_slm.counts`."""
