"""The loop against the same arithmetic written out by hand."""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax

from skipscope.data.dataset import Dataset
from skipscope.errors import Diverged
from skipscope.models.registry import build
from skipscope.probes import schedule
from skipscope.spec import Recipe, RunSpec
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.evaluate import evaluate, normalises
from skipscope.training.loop import (
    CheckRow,
    epoch_order,
    forward,
    steps_per_epoch,
    train_steps,
    update,
    windows,
)
from skipscope.training.lr_schedule import learning_rate
from skipscope.training.optimizer import SGD

RunOf = Callable[..., RunSpec]
CPU = torch.device("cpu")


def train(spec: RunSpec, data: Dataset) -> tuple[nn.Module, list[object]]:
    model = build(spec.model, seed=spec.seed)
    return model, list(steps_of(model, spec, data, Progress()))


def steps_of(model: nn.Module, spec: RunSpec, data: Dataset, progress: Progress) -> Iterator[tuple[Any, Any]]:
    recipe = spec.recipe
    batches = BatchMaker(data, recipe, CPU)
    return train_steps(model, SGD(model, recipe), batches, recipe, data, progress, seed=spec.seed)


def test_an_epoch_equals_sgd_with_nesterov_momentum_by_hand(tiny: Dataset, run_of: RunOf) -> None:
    spec = run_of(augmentation="none", weight_decay=0.01, epochs=1)
    model, rows = train(spec, tiny)

    recipe, reference = spec.recipe, build("cnn", seed=0)
    weights = list(reference.parameters())
    momentum = [torch.zeros_like(weight) for weight in weights]
    order = epoch_order(0, 1, 48)
    for step in range(3):
        images, labels = tiny.train.take(order[16 * step : 16 * (step + 1)])
        x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - 0.45) / 0.2
        loss = -log_softmax(reference(x), 1)[torch.arange(16), torch.from_numpy(labels)].mean()
        assert rows[step][0][0].loss == pytest.approx(loss.item(), rel=1e-5)  # fp32, other order of sums
        gradients = torch.autograd.grad(loss, weights)
        rate = learning_rate(recipe, step, 3)
        with torch.no_grad():
            for weight, gradient, velocity in zip(weights, gradients, momentum, strict=True):
                decayed = gradient + (0.01 * weight if weight.ndim > 1 else 0)
                velocity.mul_(0.9).add_(decayed)
                weight.sub_(rate * (decayed + 0.9 * velocity))
    for mine, theirs in zip(model.parameters(), weights, strict=True):
        # three updates in fp32, fused and in another memory format: a few units in the last place
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_rows_tell_steps_and_epochs(tiny: Dataset, run_of: RunOf) -> None:
    _, rows = train(run_of(), tiny)
    assert [step.step for (step,), _ in rows] == [1, 2, 3, 4, 5, 6]
    assert [epoch is not None for _, epoch in rows] == [False, False, True] * 2
    epoch = rows[2][1]
    assert epoch.train_loss == pytest.approx(np.mean([step.loss for (step,), _ in rows[:3]]))
    assert epoch.train_accuracy * 48 == pytest.approx(round(epoch.train_accuracy * 48))
    assert 0 < epoch.seconds < rows[5][1].seconds


def test_a_run_of_few_epochs_is_validated_within_them_too(checked: Dataset, run_of: RunOf) -> None:
    """On a part of the images, and as if it were not: every weight has the bits that it has without."""
    spec = run_of("resnet8", batch_size=32)
    model, found = train(spec, checked)
    assert [type(row).__name__ for _, row in found] == ["CheckRow", "CheckRow", "EpochRow"] * 2
    assert [(row.step, row.epoch) for _, row in found] == [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]
    for row in (row for _, row in found if isinstance(row, CheckRow)):
        assert round(row.val_accuracy * 10, 9) % 1 == 0
        assert round(row.batch_accuracy * 10, 9) % 1 == 0
        assert row.batch_loss != row.val_loss
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "FEW_EPOCHS", 1)
        without, rows = train(spec, checked)
    assert [row is None for _, row in rows] == [True, True, False] * 2
    for (steps, row), (others, other) in zip(rows, found, strict=True):
        assert steps == others
        assert row is None or replace(row, seconds=0.0) == replace(other, seconds=0.0)
    for one, two in zip(model.state_dict().values(), without.state_dict().values(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("epochs", "images", "batch_size", "after"),
    [
        (3, 6000, 128, (15, 30)),
        (9, 5000, 128, (13, 26)),
        (10, 45_000, 128, ()),  # they are points enough
        (3, 4999, 128, ()),  # a check would take more than a fifteenth of an epoch
        (3, 6000, 3000, (1,)),
        (3, 6000, 6000, ()),
    ],
)
def test_checks_follow_the_thirds_of_an_epoch(
    epochs: int, images: int, batch_size: int, after: tuple[int, ...]
) -> None:
    steps = steps_per_epoch(Recipe(batch_size=batch_size), images)
    assert schedule.checks(epochs, steps, images) == after


def test_windows_end_where_a_check_follows() -> None:
    meta = torch.device("meta")  # not a processor: losses come in windows
    assert list(windows(0, 46, meta, (15, 30))) == [
        range(10), range(10, 15), range(15, 20), range(20, 30), range(30, 40), range(40, 46)
    ]  # fmt: skip
    assert list(windows(15, 20, meta, (15,))) == [range(15, 20)]


def test_arms_of_one_seed_see_the_same_order_and_each_epoch_another() -> None:
    first, second = epoch_order(0, 1, 100), epoch_order(0, 2, 100)
    assert sorted(first) == list(range(100))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, epoch_order(1, 1, 100))


@pytest.mark.parametrize(("images", "steps"), [(48, 3), (47, 2), (15, 1)])
def test_an_unfilled_batch_is_left_out_unless_it_is_the_only_one(images: int, steps: int) -> None:
    assert steps_per_epoch(Recipe(batch_size=16), images) == steps


def test_weight_decay_is_for_matrices_only() -> None:
    (decayed, decay), (spared, none) = SGD(build("resnet"), Recipe(weight_decay=0.1)).groups
    assert (decay, none) == (0.1, 0)
    assert {weight.ndim for weight in decayed} == {2, 4}
    assert {weight.ndim for weight in spared} == {1}


def test_a_loss_that_is_not_finite_ends_the_run_before_its_update(tiny: Dataset, run_of: RunOf) -> None:
    spec = run_of(learning_rate=1e20, epochs=5)
    model = build("cnn")
    progress, done = Progress(), 0
    with pytest.raises(Diverged) as caught:
        for _ in steps_of(model, spec, tiny, progress):
            done += 1
    assert caught.value.numbers["step"] == done + 1 == progress.step + 1
    assert not math.isfinite(caught.value.numbers["loss"])
    assert "learning_rate" in caught.value.hint


def test_clipping_bounds_the_update() -> None:
    model = nn.Linear(4, 2, bias=False)
    before = model.weight.detach().clone()
    recipe = Recipe(clip_norm=0.5, momentum=0, nesterov=False, weight_decay=0)
    loss = 1e6 * model(torch.ones(1, 4)).sum()
    update(loss, model, SGD(model, recipe), recipe, rate=2.0)
    # rate x clipped norm; clip_grad_norm_ divides by (norm + 1e-6), and fp32 rounds
    assert (model.weight - before).norm().item() == pytest.approx(1.0, rel=1e-5)


def test_label_smoothing_is_in_the_training_loss_and_not_in_the_evaluation(tiny: Dataset) -> None:
    recipe = Recipe(
        label_smoothing=0.2, precision="fp32", memory_format="contiguous", kernels="stock", threads=1
    )
    model, batches = build("cnn"), BatchMaker(tiny, recipe, CPU)
    x, target = batches(tiny.validation, np.arange(12))
    logits = log_softmax(model(x), 1)
    plain = -logits[torch.arange(12), target].mean().item()
    smooth = 0.8 * plain + 0.2 * -logits.mean().item()
    assert forward(model, x, target, recipe)[0].item() == pytest.approx(smooth, rel=1e-5)
    assert evaluate(model, tiny.validation, batches, recipe)[0] == pytest.approx(plain, rel=1e-5)


def test_evaluation_leaves_the_network_as_it_was(tiny: Dataset, run_of: RunOf) -> None:
    recipe = run_of().recipe
    model = build("densenet")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    evaluate(model, tiny.validation, BatchMaker(tiny, recipe, CPU), recipe)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_bf16_trains_on_nearly_the_same_loss(tiny: Dataset, run_of: RunOf) -> None:
    _, single = train(run_of(epochs=1), tiny)
    _, half = train(run_of(epochs=1, precision="bf16"), tiny)
    # bfloat16 keeps 8 bits: its rounding is 2^-9 of each value, and losses here are near ln 10
    assert half[0][0][0].loss == pytest.approx(single[0][0][0].loss, abs=0.02)
    assert half[0][0][0].loss != single[0][0][0].loss


def test_a_network_is_also_judged_by_the_statistics_of_each_batch(
    tiny: Dataset, run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a copy in training mode judges the same batches; the network itself is left as it was."""
    spec = run_of("resnet8")
    model, batches = train(spec, tiny)[0], BatchMaker(tiny, spec.recipe, CPU)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [(each.training, getattr(each, "track_running_stats", None)) for each in model.modules()]
    monkeypatch.setattr("skipscope.training.evaluate.BATCH", 6)
    found = evaluate(model, tiny.validation, batches, spec.recipe, of_batch=True)
    copied, losses, right = deepcopy(model).train(), [], []
    for rows in (range(0, 12, 2), range(1, 12, 2)):  # strided
        x, target = batches(tiny.validation, np.array(rows))
        score = log_softmax(copied(x), 1)
        losses.append(-score[torch.arange(6), target].sum().item())
        right += (score.argmax(1) == target).tolist()
    assert found.loss == pytest.approx(sum(losses) / 12, rel=1e-5)  # fp32, other order of sums
    assert found.right.tolist() == right
    assert found.loss != evaluate(model, tiny.validation, batches, spec.recipe).loss
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert modes == [(each.training, getattr(each, "track_running_stats", None)) for each in model.modules()]
    assert normalises(model)
    assert not normalises(build("cnn", seed=0))
