"""Tests of `mcu_slm.train.backends`."""
