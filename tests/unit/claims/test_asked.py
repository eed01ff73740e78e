"""A part's quantity as it asks for it: on a scale, and less the network's own start."""

from math import log

import pytest
from made_up_evidence import evidence
from made_up_verdicts import EIGENVALUE

from skipscope.claims.catalogue import part_of
from skipscope.claims.evidence import Evidence
from skipscope.claims.measurements import measure


def gated(seeds: int, trained: float, start: float) -> Evidence:
    rows = [
        ("se_resnet8", seed, "gates", step, "se", "class_share", share)
        for seed in range(seeds)
        for step, share in ((0, start + seed / 1000), (5, trained + seed / 1000))
    ]
    return evidence("se_resnet8", seeds=seeds, rows=rows)


@pytest.mark.parametrize(("scale", "value"), [("linear", 0.2), ("log", log(3)), ("logit", log(27 / 7))])
def test_a_network_is_its_own_control_before_its_first_step(scale: str, value: float) -> None:
    part = part_of("E1", "class_share").model_copy(update={"scale": scale, "minus_start": True})
    [measured] = measure(part, gated(1, trained=0.3, start=0.1))
    assert measured.effect.value == pytest.approx(value)
    assert not measured.effect.level
    [several] = measure(part, gated(4, trained=0.3, start=0.1))
    assert several.effect.n == 4
    # without its start it is as it is
    [alone] = measure(part.model_copy(update={"minus_start": False}), gated(4, trained=0.3, start=0.1))
    assert alone.effect.level


def test_a_start_that_was_not_measured_is_named() -> None:
    part = part_of("E1", "class_share").model_copy(update={"minus_start": True})
    rows = [("se_resnet8", 0, "gates", 5, "se", "class_share", 0.3)]
    [measured] = measure(part, evidence("se_resnet8", rows=rows))
    assert (measured.effect, measured.missing) == (None, ("se_resnet8: gates at the start",))
    assert measured.hint == "skipscope run made"


def test_a_value_that_a_scale_lacks_is_a_pair_without_one() -> None:
    part = EIGENVALUE.model_copy(update={"quantity": "seconds per image", "scale": "log"})
    numbers = {("resnet8", seed): {"images_per_second": rate} for seed, rate in ((0, 80.0), (1, -1.0))}
    [measured] = measure(part, evidence("plain8", "resnet8", seeds=2, numbers=numbers))
    assert (measured.effect.n, measured.effect.dropped) == (1, 1)
    assert measured.effect.value == pytest.approx(log(100 / 80))
