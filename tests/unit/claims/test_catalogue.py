"""The claims' TOML: whole, consistent with probes and studies, and strict about typos."""

import pytest
from pydantic import ValidationError

from skipscope.claims.catalogue import catalogue, part_of, read_claims
from skipscope.probes.registry import PROBES
from skipscope.spec import shipped_studies

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


def test_every_claim_has_parts_that_count_and_can_be_measured() -> None:
    assert list(catalogue()) == [f"{g}{n}" for g, last in zip("SDET", (7, 4, 5, 5), strict=True)
                                 for n in range(1, last + 1)]  # fmt: skip
    for claim in catalogue().values():
        assert claim.wording("zh").sentence != claim.wording("en").sentence
        assert any(part.counts for part in claim.parts.values()), claim.id
        for part in claim.parts.values():
            assert part.bound >= 0 or part.direction in ("above", "below")
            assert part.probe in {"", *PROBES}
            assert part.study in shipped_studies()
            assert bool(part.quantity) != part.exact
            for language in ("en", "zh"):
                words = part.wording(language)
                assert min(map(len, (words.name, words.short, words.reason))) > 1
    with pytest.raises(KeyError):
        part_of("S1", "none")


def test_a_claim_is_read_with_its_defaults() -> None:
    claim = read_claims("gates", CLAIM)["X1"]
    assert (claim.group, claim.needs, claim.true_of_itself) == ("gates", "all", False)
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
    """A claim that needs all its parts is contradicted by one: its sentence says no more than that."""
    for claim in catalogue().values():
        counted = [part for part in claim.parts.values() if part.counts]
        if claim.needs == "all" and len(counted) > 1:
            en, zh = claim.en.contradicted, claim.zh.contradicted
            assert "does not hold throughout" in en or " or more than " in en, claim.id
            assert "并非" in zh or "或运算" in zh, claim.id
