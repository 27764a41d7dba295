"""Tests of mcu_slm.kernels, the C code that is written by hand."""
