"""Made-up verdicts: findings and results of claims as `evaluate` gives them."""

from skipscope.claims.catalogue import catalogue
from skipscope.claims.model import ClaimResult, Effect, Finding


def finding(part, verdict="supported", **other):
    effect = Effect(estimate=0.75, low=0.5, high=1.0, n=5, unit="points", spread=0.2, images_error=0.0)
    given = {
        "part": part.id,
        "counts": part.counts,
        "comparison": "resnet20 - plain20",
        "factor": "shortcut",
        "arms": ("resnet20", "plain20"),
        "direction": part.direction,
        "bound": part.bound,
        "exact": False,
        "verdict": verdict,
        "effect": None if verdict == "not_measured" else effect,
        "p_for": 0.01,
        "p_against": 1.0,
        "confounds": (),
        "runs": ("plain20-s0-00000000", "resnet20-s0-00000000"),
        "missing": (),
        "hint": "",
    }
    return Finding.model_validate(given | other)


def one_of(id, verdict, **other):
    """This claim with this verdict, by its first part."""
    return next(each for each in all_of(verdict, **other) if each.id == id)


def all_of(verdict, **other):
    """Every claim with this verdict, each by its first part."""
    return tuple(
        ClaimResult(
            id=listed.id,
            group=listed.group,
            verdict=verdict,
            findings=(finding(next(iter(listed.parts.values())), verdict, **other),),
            p=0.01,
            adjusted_p=0.03,
            family=3,
        )
        for listed in catalogue().values()
    )
