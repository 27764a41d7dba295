"""Tests of mcu_slm.verify."""
