"""The real board: find its port, put the firmware into its flash, show what it says.

ports.py       serial ports: find, choose, open
image.py       ELF -> the bytes of the flash, and the sectors that they touch
swd.py         flash through a debug probe (pyOCD)
uart_boot.py   flash through ST's boot loader in ROM (AN3155)
flash.py       `flash`: both ways, with a dry run
places.py      where a fault was: function and line
monitor.py     `monitor`: predictions, text and faults as they come
report.py      what flashing did, and how it reports progress
"""

from mcu_slm.device.flash import flash
from mcu_slm.device.image import FlashImage, Sector, Segment, read_image, touched_sectors
from mcu_slm.device.monitor import MonitorEvent, monitor
from mcu_slm.device.ports import PortInfo, choose_port, list_ports, open_port
from mcu_slm.device.report import FlashReport, Progress
from mcu_slm.device.swd import ProbeInfo, list_probes

__all__ = [
    "FlashImage",
    "FlashReport",
    "MonitorEvent",
    "PortInfo",
    "ProbeInfo",
    "Progress",
    "Sector",
    "Segment",
    "choose_port",
    "flash",
    "list_ports",
    "list_probes",
    "monitor",
    "open_port",
    "read_image",
    "touched_sectors",
]
