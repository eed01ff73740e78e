"""Loops that are compiled: what they compute, and where their code is kept."""

from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
import torch

from skipscope.errors import MachineError
from skipscope.kernels import jit
from skipscope.kernels.codegen import FunctionBuilder, ModuleBuilder, Value, integer, lanes_of
from skipscope.kernels.jit import compile_functions

DTYPES = [torch.float32, torch.float64]
SIGNATURES = {"f": (2, 1)}


def emit(module: ModuleBuilder, what: str) -> None:
    with module.function("f") as (b, (given, made, count)):
        globals()[f"emit_{what}"](b, given, made, count)


def run(what: str, given: torch.Tensor, like: torch.Tensor, count: int) -> torch.Tensor:
    made = torch.full_like(like, torch.nan)
    compile_functions(emit, given.dtype, SIGNATURES, what=what)["f"](given.data_ptr(), made.data_ptr(), count)
    return made


def emit_sums(b: FunctionBuilder, given: Value, made: Value, count: Value) -> None:
    """The sum of so many vectors, and of twice their first numbers in all lanes."""
    with b.loop(integer(0), count, 1, [b.splat(0), b.splat(0)]) as body:
        at = b.offset(given, b.product(body.index, integer(b.lanes)))
        body.carried = [
            b.fadd(body.carried[0], b.load_vector(at)),
            b.multiply_add(b.load_splat(at), b.splat(2), body.carried[1]),
        ]
    for row, total in enumerate(body.carried):
        b.store_vector(total, b.offset(made, integer(row * b.lanes)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_loop_sums_up(dtype: torch.dtype, count: int) -> None:
    given = torch.randn(5, lanes_of(dtype), generator=torch.Generator().manual_seed(0)).to(dtype)
    whole = run("sums", given, given[:2], count)
    expected = [given[:count].sum(0), 2 * given[:count, :1].sum(0).expand(lanes_of(dtype))]
    # five numbers of about one, in another order
    torch.testing.assert_close(whole, torch.stack(expected), rtol=1e-5, atol=1e-6)


def emit_transposed(b: FunctionBuilder, given: Value, made: Value, count: Value) -> None:
    lines = [integer(row * b.lanes) for row in range(b.lanes)]
    for line, vector in zip(
        lines, b.transpose([b.load_vector(b.offset(given, at)) for at in lines]), strict=True
    ):
        b.store_vector(vector, b.offset(made, line))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_columns_for_rows(dtype: torch.dtype) -> None:
    square = torch.arange(float(lanes_of(dtype) ** 2)).to(dtype).view(lanes_of(dtype), -1)
    assert torch.equal(run("transposed", square, square, 0), square.t())


MATRIX = ((1, 0, -1), (0, 2, 1), (0, 2, -1), (0, 0.5, 0), (0, 2, 1))


def emit_products(b: FunctionBuilder, given: Value, made: Value, count: Value) -> None:
    rows = [b.load_vector(b.offset(given, integer(row * b.lanes))) for row in range(3)]
    for row, vector in enumerate(b.matrix_product(MATRIX, rows)):
        b.store_vector(vector, b.offset(made, integer(row * b.lanes)))


def test_weighted_sums_with_rows_that_are_alike() -> None:
    rows = torch.arange(3.0 * lanes_of(torch.float32)).view(3, -1)
    made = run("products", rows, rows.new_empty(len(MATRIX), rows.shape[1]), 0)
    assert torch.equal(made, torch.tensor(MATRIX) @ rows)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty one."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


def sums_of_ones(monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, int]:
    """What is computed, and how often it was compiled for that."""
    times = []
    optimise = jit._optimise
    with monkeypatch.context() as patch:
        patch.setattr(jit, "_optimise", lambda *a: times.append(1) or optimise(*a))
        given = torch.ones(3, lanes_of(torch.float32))
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

    monkeypatch.setattr(jit, "_optimise", refused)
    with pytest.raises(MachineError, match="Permission denied") as error:
        run("sums", torch.ones(1, 16), torch.ones(2, 16), 1)
    assert 'kernels = "fast"' in str(error.value)
