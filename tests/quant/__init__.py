"""Tests of mcu_slm.quant."""
