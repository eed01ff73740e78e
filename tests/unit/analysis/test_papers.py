"""Papers' values and recipes."""

import pytest

from skipscope.analysis.papers import Difference, differences, error_of, published, recipe_of
from skipscope.spec import Recipe

HE = Recipe(
    epochs=182,
    batch_size=128,
    learning_rate=0.1,
    nesterov=False,
    weight_decay=1e-4,
    warmup_epochs=0,
    milestones=(0.5, 0.75),
    precision="fp32",
)
HUANG = HE.model_copy(update={"epochs": 300, "batch_size": 64, "nesterov": True})


def differing(model, recipe, images):
    value = published()[model]
    return [difference.key for difference in differences(recipe, images, recipe_of(value, recipe))]


def test_plain_networks_have_no_value_and_the_others_name_their_source():
    assert not [model for model in published() if model.startswith("plain")]
    assert published()["resnet20"].error == 8.75
    assert published()["densenet_bc100_k12"].params == 0.8e6
    assert all("Table" in value.source or "table" in value.source for value in published().values())


def test_the_papers_own_recipe_is_the_same():
    assert differing("resnet20", HE, 45_000) == []
    assert differing("resnet56", HE.model_copy(update={"epochs": 183}), 45_000) == []


@pytest.mark.parametrize("epochs", [164, 180, 185])
def test_other_numbers_of_updates_are_a_difference(epochs):
    recipe = HE.model_copy(update={"epochs": epochs})
    value = published()["resnet20"]
    assert differences(recipe, 45_000, recipe_of(value, recipe)) == [
        Difference("updates", epochs * 351, 64_000)
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", 0.2),
        ("momentum", 0.8),
        ("nesterov", True),
        ("weight_decay", 5e-4),
        ("warmup_epochs", 1.0),
        ("milestones", ()),
        ("milestones", (0.5,)),
        ("clip_norm", 1.0),
        ("label_smoothing", 0.1),
        ("augmentation", "flip"),
        ("augmentation", "none"),
        ("precision", "bf16"),
    ],
)
def test_every_setting_counts(key, value):
    assert differing("resnet20", HE.model_copy(update={key: value}), 45_000) == [key]


def test_a_batch_of_another_size_is_named_and_so_are_its_updates():
    assert differing("resnet20", HE.model_copy(update={"batch_size": 64}), 45_000) == [
        "updates",
        "batch_size",
    ]


def test_what_no_setting_says_is_a_difference_always():
    assert differing("resnet110", HE, 45_000) == ["rate_until_80"]
    assert differing("densenet40_k12", HUANG, 45_000) == ["images"]
    plain = HUANG.model_copy(update={"augmentation": "none"})
    assert differing("densenet40_k12", plain, 50_000) == ["dropout"]


def test_a_run_without_augmentation_stands_beside_the_error_without_it():
    value, plain = published()["densenet40_k12"], HUANG.model_copy(update={"augmentation": "none"})
    assert (error_of(value, HUANG), error_of(value, plain)) == (5.24, 7.00)
    assert error_of(published()["resnet20"], plain) == 8.75


def test_a_recipe_that_a_paper_does_not_give_is_not_made_up():
    assert recipe_of(published()["se_resnet110"], HE) is None
