"""Tests of mcu_slm.ops."""
