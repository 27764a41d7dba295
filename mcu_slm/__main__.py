"""`python -m mcu_slm` is `mcu-slm`."""

from mcu_slm.cli import main

main()
