"""Every shipped board loads, and every kind of mistake in a board file is named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mcu_slm import boards, resources
from mcu_slm.errors import BoardError

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy of the shipped board files, to be damaged."""
    return shutil.copytree(resources.folder("boards"), tmp_path / "boards")


def damage(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", boards.list_boards())
def test_shipped_board_loads_and_names_its_sources(name: str) -> None:
    board = boards.load_board(name)
    assert board.name == name
    assert board.source
    assert board.chip.source
    assert board.chip.flash.base == 0x0800_0000
    assert board.console.usart in board.chip.usarts


def test_all_boards_are_there() -> None:
    """The tests that run for every board run for these."""
    assert boards.list_boards() == (
        "b_l475e_iot01a",
        "b_u585i_iot02a",
        "bluepill_f103c8",
        "nucleo_f030r8",
        "nucleo_f072rb",
        "nucleo_f103rb",
        "nucleo_f303re",
        "nucleo_f401re",
        "nucleo_f411re",
        "nucleo_f429zi",
        "nucleo_f446re",
        "nucleo_f746zg",
        "nucleo_f767zi",
        "nucleo_g071rb",
        "nucleo_g474re",
        "nucleo_h563zi",
        "nucleo_h743zi2",
        "nucleo_h7a3zi_q",
        "nucleo_l053r8",
        "nucleo_l152re",
        "nucleo_l432kc",
        "nucleo_l476rg",
        "nucleo_l4r5zi",
        "nucleo_l552ze_q",
        "nucleo_u575zi_q",
        "nucleo_wb55rg",
        "nucleo_wl55jc",
        "olimex_stm32_h405",
        "stm32f4discovery",
        "stm32f746g_disco",
    )


def test_nucleo_facts() -> None:
    board = boards.load_board("nucleo_f446re")
    assert board.chip.ram.size_bytes == 128 * 1024
    assert board.clock_hz == 180_000_000
    assert board.crystal_bypass
    assert board.console.alternate_function == 7
    assert board.led == boards.Led("PA5", active_high=True)
    assert sum(board.chip.flash_sectors) == board.chip.flash.size_bytes


def test_nucleo_h743zi2_facts() -> None:
    board = boards.load_board("nucleo_h743zi2")
    assert (board.chip.core, board.chip.fpu) == ("cortex-m7", "fpv5-d16")
    assert board.chip.flash.size_bytes == 2 << 20
    assert (board.chip.ram.base, board.chip.ram.size_bytes) == (0x2400_0000, 512 << 10)
    assert sum(m.size_bytes for m in board.chip.memories if m.kind != "flash") == 928 << 10
    assert board.clock_hz == 400_000_000
    assert board.console.usart.generation == 2
    assert (board.console.tx_pin, board.console.rx_pin) == ("PD8", "PD9")
    assert board.led == boards.Led("PB0", active_high=True)


@pytest.mark.parametrize(
    ("name", "core", "flash_kib", "ram_kib", "clock_mhz"),
    [
        ("bluepill_f103c8", "cortex-m3", 64, 20, 72),
        ("nucleo_f030r8", "cortex-m0", 64, 8, 48),
        ("nucleo_f072rb", "cortex-m0", 128, 16, 48),
        ("nucleo_f103rb", "cortex-m3", 128, 20, 72),
        ("nucleo_f303re", "cortex-m4", 512, 64, 72),
        ("nucleo_l053r8", "cortex-m0plus", 64, 8, 32),
        ("nucleo_l152re", "cortex-m3", 512, 80, 32),
    ],
)
def test_facts_of_boards_with_a_multiplier_pll(
    name: str, core: str, flash_kib: int, ram_kib: int, clock_mhz: int
) -> None:
    board = boards.load_board(name)
    assert board.chip.core == core
    assert (board.chip.fpu == "none") == (core != "cortex-m4")
    assert board.chip.flash.size_bytes == flash_kib << 10
    assert board.chip.ram.size_bytes == ram_kib << 10
    assert board.clock_hz == board.chip.max_clock_hz == clock_mhz * 1_000_000
    assert board.stack_bytes <= board.chip.ram.size_bytes // 4
    identity = {"f0": 0x1FFFF7AC, "f1": 0x1FFFF7E8, "f3": 0x1FFFF7AC}
    identity |= {"l0": 0x1FF80050, "l1": 0x1FF800D0}
    factory = board.chip.family.factory_data
    assert identity[board.chip.family.name[-2:]] - factory.base in range(factory.size_bytes)
    assert board.chip.family.unique_id[0] == identity[board.chip.family.name[-2:]]


@pytest.mark.parametrize(
    ("name", "core", "ram_kib", "clock_mhz", "supply", "unique_id"),
    [
        ("b_u585i_iot02a", "cortex-m33", 768, 160, "smps", 0x0BFA_0700),
        ("nucleo_f401re", "cortex-m4", 96, 84, "ldo", 0x1FFF_7A10),
        ("nucleo_f411re", "cortex-m4", 128, 100, "ldo", 0x1FFF_7A10),
        ("nucleo_f429zi", "cortex-m4", 192, 180, "ldo", 0x1FFF_7A10),
        ("nucleo_f746zg", "cortex-m7", 320, 216, "ldo", 0x1FF0_F420),
        ("nucleo_f767zi", "cortex-m7", 512, 216, "ldo", 0x1FF0_F420),
        ("nucleo_h563zi", "cortex-m33", 640, 250, "ldo", 0x08FF_F800),
        ("nucleo_h7a3zi_q", "cortex-m7", 1024, 280, "smps", 0x08FF_F800),
        ("nucleo_u575zi_q", "cortex-m33", 768, 160, "smps", 0x0BFA_0700),
        ("stm32f4discovery", "cortex-m4", 128, 168, "ldo", 0x1FFF_7A10),
        ("stm32f746g_disco", "cortex-m7", 320, 216, "ldo", 0x1FF0_F420),
    ],
)
def test_facts_of_boards_at_the_limit_of_their_chips(
    name: str, core: str, ram_kib: int, clock_mhz: int, supply: str, unique_id: int
) -> None:
    board = boards.load_board(name)
    assert board.chip.core == core
    assert board.chip.ram.size_bytes == ram_kib << 10
    assert board.clock_hz == board.chip.max_clock_hz == clock_mhz * 1_000_000
    assert board.supply == supply
    factory = board.chip.family.factory_data
    assert factory.base <= unique_id <= factory.base + factory.size_bytes - 12
    told = board.chip.family.unique_id
    assert told[0] == unique_id if told else board.chip.family.name == "stm32h5"
    assert board.debugger == "st-link"


@pytest.mark.parametrize(
    ("name", "core", "flash_kib", "page_bytes", "ram_kib", "clock_mhz"),
    [
        ("b_l475e_iot01a", "cortex-m4", 1024, 2048, 96, 80),
        ("nucleo_g071rb", "cortex-m0plus", 128, 2048, 36, 64),
        ("nucleo_g474re", "cortex-m4", 512, 2048, 128, 170),
        ("nucleo_l432kc", "cortex-m4", 256, 2048, 64, 80),
        ("nucleo_l476rg", "cortex-m4", 1024, 2048, 96, 80),
        ("nucleo_l4r5zi", "cortex-m4", 2048, 4096, 640, 120),
        ("nucleo_l552ze_q", "cortex-m33", 512, 2048, 256, 110),
        ("nucleo_wb55rg", "cortex-m4", 1024, 4096, 192, 64),
        ("nucleo_wl55jc", "cortex-m4", 256, 2048, 32, 48),
    ],
)
def test_facts_of_boards_whose_pll_drives_the_core_by_r(
    name: str, core: str, flash_kib: int, page_bytes: int, ram_kib: int, clock_mhz: int
) -> None:
    board = boards.load_board(name)
    chip = board.chip
    assert chip.core == core
    assert (chip.fpu == "none") == (name in ("nucleo_g071rb", "nucleo_wl55jc"))
    assert (chip.flash.size_bytes, chip.ram.size_bytes) == (flash_kib << 10, ram_kib << 10)
    assert set(chip.flash_sectors) == {page_bytes}
    assert board.clock_hz == chip.max_clock_hz == clock_mhz * 1_000_000
    unique_id = 0x0BFA_0590 if chip.core == "cortex-m33" else 0x1FFF_7590
    assert 0 <= unique_id - chip.family.factory_data.base < chip.family.factory_data.size_bytes
    assert chip.family.unique_id[0] == unique_id


def test_pins_of_a_console_may_have_two_alternate_functions() -> None:
    console = boards.load_board("nucleo_l432kc").console
    assert (console.tx_pin, console.alternate_function) == ("PA2", 7)
    assert (console.rx_pin, console.rx_alternate_function) == ("PA15", 3)
    console = boards.load_board("nucleo_l476rg").console
    assert (console.alternate_function, console.rx_alternate_function) == (7, 7)


def test_clock_facts_belong_to_the_family(folder: Path) -> None:
    chip = folder / "chips" / "stm32h743zi.toml"
    damage(chip, 'family = "stm32h7"', 'family = "stm32f4"')
    with pytest.raises(BoardError, match=r"clock\.ahb_max_hz: unknown key"):
        boards.load_board(folder / "nucleo_h743zi2.toml")
    damage(chip, 'family = "stm32f4"', 'family = "stm32f9"')
    with pytest.raises(BoardError, match=r"family: there is no family file stm32f9\.toml"):
        boards.load_board(folder / "nucleo_h743zi2.toml")


@pytest.mark.parametrize("place", ["RCX+0x00:0", "RCC+0x400:0", "RCC+0x02:0", "RCC+0x00:4-3", "17"])
def test_a_ready_flag_outside_all_blocks_is_named(folder: Path, place: str) -> None:
    damage(folder / "families" / "stm32f4.toml", 'follows = "RCC+0x00:0"', f'follows = "{place}"')
    with pytest.raises(BoardError, match=rf"stm32f4\.toml: '{re.escape(place)}'"):
        boards.load_board(folder / "nucleo_f446re.toml")


def test_every_chip_is_used_by_a_board() -> None:
    files = {path.stem for path in (resources.folder("boards") / "chips").glob("*.toml")}
    assert files == {boards.load_board(name).chip.name for name in boards.list_boards()}


def test_board_of_the_user_may_use_a_shipped_chip(tmp_path: Path) -> None:
    mine = tmp_path / "my_board.toml"
    shutil.copy(resources.folder("boards") / "nucleo_f446re.toml", mine)
    assert boards.load_board(mine).name == "my_board"


@pytest.mark.parametrize("name", boards.list_boards())
def test_board_survives_the_way_through_json(name: str, tmp_path: Path) -> None:
    board, path = boards.load_board(name), tmp_path / "board.json"
    path.write_text(boards.board_to_json(board))
    assert boards.board_from_json(path) == board


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("180000000", "-1"),
        ('"clock_hz"', '"klock_hz"'),
        (
            "{",
            "[",
        ),
        ('"tx_pin": "PA2"', '"tx_pin": "PB2"'),
        ("}", ""),
    ],
)
def test_damaged_json_is_a_board_error(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "board.json"
    text = boards.board_to_json(boards.load_board("nucleo_f446re"))
    path.write_text(text.replace(old, new))
    with pytest.raises(BoardError, match=r"board\.json"):
        boards.board_from_json(path)


def test_unknown_name_lists_near_matches() -> None:
    with pytest.raises(BoardError, match="Did you mean nucleo_f446re") as caught:
        boards.load_board("nucleo-f446")
    assert caught.value.values["near"][0] == "nucleo_f446re"


@pytest.mark.parametrize("name", ["", "../nucleo_f446re", "chips/stm32f446re", "nucleo_f446re\0"])
def test_strange_names_are_unknown_boards(name: str) -> None:
    with pytest.raises(BoardError, match="no such board"):
        boards.load_board(name)


BOARD_DAMAGE = [
    (
        "unknown key",
        'chip = "',
        'chipp = "x"\nchip = "',
        r"chipp: unknown key; .*Did you mean chip",
    ),
    ("missing key", "clock_hz = 180_000_000\n", "", "clock_hz: the key is missing"),
    ("wrong type", "clock_hz = 180_000_000", 'clock_hz = "fast"', "expected an integer"),
    ("bool is no integer", "clock_hz = 180_000_000", "clock_hz = true", "expected an integer"),
    ("negative", "baud = 115_200", "baud = -1", "expected zero or more"),
    ("table expected", "[led] ", "[[led]] ", "led: .*expected a table"),
    ("unknown chip", '"stm32f446re"', '"stm32f999"', "there is no chip file stm32f999.toml"),
    ("no TOML", "clock_hz = 180_000_000", "clock_hz = = 1", "cannot be read"),
    ("too fast", "clock_hz = 180_000_000", "clock_hz = 181_000_000", "at most 180,000,000 Hz"),
    ("no clock", "clock_hz = 180_000_000", "clock_hz = 0", "at most 180,000,000 Hz"),
    ("crystal", "crystal_hz = 8_000_000", "crystal_hz = 80_000_000", "1,000,000 to 50,000,000 Hz"),
    ("unknown port", '"USART2"', '"USART9"', "stm32f446re has no USART9"),
    ("pin without port", '"PA2"', '"PB2"', "USART2 does not reach PB2; expected one of PA2"),
    ("baud", "baud = 115_200", "baud = 2_000_000", "also works on the reset clock"),
    ("pin twice", '"PA5"', '"PA2"', "PA2 is used twice"),
    ("bad pin", '"PA5"', '"PA16"', "'PA16' is no pin name"),
    ("stack", "debugger =", "stack_bytes = 100\ndebugger =", "multiple of 8"),
    ("supply", "debugger =", 'supply = "smps"\ndebugger =', "stm32f446re has no switching"),
    ("title", '"ST NUCLEO', '"*/ int x; /*', "one line of plain text"),
]


@pytest.mark.parametrize(
    ("old", "new", "message"), [row[1:] for row in BOARD_DAMAGE], ids=[r[0] for r in BOARD_DAMAGE]
)
def test_mistake_in_board_file_is_named(folder: Path, old: str, new: str, message: str) -> None:
    path = folder / "nucleo_f446re.toml"
    damage(path, old, new)
    with pytest.raises(BoardError, match=message) as caught:
        boards.load_board(path)
    assert "nucleo_f446re.toml" in caught.value.where


CHIP_DAMAGE = [
    ("overlap", "base = 0x2000_0000", "base = 0x0807_0000", "FLASH ends at 0x08080000 and RAM"),
    ("no RAM", 'kind = "ram"', 'kind = "ccm"', "there is no memory of kind 'ram'"),
    ("bad kind", 'kind = "ram"', 'kind = "rom"', "expected 'flash' or 'ram' or 'ccm'"),
    ("sectors", "[4, 0x4000]", "[3, 0x4000]", "the sectors add up to 507,904 bytes"),
    ("interrupts", "interrupts = 97", "interrupts = 38", "less than interrupts = 38"),
    ("list of pins", 'tx_pins = ["PA2"]', 'tx_pins = ["PA2", 3]', r"tx_pins\[1\]"),
    ("no list", 'tx_pins = ["PA2"]', 'tx_pins = "PA2"', "expected an array"),
    ("nested key", "apb1_max_hz", "apb3_max_hz", r"clock.apb3_max_hz: unknown key"),
    ("name", 'name = "RAM"', 'name = "RA M"', "letters, digits and _"),
    ("register", '"APB1ENR"', '"APB1 ENR"', "letters, digits and _"),
    ("literal type", "generation = 1 ", "generation = true ", "expected 1 or 2"),
]


@pytest.mark.parametrize(
    ("old", "new", "message"), [row[1:] for row in CHIP_DAMAGE], ids=[r[0] for r in CHIP_DAMAGE]
)
def test_mistake_in_chip_file_is_named(folder: Path, old: str, new: str, message: str) -> None:
    damage(folder / "chips" / "stm32f446re.toml", old, new)
    with pytest.raises(BoardError, match=message) as caught:
        boards.load_board(folder / "nucleo_f446re.toml")
    assert "stm32f446re.toml" in caught.value.where


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[" * 1000, b"title = 1\0"])
def test_garbage_is_a_board_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(BoardError):
        boards.load_board(path)


def test_file_name_that_is_no_name_is_refused(folder: Path) -> None:
    path = (folder / "nucleo_f446re.toml").rename(folder / 'my "board".toml')
    with pytest.raises(BoardError, match="Rename the file"):
        boards.load_board(path)


def test_tables_for_sensors_may_lack(folder: Path) -> None:
    path = folder / "olimex_stm32_h405.toml"
    path.write_text(path.read_text().partition("[adc]")[0])
    olimex, nucleo = boards.load_board(path), boards.load_board("nucleo_f446re")
    assert (olimex.adc, olimex.i2c, olimex.spi) == (None, None, None)
    assert nucleo.adc.pins[0] == "PA0"
    assert (nucleo.i2c.port, nucleo.i2c.scl_pin) == ("I2C1", "PB8")


def test_the_port_of_a_sensor_is_one_of_the_chips(folder: Path) -> None:
    board = boards.load_board("b_u585i_iot02a")
    assert (board.i2c_port.name, board.i2c_port.generation) == ("I2C2", 2)
    assert boards.load_board("nucleo_f446re").i2c_port.generation == 1
    damage(folder / "b_u585i_iot02a.toml", 'port = "I2C2"', 'port = "I2C7"')
    with pytest.raises(BoardError, match=r"stm32u585aiq has no I2C7.*one of I2C1, I2C2"):
        boards.load_board(folder / "b_u585i_iot02a.toml")


def test_the_spi_port_of_a_sensor_is_one_of_the_chips(folder: Path) -> None:
    board = boards.load_board("nucleo_h743zi2")
    assert (board.spi_port.name, board.spi_port.generation) == ("SPI1", 3)
    damage(folder / "nucleo_h743zi2.toml", 'port = "SPI1"', 'port = "SPI9"')
    with pytest.raises(BoardError, match=r"spi.port: stm32h743zi has no SPI9.*one of SPI1, SPI2"):
        boards.load_board(folder / "nucleo_h743zi2.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"RCC+0x50:12-14"', '"RCC+0x50:12-14x"', r"SPI1.clock_select: it names no register"),
        ("value = 4", "value = 8", r"SPI1.clock_select.value: the value is 8"),
        ("generation = 3", "generation = 2", r"SPI1.clock_select: the port has no clock of its"),
        ("clock_select = {", "# {", r"SPI1.clock_select: it is missing.*for generation 3 alone"),
        ('rcc_enable_register = "APB2ENR"', 'rcc_enable_register = "APB9ENR"', "of APB9ENR"),
        ("rcc_enable_bit = 12", "rcc_enable_bit = 32", r"SPI1.*by bit 32 of APB2ENR.*APB1LENR"),
    ],
)
def test_a_port_without_a_clock_is_refused(folder: Path, old: str, new: str, message: str) -> None:
    chip = folder / "chips" / "stm32h743zi.toml"
    before, mark, spis = chip.read_text().partition("[[spis]]")
    assert old in spis
    chip.write_text(before + mark + spis.replace(old, new, 1))
    with pytest.raises(BoardError, match=message):
        boards.load_board(folder / "nucleo_h743zi2.toml")


def test_only_wires_of_spi_may_be_the_leds() -> None:
    nucleo, nucleo_144 = boards.load_board("nucleo_f446re"), boards.load_board("nucleo_f746zg")
    assert nucleo.shares_led_with_spi
    assert not nucleo_144.shares_led_with_spi
    assert not boards.load_board("olimex_stm32_h405").shares_led_with_spi


def test_sensor_pins_are_checked_with_the_others(folder: Path) -> None:
    damage(folder / "nucleo_f446re.toml", 'scl_pin = "PB8"', 'scl_pin = "PA5"')
    with pytest.raises(BoardError, match="PA5 is used twice"):
        boards.load_board(folder / "nucleo_f446re.toml")


def test_a_board_with_sensors_survives_its_record(tmp_path: Path) -> None:
    board = boards.load_board("nucleo_f446re")
    (tmp_path / "board.json").write_text(boards.board_to_json(board))
    assert boards.board_from_json(tmp_path / "board.json") == board


def test_an_analog_pin_is_an_input_of_the_chips_converter(folder: Path) -> None:
    damage(folder / "nucleo_f446re.toml", '"PA0", "PA1"', '"PA0", "PB2"')
    with pytest.raises(BoardError, match=r"adc.pins: PB2 is no input of ADC1.*one of PA0, PA1"):
        boards.load_board(folder / "nucleo_f446re.toml")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("families/stm32f4.toml", "RCC+0x44:8", "RCC+0x4444:8"),
        ("families/stm32f4.toml", "RCC+0x08:10-12", "PLL+0x08:10-12"),
        ("chips/stm32l476rg.toml", "RCC+0x4C:13", "RCC+0x4C:33"),
    ],
)
def test_what_samples_analog_inputs_is_switched_on_in_registers(
    folder: Path, path: str, old: str, new: str
) -> None:
    damage(folder / path, f'"{old}"', f'"{new}"')
    name = "nucleo_l476rg" if "l476" in path else "nucleo_f446re"
    with pytest.raises(BoardError, match=re.escape(new)):
        boards.load_board(folder / f"{name}.toml")
