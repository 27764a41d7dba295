"""Priorities and SysTick on plain integers."""

from __future__ import annotations

import pytest

from mcu_slm.simulator.nvic import HARD_FAULT, PENDSV, SYSTICK, Clock, Masks, Nvic, SysTick

pytestmark = pytest.mark.unit

UNMASKED = Masks()


def nvic(*, pending=(), active=(), **priorities):
    controller = Nvic(enabled=set(range(16, 48)), pending=set(pending), active=list(active))
    for name, value in priorities.items():
        controller.set_priority(int(name[1:]), value)
    return controller


def test_the_lowest_number_wins_among_equals():
    assert nvic(pending=[20, 18, 19]).next_exception(UNMASKED) == 18


def test_the_lowest_priority_value_wins():
    assert nvic(pending=[18, 20], e18=0x40, e20=0x30).next_exception(UNMASKED) == 20


def test_a_disabled_interrupt_stays_pending():
    controller = nvic(pending=[18])
    controller.enabled.clear()
    assert controller.next_exception(UNMASKED) is None
    assert controller.pending == {18}


def test_equal_priority_does_not_preempt():
    assert nvic(pending=[18], active=[20]).next_exception(UNMASKED) is None


def test_sub_priority_orders_but_does_not_preempt():
    controller = nvic(pending=[18, 19], e18=0x50, e19=0x40, e20=0x60)
    controller.group_bits = 6  # two bits of group priority
    assert controller.next_exception(UNMASKED) == 19
    controller.active.append(20)
    assert controller.next_exception(UNMASKED) is None


def test_only_implemented_priority_bits_are_kept():
    controller = nvic(e18=0xFF)
    assert controller.priority_of(18) == 0xF0


@pytest.mark.parametrize(
    ("masks", "taken"),
    [
        (Masks(primask=1), None),
        (Masks(basepri=0x40), None),
        (Masks(basepri=0x50), 18),
        (Masks(faultmask=1), None),
    ],
)
def test_masks_hold_back(masks, taken):
    assert nvic(pending=[18], e18=0x40).next_exception(masks) == taken


def test_a_hard_fault_passes_primask_but_not_faultmask():
    assert nvic(pending=[HARD_FAULT]).next_exception(Masks(primask=1)) == HARD_FAULT
    assert nvic(pending=[HARD_FAULT]).next_exception(Masks(faultmask=1)) is None


def test_wfi_wakes_although_primask_is_set():
    assert nvic(pending=[18]).would_wake(Masks(primask=1))
    assert not nvic(pending=[18], e18=0x80).would_wake(Masks(primask=1, basepri=0x40))


def test_a_line_that_stays_high_is_pending_again_after_the_handler():
    controller = nvic()
    controller.set_line(4, True)
    controller.enter(20)
    assert controller.pending == set()
    assert controller.leave() == 20
    assert controller.pending == {20}


def test_a_line_that_was_lowered_by_the_handler_is_not():
    controller = nvic()
    controller.set_line(4, True)
    controller.enter(20)
    controller.set_line(4, False)
    controller.leave()
    assert controller.pending == set()


def test_pending_system_exceptions_need_no_enable():
    assert nvic(pending=[PENDSV, SYSTICK]).next_exception(UNMASKED) == PENDSV


class Counter:
    value = 0

    def __call__(self):
        return self.value


@pytest.fixture
def counter():
    return Counter()


def started(counter, control=7, reload=99):
    systick = SysTick(Clock(counter))
    systick.write(SysTick.LOAD, reload)
    systick.write(SysTick.CTRL, control)
    return systick


def test_systick_interrupts_every_reload_plus_one_clocks(counter):
    systick = started(counter)
    assert systick.next_event == 100
    counter.value = 99
    assert not systick.advance()
    counter.value = 100
    assert systick.advance()
    assert systick.next_event == 200


def test_a_late_systick_keeps_its_phase(counter):
    systick = started(counter)
    counter.value = 350
    assert systick.advance()
    assert systick.next_event == 400


def test_systick_counts_down_and_flags_once(counter):
    systick = started(counter, control=5)
    counter.value = 30
    assert systick.read(SysTick.VAL) == 70
    assert systick.next_event is None  # no TICKINT
    counter.value = 130
    assert systick.read(SysTick.CTRL) == 5 | SysTick.COUNTFLAG
    assert systick.read(SysTick.CTRL) == 5


def test_systick_on_the_external_clock_is_eight_times_slower(counter):
    assert started(counter, control=3).next_event == 800


def test_idle_time_counts(counter):
    clock = Clock(counter, idle=0)
    counter.value, clock.idle = 10, 90
    assert clock.now == 100


def test_reading_the_counter_loses_no_interrupt(counter):
    systick = started(counter)
    counter.value = 99
    assert systick.read(SysTick.VAL) == 1
    counter.value = 103
    assert systick.read(SysTick.VAL) == 0  # not 97: its interrupt has not been taken
    assert systick.next_event == 103
    assert systick.advance()
    assert not systick.advance()
    assert systick.read(SysTick.VAL) == 97
