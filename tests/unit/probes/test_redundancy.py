"""Ranks and correlations against numpy on all activations at once."""

from collections.abc import Sequence
from math import exp, log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from told import told
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.probes.base import View
from skipscope.probes.measure import view_of
from skipscope.probes.redundancy import BATCH, Moments, effective_rank, measure

IN_BATCHES = 2 * BATCH + 10
FP32 = 1e-4
"""Products are added up in fp32, thousands of them, and in another order than numpy does."""


class Block(nn.Module):
    """f(x) + x, then a convolution of its own appended, then a gate's linear layers as convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.more, self.squeeze = nn.Conv2d(6, 4, 3, padding=1), nn.Conv2d(10, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.stem(x), inplace=True)
        x = self.branch(x) + x
        x = torch.cat([self.more(x), x], 1)  # the new ones come first
        return self.squeeze(x.mean((2, 3), keepdim=True)).flatten(1)


def seen(model: nn.Module, images: int = IN_BATCHES) -> View:
    generator = torch.Generator().manual_seed(1)
    return view_of(model, torch.randn(images, 3, 6, 6, generator=generator), torch.arange(images) % 3)


def rows(x: Tensor) -> NDArray[np.float64]:
    """B C H W -> C n."""
    return x.detach().double().numpy().swapaxes(0, 1).reshape(x.shape[1], -1)


def rank_by_numpy(x: Tensor) -> float:
    eigenvalues = np.linalg.eigvalsh(np.cov(rows(x)))
    shares = eigenvalues[eigenvalues > 0] / eigenvalues.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def largest_by_numpy(new: Tensor, old: Tensor) -> float:
    both = np.corrcoef(np.concatenate([rows(new), rows(old)]))
    return float(np.abs(both[: new.shape[1], new.shape[1] :]).max(1).mean())


def moments(parts: Sequence[tuple[Tensor, Tensor]]) -> Moments:
    found = Moments(*parts[0])
    for part in parts:
        found.add(*part)
    return found


def test_ranks_and_correlations_are_numpys_over_several_batches() -> None:
    torch.manual_seed(0)
    view = seen(Block())
    model, found = view.model, told(measure(view))
    with torch.no_grad():
        stem = model.stem(view.images)
        x = relu(stem)
        branch = model.branch(x)
        more = model.more(branch + x)
    for place, output in (("stem", stem), ("branch", branch), ("more", more)):
        by_numpy = rank_by_numpy(output)
        assert found[place, "effective_rank"] == pytest.approx(by_numpy, rel=FP32)
        assert found[place, "effective_rank_share"] == pytest.approx(by_numpy / output.shape[1], rel=FP32)
    correlation = found["shortcut", "largest_correlation"]
    assert correlation == pytest.approx(largest_by_numpy(branch, x), rel=FP32)
    correlation = found["concat", "largest_correlation"]
    assert correlation == pytest.approx(largest_by_numpy(more, branch + x), rel=FP32)
    assert len(found) == 3 * 2 + 2  # the gate's convolutions are linear layers


def test_copies_of_earlier_channels_have_correlation_one() -> None:
    torch.manual_seed(0)
    model = Block()
    with torch.no_grad():
        model.more.weight.zero_()
        for channel, scale in enumerate((1.0, -2.0, 0.5, 100.0)):
            model.more.weight[channel, channel, 1, 1] = scale  # that channel's own pixels, scaled
    found = told(measure(seen(model)))
    assert found["concat", "largest_correlation"] == pytest.approx(1, abs=1e-5)  # fp32


def test_new_channels_that_say_something_else_have_small_correlations() -> None:
    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.more, self.read = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            old = self.stem(x)
            new = self.more(old.flip(0))  # of other images, which are noise
            return self.read(torch.cat([old, new], 1).mean((2, 3)))

    torch.manual_seed(0)
    # chance alone: about 1 over the root of 110 x 36 numbers, 0.016
    assert told(measure(seen(Apart())))["concat", "largest_correlation"] < 0.06


def test_a_dead_channel_has_correlation_zero_and_no_rank() -> None:
    torch.manual_seed(0)
    model = Block()
    with torch.no_grad():
        model.more.weight[1:].zero_()
        model.more.bias[1:] = torch.tensor([0.3, -7.0, 0.0])  # constant, at values fp32 rounds
    view = seen(model)
    found = told(measure(view))
    with torch.no_grad():
        x = relu(model.stem(view.images))
        x = model.branch(x) + x
        alive = largest_by_numpy(model.more(x)[:, :1], x)
    assert found["concat", "largest_correlation"] == pytest.approx(alive / 4, rel=FP32)
    assert found["more", "effective_rank"] == pytest.approx(1, abs=1e-6)
    nn.init.zeros_(model.more.weight)
    found = told(measure(seen(model)))
    assert found["more", "effective_rank"] == found["more", "effective_rank_share"] == 0
    assert found["concat", "largest_correlation"] == 0


def test_the_effective_rank_is_that_of_known_spectra() -> None:
    basis, _ = torch.linalg.qr(torch.randn(64, 5, generator=torch.Generator().manual_seed(0)))
    basis = basis - basis.mean(0)
    basis, _ = torch.linalg.qr(basis)  # five rows without a mean, at right angles
    even = basis.T.contiguous()
    # eigenvalues and so their shares are what was put in; fp32
    assert effective_rank(moments([(even, even)])) == pytest.approx(5, rel=1e-5)
    shares = [0.5, 0.25, 0.125, 0.125]
    uneven = even[:4] * torch.tensor(shares).sqrt()[:, None]
    entropy = -sum(share * log(share) for share in shares)
    assert effective_rank(moments([(uneven, uneven)])) == pytest.approx(exp(entropy), rel=1e-5)
    repeated = even[:1].repeat(5, 1)
    assert effective_rank(moments([(repeated, repeated)])) == pytest.approx(1, abs=1e-4)


def test_a_mean_far_from_zero_does_not_swallow_the_spread() -> None:
    generator = torch.Generator().manual_seed(0)
    x = 1000 + torch.randn(3, 4000, generator=generator)
    x[1] = x[0] + 0.5 * x[1]
    found = moments([(part, part) for part in x.split(1000, dim=1)])
    by_numpy = np.cov(x.double().numpy(), bias=True)
    # without the shift, squares of a million in fp32 leave no digit of a variance of one
    assert np.allclose(found.covariance().numpy(), by_numpy, rtol=FP32, atol=FP32)


class Growing(nn.Module):
    """Dense layers, which append to a map, or to a list that is concatenated anew by each reader."""

    def __init__(self, *, listed: bool) -> None:
        super().__init__()
        self.listed = listed
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv2d(4 + 2 * i, 2, 3, padding=1) for i in range(3))
        self.fc = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for layer in self.layers:
            if self.listed:
                features.append(layer(torch.cat(features, 1) if len(features) > 1 else features[0]))
            else:
                features = [torch.cat([features[0], layer(features[0])], 1)]
        return self.fc(torch.cat(features, 1).mean((2, 3)))


def test_a_list_concatenated_anew_at_each_layer_counts_as_one_that_grows() -> None:
    torch.manual_seed(0)
    grown, listed = Growing(listed=False), Growing(listed=True)
    listed.load_state_dict(grown.state_dict())
    values = [
        [r.value for r in measure(seen(model)) if r.quantity == "largest_correlation"]
        for model in (grown, listed)
    ]
    assert len(values[1]) == 3
    # the first has a concatenation of one map at its end, which is none
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@settings(max_examples=25)
@given(
    channels=st.permutations(range(4)),
    batches=st.permutations(range(5)),
    sizes=st.lists(st.integers(1, 40), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
def test_the_order_of_channels_and_batches_does_not_matter(
    channels: list[int], batches: list[int], sizes: list[int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    parts = [(torch.randn(4, n, generator=generator), torch.randn(3, n, generator=generator)) for n in sizes]
    one = moments(parts)
    other = moments([(parts[i][0][channels], parts[i][1]) for i in batches])
    a, b = (found.correlation() for found in (one, other))
    assert torch.allclose(a[channels], b, atol=1e-5)  # fp32 products about another shift
    both = np.corrcoef(
        np.concatenate([torch.cat(side, 1).double().numpy() for side in zip(*parts, strict=True)])
    )
    assert np.allclose(a.numpy(), both[:4, 4:], atol=1e-5)
    ranks = [
        effective_rank(moments([(new, new) for new in those]))
        for those in ([new for new, _ in parts], [parts[i][0][channels] for i in batches])
    ]
    assert ranks[0] == pytest.approx(ranks[1], rel=1e-4)
