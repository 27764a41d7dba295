"""Tests of `mcu_slm.train.tasks`."""
