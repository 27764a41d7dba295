"""Tests of `mcu_slm.answers`."""
