"""Scores and alarms against values worked out by hand."""

import math

import pytest
import torch

from mcu_slm.errors import TrainingError
from mcu_slm.train.tasks.alarms import (
    Points,
    alarm_metrics,
    auroc,
    average_precision,
    calibrated_threshold,
    f1,
    point_adjusted,
    runs,
)

pytestmark = pytest.mark.unit


def flags(text: str) -> torch.Tensor:
    return torch.tensor([c == "1" for c in text])


def one_stretch(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.int64)


def test_the_threshold_lets_a_share_of_normal_scores_pass():
    scores = torch.arange(1.0, 11.0)
    assert calibrated_threshold(scores, 0.05) == 10.0
    assert calibrated_threshold(scores, 0.2) == 8.0
    assert int((scores > 8.0).sum()) == 2


def test_equal_scores_at_the_threshold_do_not_alarm():
    scores = torch.tensor([1.0, 3.0, 3.0, 3.0, 2.0])
    threshold = calibrated_threshold(scores, 0.2)
    assert threshold == 3.0
    assert int((scores > threshold).sum()) == 0


def test_no_normal_window_gives_no_threshold():
    with pytest.raises(TrainingError, match="none of them is normal"):
        calibrated_threshold(torch.zeros(0), 0.1)


def test_auroc_counts_pairs_and_ties_half():
    # Anomalies 3 and 2 against normal 1, 2: 3 > 1, 3 > 2, 2 > 1 and 2 = 2.
    scores = torch.tensor([3.0, 2.0, 1.0, 2.0])
    assert auroc(scores, flags("1100")) == pytest.approx(3.5 / 4)
    assert auroc(-scores, flags("1100")) == pytest.approx(0.5 / 4)


def test_average_precision_is_the_mean_over_the_anomalies():
    # Ordered: 4 (anomaly), 3 (normal), 2 (anomaly), 1 (normal).
    scores = torch.tensor([1.0, 4.0, 3.0, 2.0])
    assert average_precision(scores, flags("0101")) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_found_together():
    assert average_precision(torch.ones(4), flags("0100")) == pytest.approx(0.25)


def test_f1_of_points():
    # 1 hit, 2 alarms, 3 anomalous points.
    assert f1(flags("110000"), flags("011100")) == pytest.approx(2 / 5)
    assert f1(flags("0000"), flags("0000")) == 0.0


def test_runs_are_numbered_and_end_with_their_stretch():
    stretch = torch.tensor([0, 0, 0, 1, 1, 1])
    assert runs(flags("011110"), stretch).tolist() == [0, 1, 1, 2, 2, 0]


def test_one_alarm_adjusts_its_whole_anomaly_and_no_other():
    alarms, labels = flags("1001000000"), flags("0011100110")
    expected = flags("1011100000")
    assert torch.equal(point_adjusted(alarms, labels, one_stretch(10)), expected)


def test_alarms_are_judged_by_points_and_by_events():
    alarms, labels = flags("1101000001"), flags("0011100110")
    found = alarm_metrics(alarms, labels, one_stretch(10))
    assert found["anomalies"] == 2
    assert found["anomalies_found"] == 1
    assert found["false_alarms_per_1000"] == pytest.approx(3 / 5 * 1000)
    assert found["false_alarm_events"] == 2
    assert found["needless_alarms"] == 2
    assert found["needless_alarms_per_1000"] == pytest.approx(2 / 5 * 1000)
    assert found["f1"] == pytest.approx(2 * 1 / (4 + 5))
    assert found["point_adjusted_f1"] == pytest.approx(2 * 3 / (6 + 5))


def test_what_fades_after_an_anomaly_is_no_alarm_of_its_own():
    alarms, labels = flags("0001110010"), flags("0011000000")
    found = alarm_metrics(alarms, labels, one_stretch(10))
    assert found["false_alarm_events"] == 2
    assert found["needless_alarms"] == 1


def test_too_few_normal_scores_are_continued_as_an_exponential_tail():
    # Of 40 scores the four highest lie on average 2.5 above the fifth.
    scores = torch.cat([torch.zeros(36), torch.tensor([1.0, 2.0, 3.0, 4.0])])
    assert calibrated_threshold(scores, 0.001) == pytest.approx(2.5 * math.log(100))
    assert calibrated_threshold(scores, 0.03) == pytest.approx(3.0)
    assert calibrated_threshold(scores[-4:], 0.001) == 4.0


def test_nothing_alarmed_and_nothing_anomalous_gives_zeros():
    found = alarm_metrics(flags("000"), flags("000"), one_stretch(3))
    assert set(found.values()) == {0.0}


def test_points_are_ordered_and_cut_where_time_is_missing():
    points = Points(
        label=flags("00000"),
        recording=torch.tensor([1, 0, 0, 0, 1]),
        start=torch.tensor([8, 8, 0, 4, 20]),
    )
    order = points.order()
    assert order.tolist() == [2, 3, 1, 0, 4]
    assert points.stretches(order).tolist() == [0, 0, 0, 1, 2]
