"""Results of training as people read them."""

import pytest

from mcu_slm.pipeline.metrics import shown_alarms, shown_metric

pytestmark = pytest.mark.unit


def test_shares_are_percent_and_what_is_not_known_says_so() -> None:
    assert shown_metric("auroc", 0.5875) == "58.8%"
    assert shown_metric("rmse", 12.34567) == "12.35"
    assert shown_metric("auroc", None) == "not known"


def test_alarms_are_counted_by_points_and_by_runs() -> None:
    found = {
        "anomalies": 3.0,
        "anomalies_found": 2.0,
        "false_alarms_per_1000": 0.797,
        "false_alarm_events": 12.0,
    }
    assert shown_alarms(found) == (
        "int8 finds 2 of 3 anomalies with 0.80 false alarms per 1,000 normal points "
        "(12 runs of them); "
    )
    assert shown_alarms({"accuracy": 0.9}) == ""
