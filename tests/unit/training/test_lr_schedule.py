"""The learning rate at the places that define it, and everywhere between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipscope.spec import Recipe
from skipscope.training.lr_schedule import learning_rate

RECIPE = Recipe(epochs=5, learning_rate=0.1, warmup_epochs=1)


def test_rises_to_the_peak_and_falls_to_nearly_nothing() -> None:
    rates = [learning_rate(RECIPE, step, 10) for step in range(50)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[9] == rates[10] == pytest.approx(0.1)
    assert rates[30] == pytest.approx(0.05)  # half way down the cosine
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[49] < 0.001


def test_is_divided_by_ten_at_each_milestone() -> None:
    recipe = Recipe(epochs=4, learning_rate=0.1, warmup_epochs=0.5, milestones=(0.5, 0.75))
    rates = [learning_rate(recipe, step, 10) for step in range(40)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates[5:] == pytest.approx([0.1] * 15 + [0.01] * 10 + [0.001] * 10)


@given(
    epochs=st.integers(1, 9),
    steps=st.integers(1, 50),
    warmup=st.floats(0, 12),
    share=st.floats(0, 1, exclude_max=True),
)
def test_is_positive_and_at_most_the_peak_at_every_step(
    epochs: int, steps: int, warmup: float, share: float
) -> None:
    recipe = Recipe(epochs=epochs, warmup_epochs=warmup, learning_rate=0.1)
    assert 0 < learning_rate(recipe, int(share * epochs * steps), steps) <= 0.1
