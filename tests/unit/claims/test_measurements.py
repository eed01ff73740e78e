"""Measuring a part of a claim on a study, and what is said where that cannot be done."""

import pytest
from made_up_evidence import evidence, run, tables
from made_up_verdicts import EIGENVALUE

from skipscope.analysis.quantities import QUANTITIES
from skipscope.claims.comparisons import SELECTIONS, compared, unpaired
from skipscope.claims.contrasts import counted, growth, mean_difference, slope
from skipscope.claims.evidence import Evidence
from skipscope.claims.measurements import measure, with_seeds
from skipscope.claims.model import Measurement
from skipscope.spec.comparison import Comparison

Q = "eigenvalue"


def curvature(*arms: str, seeds: int = 1) -> list[tuple]:
    return [
        (arm, seed, "curvature", 5, "hessian", "top_eigenvalue", 10.0 ** (k + 1))
        for k, arm in enumerate(arms)
        for seed in range(seeds)
    ]


def asked(evidence_: Evidence, **more: object) -> list[Measurement]:
    return measure(EIGENVALUE.model_copy(update=more), evidence_)


def test_a_fair_comparison_is_measured() -> None:
    found = evidence("plain8", "resnet8", rows=curvature("resnet8", "plain8"))
    [measured] = asked(found)
    assert (str(measured.comparison), measured.effect.value) == ("resnet8 - plain8", -1)
    assert (measured.confounds, measured.missing, measured.hint, measured.context) == ((), (), "", False)
    assert measured.runs == (run("resnet8", 0).id, run("plain8", 0).id)


def test_the_greatest_depth_is_the_greatest_in_whatever_order_a_study_names_its_pairs() -> None:
    rows = [*curvature("resnet8", "plain8"), *curvature("resnet14", "plain14")]
    pairs = [("resnet14", "plain14"), ("resnet8", "plain8")]
    found = []
    for order in (pairs, pairs[::-1]):
        treated, control = zip(*order, strict=True)
        one = Comparison(treated=treated, control=control, factor="shortcut")
        given = evidence("plain8", "resnet8", "plain14", "resnet14", rows=rows)
        found += asked(given, comparisons=lambda _evidence, one=one: [one], select=SELECTIONS["deepest"])
    assert {str(each.comparison) for each in found} == {"resnet14 - plain14"}
    assert found[0].effect == found[1].effect


def test_a_confounded_one_names_the_study_that_is_fair() -> None:
    found = evidence("cnn", "resnet", rows=curvature("resnet", "cnn"))
    [measured] = asked(found)
    assert {"stem", "maps"} <= {each.what for each in measured.confounds}
    assert measured.hint == "skipscope run fair"


def test_beside_a_fair_one_a_confounded_one_is_context() -> None:
    arms = ("plain8", "resnet8", "cnn", "resnet")
    found = asked(evidence(*arms, rows=curvature(*arms)))
    assert [(str(each.comparison), each.context) for each in found] == [
        ("resnet8 - plain8", False),
        ("resnet - cnn", True),
    ]


FOUR = ("plain8", "resnet8", "plain14", "resnet14")
LESS = {"learning_rate": 0.01}


def across(_evidence: Evidence) -> list[Comparison]:
    """Declared: of what is read off a study's arms those of one recipe are compared."""
    return [Comparison(treated=FOUR[1::2], control=FOUR[::2], factor="shortcut")]


@pytest.mark.parametrize("more", [{}, {"select": SELECTIONS["ends"]}])
def test_a_recipe_of_its_own_confounds_what_is_asked_of_that_arm(more: dict[str, object]) -> None:
    found = evidence(*FOUR, rows=curvature(*FOUR), recipes={"plain8": LESS})
    [measured] = asked(found, comparisons=across, **more)
    assert {each.what for each in measured.confounds} == {"recipe.learning_rate"}


@pytest.mark.parametrize(
    ("select", "contrast", "comparison", "value"),
    [
        (SELECTIONS["deepest"], mean_difference, "resnet14 - plain14", 1),
        (SELECTIONS["ends_of_treated"], growth, "resnet8, resnet14", 2),
    ],
)
def test_only_arms_that_a_part_speaks_of_matter_to_it(
    select: object, contrast: object, comparison: str, value: float
) -> None:
    found = evidence(*FOUR, rows=curvature(*FOUR), recipes={"plain8": LESS})
    [measured] = asked(found, comparisons=across, select=select, contrast=contrast)
    assert (str(measured.comparison), measured.confounds) == (comparison, ())
    assert measured.effect.value == pytest.approx(value)
    assert set(measured.runs) == {found.done[arm][0].id for arm in measured.comparison.arms}
    # nor does it matter that one of the others was not measured
    unknown = evidence(*FOUR, rows=curvature(*FOUR)[1:])
    [measured] = asked(unknown, comparisons=across, select=select, contrast=contrast)
    assert measured.effect.value == pytest.approx(value)


def test_networks_that_are_asked_as_they_are_may_have_recipes_of_their_own() -> None:
    arms = ("resnet8", "resnet14", "plain8")
    found = evidence(*arms, rows=curvature(*arms), recipes={"resnet14": LESS})
    [measured] = asked(found, comparisons=unpaired(Evidence.is_residual), contrast=mean_difference)
    assert (measured.effect.value, measured.confounds) == (1.5, ())


def test_arms_that_lack_are_those_of_a_shipped_study() -> None:
    [measured] = asked(evidence("plain20"))
    assert (str(measured.comparison), measured.missing, measured.hint) == (
        "resnet20 - plain20",
        ("resnet20",),
        "skipscope run fair",
    )
    [deep] = asked(evidence("cnn"), contrast=slope, min_pairs=2, study="depth")
    assert len(deep.comparison.treated) == 4
    assert "plain56" in deep.missing
    # without BatchNorm there are others
    bare = compared("shortcut", lambda e, c: not any(map(e.is_normalised, c.arms)))
    [control] = asked(evidence("cnn"), comparisons=bare, study="depth", at_init=True)
    assert all(arm.endswith("_nobn") for arm in control.comparison.arms)
    # a single network of the right kind
    [gated] = asked(evidence("cnn"), comparisons=unpaired(Evidence.is_gated), study="lab")
    assert gated.missing == ("se_resnet",)
    [same] = asked(evidence("plain20", "resnet20"), comparisons=compared("gate"), study="lab")
    assert same.missing == ("se_resnet", "resnet")


def test_a_control_that_no_study_has_arms_for_is_not_told_of() -> None:
    nowhere = compared("shortcut", lambda *_: False)
    assert asked(evidence("plain20"), comparisons=nowhere, counts=False) == []


def test_a_study_under_way_goes_on_with_its_own_command() -> None:
    found = evidence("plain8", "resnet8", rows=curvature("resnet8"), missing=[("plain8", 0)])
    [measured] = asked(found)
    assert (measured.missing, measured.hint) == (("plain8",), "skipscope run made")


def test_a_probe_that_was_left_out_is_named_with_its_runs() -> None:
    more = {"rows": curvature("resnet8"), "probes": ["answers"]}
    [measured] = asked(evidence("plain8", "resnet8", **more), probe="curvature")
    assert measured.missing == ("plain8: curvature",)
    assert measured.hint == f"skipscope probe {run('plain8', 0).id} --only curvature"
    # one that was not left out has nothing to measure there
    [other] = asked(evidence("plain8", "resnet8", rows=curvature("resnet8")), probe="curvature")
    assert other.hint == "skipscope run fair"
    # what no probe measures is named by itself
    [record] = asked(evidence("plain8", "resnet8", rows=curvature("resnet8")))
    assert record.missing == ("plain8: eigenvalue",)
    assert record.hint == "skipscope run made"


def test_arms_without_a_seed_in_common_want_for_seeds() -> None:
    rows = [*curvature("resnet8"), ("plain8", 1, "curvature", 5, "hessian", "top_eigenvalue", 3.0)]
    [measured] = asked(evidence("plain8", "resnet8", rows=rows, seeds=2))
    assert (measured.effect, measured.missing) == (None, ("seeds",))
    assert measured.hint == "skipscope run made --seeds 5"


SEEDS = range(5)


@pytest.mark.parametrize(
    ("failed", "arms"),
    [
        ({("plain8", seed): "diverged" for seed in SEEDS}, ("plain8",)),
        ({("plain8" if seed < 2 else "resnet8", seed): "diverged" for seed in SEEDS}, ("resnet8", "plain8")),
    ],
)
def test_where_a_run_of_every_seed_diverged_more_of_them_are_not_asked_for(
    failed: dict[tuple[str, int], str], arms: tuple[str, ...]
) -> None:
    rows = curvature("plain8", "resnet8", seeds=5)
    [measured] = asked(evidence("plain8", "resnet8", rows=rows, seeds=5, failed=failed))
    assert (measured.effect, measured.lost, measured.missing, measured.hint) == (None, "diverged", arms, "")
    # one that is still to be trained, or that ended otherwise, may come out well
    for other in ({"missing": [("plain8", 0)]}, {"failed": failed | {("plain8", 0): "error"}}):
        more = {"failed": {run: kind for run, kind in failed.items() if run != ("plain8", 0)}} | other
        [open_] = asked(evidence("plain8", "resnet8", rows=rows, seeds=5, **more))
        assert open_.lost == ""
        assert open_.hint.startswith("skipscope run made")


def test_where_no_seed_has_a_number_more_of_them_are_not_asked_for() -> None:
    rows = [
        (*row[:-1], None if row[0] == "plain8" else row[-1])
        for row in curvature("plain8", "resnet8", seeds=5)
    ]
    [measured] = asked(evidence("plain8", "resnet8", rows=rows, seeds=5))
    assert (measured.effect, measured.lost, measured.missing, measured.hint) == (None, "no_number", (Q,), "")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("skipscope run lab", "skipscope run lab --seeds 7"),
        ("skipscope run lab --seeds 3 --epochs 2", "skipscope run lab --epochs 2 --seeds 7"),
        ("skipscope run lab --seeds=3", "skipscope run lab --seeds 7"),
        ("skipscope.run(load_study('x'))", "skipscope.run(load_study('x'), seeds=7)"),
        (
            "skipscope.run(load_study('x'), seeds=3, epochs=2)",
            "skipscope.run(load_study('x'), epochs=2, seeds=7)",
        ),
    ],
)
def test_more_seeds_are_asked_for_once(command: str, expected: str) -> None:
    assert with_seeds(command, 7) == expected


def test_networks_that_are_not_trained_are_asked_of_their_start_only() -> None:
    start = [(arm, s, "shattering", 0, "lag 1", "autocorrelation", v) for s in range(3)
             for arm, v in (("plain8_nobn", 0.2), ("resnet8_nobn", 0.5))]  # fmt: skip
    more = {"initial": ["plain8_nobn", "resnet8_nobn"], "initial_seeds": 3, "start": start}
    found = evidence("cnn", **more)
    [measured] = asked(found, quantity="shattering at the start", at_init=True)
    assert (measured.effect.n, measured.effect.value) == (3, pytest.approx(0.3))
    assert measured.confounds == ()  # the networks alone are compared
    assert measured.runs == ()
    [trained] = asked(found)
    assert trained.hint == "skipscope run fair"


@pytest.mark.parametrize("kind", ["diverged", "error"])
def test_what_was_measured_at_the_start_holds_whatever_came_later(kind: str) -> None:
    rows = [
        (arm, seed, "shattering", step, "lag 1", "autocorrelation", value + step)
        for arm, value in (("plain8", 0.2), ("resnet8", 0.5))
        for seed in range(3)
        for step in (0, 5)
    ]
    made = tables("plain8", "resnet8", seeds=3, rows=rows, failed={("plain8", 1): kind})
    found = Evidence(made, QUANTITIES)
    [start] = asked(found, quantity="shattering at the start", at_init=True)
    assert (start.effect.n, start.effect.value, start.confounds) == (3, pytest.approx(0.3), ())
    [trained] = asked(found, quantity="shattering")
    assert trained.effect.n == 2
    assert set(start.runs) - set(trained.runs) == {run("plain8", 1).id}


def test_networks_are_asked_of_their_start_before_any_run() -> None:
    values = {"plain8": 0.2, "resnet8": 0.5, "plain14": 0.1, "resnet14": 0.6}
    start = [
        (arm, s, "shattering", 0, "lag 1", "autocorrelation", v)
        for s in range(3)
        for arm, v in values.items()
    ]
    arms = tuple(values)
    more = {"initial_seeds": 3, "start": start, "missing": [(arm, 0) for arm in arms]}
    how = {"quantity": "shattering at the start", "contrast": slope, "at_init": True, "min_pairs": 2}
    [measured] = asked(evidence(*arms, **more), **how)
    assert measured.effect.value == pytest.approx((0.5 - 0.3) / 0.6)
    # an older record does not tell what they are
    [older] = asked(evidence(*arms, **more, planned=False), **how)
    assert (older.effect, older.missing[:1]) == (None, ("resnet8",))


def test_a_curve_is_cut_down_to_what_is_trained() -> None:
    arms = ("plain8", "resnet8")
    more = {"initial": ["plain14", "resnet14"], "initial_seeds": 1}
    [measured] = asked(evidence(*arms, rows=curvature(*arms), **more))
    assert str(measured.comparison) == "resnet8 - plain8"


def test_what_is_counted_needs_no_run_but_its_card() -> None:
    by = counted(lambda card: card.params)
    found = evidence("resnet20", "se_resnet20")
    [measured] = asked(found, comparisons=compared("gate"), contrast=by, quantity="")
    assert measured.effect.exact
    [lacking] = asked(
        evidence("resnet20", "se_resnet20", missing=[("resnet20", 0)], planned=False),
        comparisons=compared("gate"),
        contrast=by,
        quantity="",
    )
    assert lacking.missing == ("resnet20",)
    [confounded] = asked(
        evidence("resnet", "se_resnet"), comparisons=compared("gate"), contrast=by, quantity=""
    )
    assert confounded.confounds


def test_several_networks_as_they_are() -> None:
    found = evidence("resnet8", "cnn", "se_resnet8", rows=curvature("resnet8", "se_resnet8"))
    [measured] = asked(found, comparisons=unpaired(Evidence.is_residual), contrast=mean_difference)
    assert str(measured.comparison) == "resnet8, se_resnet8"
    assert measured.effect.value == 1.5
