"""Tests of mcu_slm.files."""
