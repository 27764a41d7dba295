"""Tests of mcu_slm.templating."""
