"""Loops that are compiled: what they compute, and where their code is kept."""

from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
import torch

from skipscope.errors import MachineError
from skipscope.kernels import vectors
from skipscope.kernels.vectors import Program, Value, Writer, compiled, index, width

DTYPES = [torch.float32, torch.float64]
TAKES = {"f": (2, 1)}


def write(program: Program, what: str) -> None:
    with program.function("f") as (w, (given, made, count)):
        globals()[f"write_{what}"](w, given, made, count)


def run(what: str, given: torch.Tensor, like: torch.Tensor, count: int) -> torch.Tensor:
    made = torch.full_like(like, torch.nan)
    compiled(write, given.dtype, TAKES, of={"what": what})["f"](given.data_ptr(), made.data_ptr(), count)
    return made


def write_sums(w: Writer, given: Value, made: Value, count: Value) -> None:
    """Of so many vectors, and of their first numbers in all places."""
    with w.loop(index(0), count, 1, [w.constant(0), w.constant(0)]) as turn:
        at = w.place(given, w.product(turn.at, index(w.width)))
        turn.sums = [
            w.do.fadd(turn.sums[0], w.load(at)),
            w.multiplied(w.spread(at), w.constant(2), turn.sums[1]),
        ]
    for row, total in enumerate(turn.sums):
        w.store(total, w.place(made, index(row * w.width)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_loop_sums_up(dtype: torch.dtype, count: int) -> None:
    given = torch.randn(5, width(dtype), generator=torch.Generator().manual_seed(0)).to(dtype)
    whole = run("sums", given, given[:2], count)
    expected = [given[:count].sum(0), 2 * given[:count, :1].sum(0).expand(width(dtype))]
    # five numbers of about one, in another order
    torch.testing.assert_close(whole, torch.stack(expected), rtol=1e-5, atol=1e-6)


def write_turned(w: Writer, given: Value, made: Value, count: Value) -> None:
    places = [index(row * w.width) for row in range(w.width)]
    for place, vector in zip(places, w.turned([w.load(w.place(given, at)) for at in places]), strict=True):
        w.store(vector, w.place(made, place))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_columns_for_rows(dtype: torch.dtype) -> None:
    square = torch.arange(float(width(dtype) ** 2)).to(dtype).view(width(dtype), -1)
    assert torch.equal(run("turned", square, square, 0), square.t())


MATRIX = ((1, 0, -1), (0, 2, 1), (0, 2, -1), (0, 0.5, 0), (0, 2, 1))


def write_combinations(w: Writer, given: Value, made: Value, count: Value) -> None:
    rows = [w.load(w.place(given, index(row * w.width))) for row in range(3)]
    for row, vector in enumerate(w.combinations(MATRIX, rows)):
        w.store(vector, w.place(made, index(row * w.width)))


def test_weighted_sums_with_rows_that_are_alike() -> None:
    rows = torch.arange(3.0 * width(torch.float32)).view(3, -1)
    made = run("combinations", rows, rows.new_empty(len(MATRIX), rows.shape[1]), 0)
    assert torch.equal(made, torch.tensor(MATRIX) @ rows)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty one."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


def sums_of_ones(monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, int]:
    """What is computed, and how often it was compiled for that."""
    times = []
    optimised = vectors._optimised
    with monkeypatch.context() as patch:
        patch.setattr(vectors, "_optimised", lambda *a: times.append(1) or optimised(*a))
        given = torch.ones(3, width(torch.float32))
        return run("sums", given, given[:2], 3), len(times)


def test_code_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, compiled_first = sums_of_ones(monkeypatch)
    again, compiled_again = sums_of_ones(monkeypatch)
    assert (compiled_first, compiled_again) == (1, 0)
    assert torch.equal(first, again)
    assert len([*cache.iterdir()]) == 1


@pytest.mark.parametrize(
    "damage", [lambda code: code[:-1], lambda code: b"", lambda code: code[:40] + b"X" + code[41:]]
)
def test_damaged_code_is_compiled_again(damage: object, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = sums_of_ones(monkeypatch)
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    again, times = sums_of_ones(monkeypatch)
    assert times == 1
    assert torch.equal(first, again)


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("a file, where the folder would be", encoding="utf-8")
    assert sums_of_ones(monkeypatch)[1] == 1
    assert sums_of_ones(monkeypatch)[1] == 1


def test_a_system_that_lets_no_code_be_made(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bytes:
        raise RuntimeError("Cannot allocate memory: Permission denied")

    monkeypatch.setattr(vectors, "_optimised", refused)
    with pytest.raises(MachineError, match="Permission denied") as error:
        run("sums", torch.ones(1, 16), torch.ones(2, 16), 1)
    assert 'kernels = "fast"' in str(error.value)
