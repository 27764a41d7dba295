"""Tests of mcu_slm.plan."""
