"""Numbers of a run that claims of the second edition compare, by hand."""

import pytest
from made_up_evidence import evidence


def of(name: str, *models: str, **more: object) -> dict[str, dict[int, object]]:
    return {arm: dict(seeds) for arm, seeds in evidence(*models, **more).series(name).items()}


def test_agreement_of_gradients_is_that_before_or_after_training() -> None:
    rows = [
        ("cnn", 0, "gradient_confusion", step, "all", quantity, value)
        for step, quantity, value in (
            (0, "mean_cosine", 0.5),
            (0, "least_cosine", -0.25),
            (9, "mean_cosine", 0.125),
            (9, "least_cosine", -0.5),
        )
    ]
    for name, value in {
        "gradient agreement at the start": 0.5,
        "least gradient agreement at the start": -0.25,
        "gradient agreement": 0.125,
        "least gradient agreement": -0.5,
    }.items():
        assert of(name, "cnn", rows=rows) == {"cnn": {0: pytest.approx(value)}}
