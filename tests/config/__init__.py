"""Tests of mcu_slm.config."""
