"""The claims' TOML: whole, consistent with probes and studies, and strict about typos."""

import pytest
from pydantic import ValidationError

from skipscope.claims.catalogue import catalogue, part_of, read_claims
from skipscope.claims.measurements import shipped
from skipscope.probes.registry import PROBES
from skipscope.spec import shipped_studies
from skipscope.training.measuring import GENERALISATION

WORDS = ("name", "sentence", "needs", "supported", "contradicted", "inconclusive", "changes")
CLAIM = """
[X1]
{words}

[X1.parts.p]
comparisons = "gate"
quantity = "test accuracy"
contrast = "accuracy_difference"
study = "fair"
unit = "points"
direction = "above"
bound = 0.5
en = {name = "n", short = "s", reason = "r"}
zh = {name = "n", short = "s", reason = "r"}
""".replace("{words}", "\n".join(f'{language}.{word} = "c"' for language in ("en", "zh") for word in WORDS))


IDS = "S1a S1b S1c S2 S3 S4 S5 S6 S7 S8 S9 S10 S11 D1 D2 D3 D4 E1 E2 E3 E4 E5 T1 T2 T3 T4 T5 T6"


def test_every_claim_has_parts_that_count_and_can_be_measured() -> None:
    assert " ".join(catalogue()) == IDS
    for claim in catalogue().values():
        assert claim.wording("zh").sentence != claim.wording("en").sentence
        assert any(part.counts for part in claim.parts.values()), claim.id
        for part in claim.parts.values():
            assert part.bound >= 0 or part.direction in ("above", "below")
            assert part.probe in {"", GENERALISATION, *PROBES}
            assert part.study in shipped_studies()
            assert bool(part.quantity) != part.exact
            for language in ("en", "zh"):
                words = part.wording(language)
                assert min(map(len, (words.name, words.short, words.reason))) > 1
    with pytest.raises(KeyError):
        part_of("S2", "none")


def test_a_claim_is_read_with_its_defaults() -> None:
    claim = read_claims("gates", CLAIM)["X1"]
    assert (claim.group, claim.edition, claim.needs, claim.true_of_itself) == ("gates", 2, "all", False)
    part = claim.parts["p"]
    assert (part.id, part.min_pairs, part.counts, part.at_init) == ("p", 1, True, False)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('contrast = "accuracy_difference"', 'contrast = "acuracy"', "X1.parts.p.contrast"),
        ('comparisons = "gate"', 'comparisons = "gates"', "X1.parts.p.comparisons"),
        ('comparisons = "gate"', 'comparisons = "gate"\nselect = "last"', "X1.parts.p.select"),
        ('"test accuracy"', '"test acuracy"', "X1.parts.p.quantity"),
        ("bound = 0.5", "bonud = 0.5", "X1.parts.p.bonud"),
        ('"above"', '"over"', "X1.parts.p.direction"),
        ("bound = 0.5", 'scale = "log"\nbound = -0.5', "X1.parts.p"),
        ('"accuracy_difference"', '"agreement_over_ceiling"', "X1.parts.p"),
        ("bound = 0.5", 'bound = 0.5\nmoment = "later"', "X1.parts.p.moment"),
        ("bound = 0.5", 'bound = 0.5\neach = "depth"', "X1.parts.p.each"),
        ('short = "s", ', "", "X1.parts.p.en.short"),
        ('en.changes = "c"', 'en.chnages = "c"', "X1.en.chnages"),
    ],
)
def test_a_typo_is_an_error_that_says_where(old: str, new: str, told: str) -> None:
    with pytest.raises(ValidationError) as error:
        read_claims("gates", CLAIM.replace(old, new, 1))
    assert told in {".".join(map(str, each["loc"])) for each in error.value.errors()}


def test_a_claim_needs_its_parts() -> None:
    with pytest.raises(ValidationError, match="parts"):
        read_claims("gates", CLAIM.split("[X1.parts.p]", maxsplit=1)[0])


def test_one_part_that_fails_does_not_deny_the_others() -> None:
    """What needs all its parts, or every depth, is contradicted by one: its sentence says no more."""
    for claim in catalogue().values():
        counted = [part for part in claim.parts.values() if part.counts]
        if claim.needs == "all" and (len(counted) > 1 or counted[0].each != "whole"):
            en, zh = claim.en.contradicted, claim.zh.contradicted
            assert "at least one" in en.lower() or "or at least" in en, claim.id
            assert "至少" in zh, claim.id


def test_every_part_that_counts_is_measured_by_a_study_that_comes_with_us() -> None:
    for claim in catalogue().values():
        for part in (part for part in claim.parts.values() if part.counts):
            planned = part.comparisons(shipped(part.study))
            assert [part.select(each) for each in planned if len(each.treated) >= part.min_pairs], claim.id


def test_no_difference_in_how_much_was_learnt_explains_what_moves_with_it() -> None:
    """Curvature, landscape, gap, updates and steadiness of two arms are compared at equal loss."""
    moving = {"eigenvalue", "slice", "plane", "gap", "unevenness of updates", "unsteadiness now"}
    for claim in catalogue().values():
        for part in claim.parts.values():
            if part.quantity in moving and claim.id != "T6":  # it asks what the rate does by the end
                assert part.moment == "equal_loss", claim.id
