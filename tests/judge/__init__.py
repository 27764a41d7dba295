"""Tests of mcu_slm.judge."""
