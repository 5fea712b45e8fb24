"""Budgets against floods: each counter has its limit, and recovers."""

from typing import Any

import pytest

from penstock.errors import Http2Error
from penstock.wire import http2_budget as budgets
from penstock.wire.http2_budget import Budget
from penstock.wire.http2_frames import ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    ("spend", "limit", "per_s"),
    [
        (lambda b: b.reset(), budgets.RESETS_MAX, budgets.RESETS_PER_S),
        (lambda b: b.empty(), budgets.EMPTY_MAX, budgets.EMPTY_PER_S),
        (lambda b: b.small(), budgets.SMALL_MAX, budgets.SMALL_PER_S),
        (lambda b: b.settings(), budgets.SETTINGS_MAX, budgets.SETTINGS_PER_S),
        (lambda b: b.churn(0), budgets.CHURN_MAX, budgets.CHURN_PER_S),
    ],
)
def test_budgets_have_limits_and_recover(spend: Any, limit: int, per_s: int) -> None:
    """The limit is allowed, one more is not; a second later there is room again."""
    budget = Budget()
    for _ in range(limit):
        spend(budget)
    with pytest.raises(Http2Error) as caught:
        spend(budget)
    assert caught.value.code == ENHANCE_YOUR_CALM
    budget.recover(1.0, 0)
    for _ in range(per_s - 1):
        spend(budget)
    with pytest.raises(Http2Error):
        for _ in range(2):
            spend(budget)
    budget.recover(1e6, 0)
    for _ in range(limit):
        spend(budget)


def test_churn_goes_with_what_is_done() -> None:
    """Where much happens on a connection, more frames that carry nothing may come."""
    budget = Budget()
    for _ in range(budgets.CHURN_MAX + 500):
        budget.churn(500)
    with pytest.raises(Http2Error):
        budget.churn(500)
    budget = Budget()
    for second in range(10):
        for _ in range(5000):
            budget.churn(5000 * (second + 1))
        budget.recover(1.0, 5000 * (second + 1))
