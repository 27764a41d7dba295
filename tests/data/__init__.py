"""Tests of mcu_slm.data."""
