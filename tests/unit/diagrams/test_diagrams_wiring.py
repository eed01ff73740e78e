"""What is drawn follows from a network's calls; of an older card, from its print as far as that tells."""

import pytest
import torch
from drawings import SHIPPED, count, labels, outside, texts
from torch import Tensor, nn
from torch.nn import functional

from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.card import anatomy_card
from skipscope.anatomy.describe import describe
from skipscope.diagrams.network import draw_network
from skipscope.diagrams.wiring import IMAGE, wired
from skipscope.records.network_card import NetworkCard, Stage


def without_calls(card: NetworkCard) -> NetworkCard:
    assert card.anatomy is not None
    return card.model_copy(update={"anatomy": card.anatomy.model_copy(update={"calls": ()})})


def written(card: NetworkCard) -> list[tuple[object, ...]]:
    """What is drawn of a network, without the names of its modules."""
    return [
        (step.kind, step.call.shape, step.start, step.projected, [branch.kinds for branch in step.branches])
        for step in wired(card).steps
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_print_and_the_joins_of_a_card_without_calls_tell_the_same(name: str) -> None:
    card = describe(name)
    assert written(without_calls(card)) == written(card)
    assert wired(without_calls(card)).unplaced == 0


@pytest.mark.parametrize("name", [name for name in SHIPPED if "chain" not in name and "static" not in name])
def test_a_card_without_anatomy_is_drawn_by_its_print(name: str) -> None:
    card = describe(name)
    assert written(card.model_copy(update={"anatomy": None})) == written(card)


def card_of(model: nn.Module) -> NetworkCard:
    followed = anatomy_card(anatomy(model, torch.zeros(2, 3, 32, 32)))
    stages = tuple(
        Stage(name=name, kind=type(module).__name__, shape=(), params=0, macs=0)
        for name, module in model.named_children()
    )
    return NetworkCard(
        name="mine.py:net", structure=str(model), params=1, macs=1, stages=stages, anatomy=followed
    )


class Foreign(nn.Module):
    """Sixty layers that nobody grouped, every third with an addition."""

    def __init__(self) -> None:
        super().__init__()
        for index in range(59):
            self.add_module(
                f"layer_number_{index}_of_mine", nn.Conv2d(3 if index == 0 else 4, 4, 3, padding=1)
            )
        self.head = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        for index, layer in enumerate(list(self.children())[:-1]):
            y = torch.relu(layer(x))
            x = x + y if index % 3 == 2 else y
            x = functional.max_pool2d(x, 2) if index in (20, 40) else x
        return self.head(x.mean((2, 3)))


def test_a_foreign_network_of_sixty_layers_is_drawn_in_lines() -> None:
    card = card_of(Foreign())
    drawing = draw_network(card, labels("en"))
    assert count(drawing, "arc") == 19
    assert count(drawing, "layer") == 60 + 2  # and the legend's
    assert outside(drawing) == []
    told = [text.words for text in texts(drawing)]
    assert any("…" in words for words in told)  # such names are shortened
    old = wired(without_calls(card))
    assert old.unplaced == 19  # not recorded: which layers lie between additions that one module makes
    assert labels("en")["unplaced"].format(count=19) in [
        text.words for text in texts(draw_network(without_calls(card), labels("en")))
    ]


class Branched(nn.Module):
    """Branches of different lengths side by side, what cannot be followed, and a skip over everything."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(n, 4, 3, padding=1) for n in (3, 4, 4, 4))
        self.e, self.f, self.g = nn.Conv2d(12, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 4, 1)
        self.pooled = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        first = self.a(x)
        pooled = self.pooled(functional.max_pool2d(first, 3, 1, 1))
        beside = torch.cat([self.c(self.b(first)), self.d(first), pooled], 1)
        x = self.e(beside)
        x = torch.maximum(x, self.f(x))
        return self.head(self.g(torch.cat([x, first], 1)).mean((2, 3)))


def test_branches_run_beside_the_longest_way_and_unfollowed_joins_are_marked() -> None:
    card = card_of(Branched())
    steps = wired(card).steps
    joins = [step for step in steps if step.start is not None]
    assert [step.kind for step in joins] == ["beside", "unfollowed", "append"]
    assert [step.call.module for step in steps][:3] == ["a", "b", "c"]
    assert sorted(branch.kinds for branch in joins[0].branches) == [("conv",), ("pool", "conv")]
    assert joins[0].start == joins[2].start == 0
    drawing = draw_network(card, labels("zh"))
    assert count(drawing, "bundle") == 2
    assert count(drawing, "branch") == 2
    assert count(drawing, "unknown") == 1
    assert outside(drawing) == []


class Hidden(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.numpy().sum((2, 3)))


def test_a_network_that_cannot_be_followed_at_all_still_gives_a_picture() -> None:
    drawing = draw_network(card_of(Hidden()), labels("en"))
    assert [text.words for text in texts(drawing)][:2] == ["image", "3×32×32"]


def test_an_image_can_be_skipped_to_the_end() -> None:
    class FromTheImage(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head((x + self.f(x)).mean((2, 3)))

    card = card_of(FromTheImage())
    assert [step.start for step in wired(card).steps] == [None, IMAGE, None]
    assert count(draw_network(card, labels("en")), "arc") == 1
