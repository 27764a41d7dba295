"""Tests of mcu_slm.dsp."""
