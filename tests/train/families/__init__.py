"""Tests of `mcu_slm.train.families`."""
