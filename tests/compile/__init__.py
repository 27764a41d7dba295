"""Tests of mcu_slm.compile."""
