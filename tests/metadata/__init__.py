"""Tests of mcu_slm.metadata."""
