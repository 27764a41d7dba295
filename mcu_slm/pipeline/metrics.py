"""Results of training as people read them."""

from __future__ import annotations

from typing import Final

SHARES: Final = (
    "accuracy",
    "auroc",
    "average_precision",
    "f1",
    "macro_f1",
    "point_adjusted_f1",
)
"""Metrics between 0 and 1 that are written in percent."""


_SPELLED: Final = {
    "auroc": "AUROC",
    "cmapss_score": "C-MAPSS score",
    "macro_f1": "macro-F1",
    "rmse": "RMSE",
}


def shown_metric(name: str, value: float | None, digits: int = 1) -> str:
    """Return a metric as people read it: shares in percent, the rest as it is.

    None stands for what these windows cannot tell: nothing is found where there is no anomaly.
    """
    if value is None:
        return "not known"
    return f"{value:.{digits}%}" if name in SHARES else f"{value:.4g}"


def shown_change(name: str, change: float) -> str:
    """Return a change of a metric: of shares in points, of the rest as it is."""
    return f"{100 * change:+.2f} points" if name in SHARES else f"{change:+.4g}"


def metric_title(name: str) -> str:
    """Return a metric's name in words."""
    return _SPELLED.get(name, name.replace("_", " "))


def shown_alarms(found: dict[str, float]) -> str:
    """Return what the alarms of a detector found, as the beginning of a sentence, else nothing."""
    if "anomalies" not in found:
        return ""
    return (
        f"int8 finds {found['anomalies_found']:.0f} of {found['anomalies']:.0f} anomalies with "
        f"{found['false_alarms_per_1000']:.2f} false alarms per 1,000 normal points "
        f"({found['false_alarm_events']:.0f} runs of them); "
    )
