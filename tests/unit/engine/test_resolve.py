"""A study resolved into runs: nothing is trained or timed."""

from pathlib import Path

import pytest

from skipscope.engine.adapt import adapt, cut
from skipscope.engine.resolve import arms_of, begun_backend, pin_networks, resolve
from skipscope.errors import UnknownName
from skipscope.records.store import Workspace
from skipscope.spec import Backend, parse_study

BACKEND = Backend(precision="bf16", memory_format="contiguous", kernels="fast", threads=1)
SHA = "0" * 64
TABLE = {
    "name": "x",
    "data": "shapes",
    "seeds": 2,
    "arm": [{"model": "cnn"}, {"model": "cnn", "name": "fp32", "recipe": {"precision": "fp32"}}],
}


def test_runs_come_seed_by_seed_with_nothing_left_to_choose() -> None:
    runs = list(resolve(parse_study(TABLE, where="a test"), BACKEND, SHA))
    assert [(arm, spec.seed) for arm, spec in runs] == [("cnn", 0), ("fp32", 0), ("cnn", 1), ("fp32", 1)]
    assert [spec.recipe.precision for _, spec in runs] == ["bf16", "fp32", "bf16", "fp32"]
    assert {(spec.recipe.kernels, spec.recipe.threads) for _, spec in runs} == {("fast", 1)}
    assert {(spec.data.name, spec.data.sha256) for _, spec in runs} == {("shapes", SHA)}
    assert len({spec.id for _, spec in runs}) == 4


def test_a_limit_that_leaves_images_out_has_each_seed_draw_its_own() -> None:
    study = parse_study(TABLE | {"train_limit": 100}, where="a test")
    drawn, same = (
        [spec for _, spec in resolve(study, BACKEND, SHA, leaves_out=leaves_out)]
        for leaves_out in (True, False)
    )
    assert [spec.subset_seed for spec in drawn] == [0, 0, 1, 1]
    assert {spec.subset_seed for spec in same} == {None}
    assert {spec.id for spec in drawn}.isdisjoint(spec.id for spec in same)


def test_an_arm_may_have_fewer_seeds_and_probes_of_its_own() -> None:
    arms = [{"model": "cnn"}, {"model": "resnet", "seeds": 1, "probes": []}]
    study = parse_study(TABLE | {"seeds": 3, "arm": arms, "probes": ["answers"]}, where="a test")
    runs = [(arm, spec.seed) for arm, spec in resolve(study, BACKEND, SHA)]
    assert runs == [("cnn", 0), ("resnet", 0), ("cnn", 1), ("cnn", 2)]
    assert (study.probes_of("cnn"), study.probes_of("resnet")) == (("answers",), ())
    assert [arm.seeds for arm in cut(study, seeds=2).arm] == [None, 1]
    own = study.model_copy(update={"arm": (study.arm[0].model_copy(update={"seeds": 3}), study.arm[1])})
    assert [arm.seeds for arm in cut(own, seeds=2).arm] == [2, 1]
    assert adapt(adapt(study, seeds=1), seeds=1) == adapt(study, seeds=1)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"arm": [{"model": "cnn"}, {"model": "none"}]}, "arm.1.model"),
        ({"initial": ["none"], "initial_seeds": 1}, "initial.0"),
        ({"probes": ["none"]}, "probes.0"),
        ({"arm": [{"model": "cnn"}, {"model": "resnet", "probes": ["answers", "none"]}]}, "arm.1.probes.1"),
    ],
)
def test_an_unknown_name_is_told_with_its_key(change: dict, key: str) -> None:
    with pytest.raises(UnknownName) as error:
        pin_networks(parse_study(TABLE | change, where="a test"))
    assert error.value.where == key


def test_a_network_of_the_users_is_pinned(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from torch import nn\n\nclass Net(nn.Module):\n    pass\n", encoding="utf-8")
    study = parse_study(TABLE | {"arm": [{"model": f"{file}:Net"}]}, where="a test")
    ((model, _),) = arms_of(pin_networks(study))
    assert model.startswith(f"{file}:Net@")


def test_nothing_was_begun_in_an_empty_workspace(workspace: Workspace) -> None:
    assert begun_backend(parse_study(TABLE, where="a test"), workspace) is None
