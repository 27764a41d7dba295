"""Tests of mcu_slm.errors."""
