"""Comparisons of a study: declared in its file, or read off its arms' names."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from skipscope.engine.adapt import adapt
from skipscope.errors import SpecError
from skipscope.spec import StudySpec, load_study
from skipscope.spec.comparison import ARCHITECTURE, OWN, Comparison


def study(*models: str, **more: object) -> StudySpec:
    return StudySpec.model_validate({"name": "x", "arm": [{"model": model} for model in models]} | more)


def derived(*models: str, **more: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in study(*models, **more).comparisons:
        found.setdefault(each.factor, []).append(str(each))
    return found


def test_families_are_compared_at_every_depth_that_both_have() -> None:
    found = derived("resnet20", "plain8", "plain20", "resnet8", "resnet32", "se_resnet20")
    assert found == {
        "shortcut": ["resnet8 - plain8, resnet20 - plain20"],
        "gate": ["se_resnet20 - resnet20"],
        "depth": ["resnet8, resnet20, resnet32"],
        "network": ["plain8 - resnet20", "se_resnet20 - resnet20"],
    }


def test_variants_are_compared_with_their_like() -> None:
    found = derived("plain20", "resnet20_b", "plain20_nobn", "resnet20_nobn", "se_resnet20_b")
    assert found["shortcut"] == ["resnet20_b - plain20", "resnet20_nobn - plain20_nobn"]
    assert found["gate"] == ["se_resnet20_b - resnet20_b"]
    assert "depth" not in found


def test_dense_networks_are_compared_with_those_as_deep() -> None:
    more = study("plain20", "resnet20", "densenet22_k12", "densenet40_k12", "densenet_bc22_k12").comparisons
    dense = [each for each in more if each.factor == "dense"]
    assert [str(each) for each in dense] == [
        "densenet22_k12 - plain20",
        "densenet22_k12 - resnet20",
        "densenet_bc22_k12 - plain20",
        "densenet_bc22_k12 - resnet20",
    ]
    assert {each.matched for each in dense} == {"depth"}
    curve = derived("plain32", "plain20", "densenet31_k12", "densenet19_k12")
    assert curve["dense"] == ["densenet19_k12 - plain20, densenet31_k12 - plain32"]
    assert curve["depth"] == ["densenet19_k12, densenet31_k12"]


def test_the_classroom_networks_are_compared_as_a_course_does() -> None:
    found = derived("cnn", "resnet", "densenet", "se_resnet")
    assert found["shortcut"] == ["resnet - cnn"]
    assert found["gate"] == ["se_resnet - resnet"]
    assert found["dense"] == ["densenet - cnn", "densenet - resnet"]
    assert found["network"] == ["resnet - cnn", "densenet - cnn", "se_resnet - cnn"]


def test_a_control_is_set_beside_its_own_network_alone() -> None:
    found = derived("cnn", "resnet", "densenet", "resnet_noskip")
    assert found["shortcut"] == ["resnet - cnn", "resnet - resnet_noskip"]
    assert found["network"] == ["resnet - cnn", "densenet - cnn"]


def test_the_missing_cells_make_a_square() -> None:
    square = [each for each in load_study("stem").comparisons if each.across != "depth"]
    assert [(str(each), each.factor, each.across) for each in square] == [
        ("resnet_nopool - resnet, se_resnet - se_resnet_pool", "pool", "gate"),
        ("se_resnet_pool - resnet, se_resnet - resnet_nopool", "gate", "pool"),
    ]


def test_a_gate_s_controls_are_compared_one_step_at_a_time() -> None:
    found = derived("se_resnet8", "resnet20", "se_resnet20", "se_resnet20_static", "se_resnet20_half")
    assert found == {
        "gate": ["se_resnet20 - resnet20"],
        "gate_content": ["se_resnet20 - se_resnet20_static"],
        "gate_scale": ["se_resnet20_static - se_resnet20_half"],
        "halving": ["se_resnet20_half - resnet20"],
        "depth": ["se_resnet8, se_resnet20"],
        "network": [f"{arm} - se_resnet8" for arm in ("resnet20", "se_resnet20_static", "se_resnet20_half")],
    }
    pooled = derived("resnet", "se_resnet_pool", "se_resnet_pool_static", "se_resnet_pool_half", "se_resnet")
    assert {factor: pooled[factor] for factor in ("gate_content", "gate_scale", "halving")} == {
        "gate_content": ["se_resnet_pool - se_resnet_pool_static"],
        "gate_scale": ["se_resnet_pool_static - se_resnet_pool_half"],
        "halving": ["se_resnet_pool_half - resnet"],
    }


def test_a_chain_is_the_control_of_the_dense_network_of_its_numbers_alone() -> None:
    found = derived("densenet19_k10", "densenet22_k12", "chain19_k10", "chain22_k10", "plain20")
    assert found["concatenation"] == ["densenet19_k10 - chain19_k10"]
    assert "shortcut" not in found
    assert found["network"] == ["chain19_k10 - densenet19_k10", "plain20 - densenet19_k10"]


def test_arms_at_other_rates_are_compared_in_nothing_else() -> None:
    rates = [
        {"model": model, "name": f"{model}-{rate}", "recipe": {"learning_rate": rate}}
        for model in ("plain20", "resnet20")
        for rate in (0.02, 0.1)
    ]
    arms = [{"model": "plain20"}, {"model": "resnet20"}, {"model": "resnet8"}, *rates]
    across = {
        "treated": ["resnet20-0.02", "resnet20", "resnet20-0.1"],
        "control": ["plain20-0.02", "plain20", "plain20-0.1"],
        "factor": "shortcut",
        "across": "rate",
    }
    tuned = {"treated": "resnet20-0.02", "control": "plain20-0.1", "factor": "shortcut", "tuned": True}
    spec = StudySpec.model_validate({"name": "x", "arm": arms, "comparison": [across, tuned]})
    assert spec.at_other_rates == {
        f"{model}-{rate}" for model in ("plain20", "resnet20") for rate in (0.02, 0.1)
    }
    assert [str(each) for each in spec.comparisons if not each.at_other_rates] == [
        "resnet20 - plain20",
        "resnet8, resnet20",
        "resnet20 - plain20",
    ]
    one, other = spec.comparison
    assert (one.own, one.own_across) == (OWN["shortcut"], {"recipe.learning_rate"})
    assert other.own == OWN["shortcut"] | {"recipe.learning_rate"}
    assert other.along("treated").own_across == OWN["depth"] | {"recipe.learning_rate"}
    # an arm of one rate among others is none of these
    alone = StudySpec.model_validate({"name": "x", "arm": arms})
    assert not alone.at_other_rates
    assert "resnet20-0.02 - plain20-0.02" in map(str, alone.comparisons)


def test_one_network_has_nothing_to_be_compared_with() -> None:
    assert derived("cnn") == {}


def test_arms_under_another_recipe_are_compared_among_themselves() -> None:
    arms = [
        {"model": model, "name": f"{model}-{name}", "recipe": recipe}
        for name, recipe in (("a", {}), ("b", {"epochs": 9}))
        for model in ("plain20", "resnet20")
    ]
    found = StudySpec.model_validate({"name": "x", "arm": arms}).comparisons
    assert [str(each) for each in found if each.factor == "shortcut"] == [
        "resnet20-a - plain20-a",
        "resnet20-b - plain20-b",
    ]
    # side by side stands what comes first
    assert [str(each) for each in found if each.factor == "network"] == ["resnet20-a - plain20-a"]


def test_what_is_declared_stands_in_place_of_what_follows() -> None:
    more = {"comparison": [{"treated": "resnet8", "control": "plain20", "factor": "shortcut"}]}
    found = derived("plain20", "resnet20", "resnet8", **more)
    assert found["shortcut"] == ["resnet8 - plain20"]
    assert found["network"] == ["resnet20 - plain20"]


def test_networks_that_only_start_take_part() -> None:
    more = {"initial": ["plain8_nobn", "resnet8_nobn", "plain8"], "initial_seeds": 3}
    spec = study("resnet8", **more)
    assert [str(each) for each in spec.comparisons if each.factor == "shortcut"] == [
        "resnet8 - plain8",
        "resnet8_nobn - plain8_nobn",
    ]
    assert spec.with_models(str.upper).initial == ("PLAIN8_NOBN", "RESNET8_NOBN", "PLAIN8")
    assert all(each.factor != "network" for each in spec.comparisons)


ARM = '[[arm]]\nmodel = "cnn"\n[[arm]]\nmodel = "resnet"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            ARM + '[[comparison]]\ntreated = "cn"\nfactor = "network"',
            "comparison.0.treated: there is no arm 'cn'",
        ),
        (ARM + '[[comparison]]\ntreated = "cnn"\nfactor = "skip"', "comparison.0.factor: Input should be"),
        (ARM + '[[comparison]]\ntreated = []\nfactor = "gate"', "comparison.0: treated names an arm"),
        (
            ARM + '[[comparison]]\ntreated = ["cnn", "resnet"]\ncontrol = "cnn"\nfactor = "gate"',
            "comparison.0: each arm of treated has its own in control",
        ),
        (
            ARM + '[[comparison]]\ntreated = "cnn"\ncontrol = "resnet"\nfactor = "dense"',
            "comparison.0: a dense network and its control say matched",
        ),
        ('initial = ["plain8"]\n' + ARM, "initial: these networks are measured with initial_seeds"),
        ('initial = ["cnn"]\ninitial_seeds = 2\n' + ARM, "initial: 'cnn' is there already"),
    ],
)
def test_errors_name_the_file_and_the_key(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_study(path)
    assert says in caught.value.what
    assert caught.value.where == str(path)


def test_ten_lines_are_a_study(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'seeds = 5\n[[arm]]\nmodel = "plain20"\n[[arm]]\nmodel = "resnet20"\n'
        '[[comparison]]\ntreated = "resnet20"\ncontrol = "plain20"\nfactor = "shortcut"\n',
        encoding="utf-8",
    )
    assert [str(each) for each in load_study(path).comparisons] == ["resnet20 - plain20"] * 2


def test_the_command_line_leaves_them_as_they_are() -> None:
    fair = load_study("fair")
    cut = adapt(fair, seeds=2, epochs=1, data="shapes")
    assert (cut.comparisons, cut.initial_seeds, cut.seeds) == (fair.comparisons, 20, 2)
    depth = load_study("depth")
    assert adapt(depth, seeds=1).initial == depth.initial


def test_records_of_before_there_were_comparisons_are_read() -> None:
    table = study("plain20", "resnet20").model_dump(mode="json")
    del table["comparison"], table["initial"]
    assert [str(each) for each in StudySpec.model_validate(table).comparisons] == ["resnet20 - plain20"] * 2


def test_a_comparison_says_what_may_differ() -> None:
    assert set().union(*OWN.values()) <= {*ARCHITECTURE, "recipe.learning_rate"}
    gate = Comparison(treated=("a", "b"), control=("c", "d"), factor="gate")
    assert (gate.arms, gate.own, gate.own_across) == (("a", "b", "c", "d"), OWN["gate"], OWN["depth"])
    dense = Comparison(treated=("a",), control=("c",), factor="dense", matched="depth")
    assert dense.own == OWN["dense"] | {"parameters"}
    equal = dense.model_copy(update={"matched": "parameters"})
    assert equal.own == OWN["dense"] | {"depth"}
    assert Comparison(treated="a", factor="network").own_across == frozenset(ARCHITECTURE)
    with pytest.raises(ValidationError, match="matched"):
        Comparison(treated="a", control="b", factor="gate", matched="depth")


def test_a_comparison_can_be_cut_down_to_the_arms_there_are() -> None:
    both = Comparison(treated=("a", "b"), control=("c", "d"), factor="shortcut")
    assert str(both.only({"a", "b", "d"})) == "b - d"
    assert both.only({"a", "d"}) is None
    assert both.only({"a", "b", "c", "d"}) == both
    alone = Comparison(treated=("a", "b"), factor="depth")
    assert alone.only({"b"}) == Comparison(treated="b", factor="depth")
