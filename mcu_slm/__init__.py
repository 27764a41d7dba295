"""mcu_slm: tiny sequence models on STM32 microcontrollers, proven byte for byte."""

__version__ = "0.1.0"
