"""Loops over vectors of numbers: written as LLVM's instructions, compiled for the processor at hand.

Torch's operators go over whole maps one after the other; such a loop keeps in the processor's own memory what
one step hands to the next. LLVM makes of a vector of 64 bytes whatever registers there are: one with AVX-512,
two with AVX2, four on ARM. A sum is taken in the order in which it is written, whatever the registers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ctypes import CFUNCTYPE, c_int64, c_void_p
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from inspect import getfile
from pathlib import Path
from typing import Any

import llvmlite
import platformdirs
import torch
from llvmlite import binding, ir

from skipscope.errors import MachineError, WorkspaceError
from skipscope.records.files import write_whole

Value = Any
"""Something an instruction gives: llvmlite has no types."""
Function = Callable[..., None]
Takes = Mapping[str, tuple[int, int]]
"""By a function's name: how many pointers it is given, and then how many counts."""

BYTES = 64
"""Of a vector."""
INDEX = ir.IntType(64)
POINTER = ir.PointerType()
NUMBERS = {torch.float32: ir.FloatType(), torch.float64: ir.DoubleType()}


def width(dtype: torch.dtype) -> int:
    """Numbers in a vector."""
    return BYTES // dtype.itemsize


def index(value: int) -> Value:
    """A number that counts."""
    return ir.Constant(INDEX, value)


class Program:
    """Functions of one number format."""

    def __init__(self, dtype: torch.dtype, takes: Takes) -> None:
        """Without any yet."""
        self.dtype = dtype
        self.takes = takes
        self.module = ir.Module()

    @contextmanager
    def function(self, name: str) -> Iterator[tuple["Writer", Sequence[Value]]]:
        """What is written inside is its body; it is given its arguments."""
        pointers, counts = self.takes[name]
        kind = ir.FunctionType(ir.VoidType(), [POINTER] * pointers + [INDEX] * counts)
        function = ir.Function(self.module, kind, name)
        for pointer in function.args[:pointers]:
            pointer.add_attribute("noalias")
        writer = Writer(ir.IRBuilder(function.append_basic_block()), self.dtype)
        yield writer, function.args
        writer.do.ret_void()


def compiled(
    write: Callable[..., None], dtype: torch.dtype, takes: Takes, of: Mapping[str, object]
) -> dict[str, Function]:
    """The functions that are written, by name; while one runs, other threads of Python may.

    Compiling takes a second or two, and all workers of a study need the same: the code is kept in the user's
    cache, as what these source texts make `of` this for this processor.

    Raises:
        MachineError: the system lets no code be made, or LLVM does not know the processor.
    """
    try:
        return _compiled(write, dtype, takes, of)
    except (RuntimeError, OSError) as error:
        raise MachineError(
            f"Loops cannot be compiled on this machine: {error}",
            where='kernels = "winograd" in [recipe]',
            hint='set kernels = "fast", or leave it out: it is chosen by measurement',
        ) from error


def _compiled(
    write: Callable[..., None], dtype: torch.dtype, takes: Takes, of: Mapping[str, object]
) -> dict[str, Function]:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    processor = _processor()
    target = binding.Target.from_default_triple().create_target_machine(**processor, opt=3, jit=True)
    sources = [Path(file).read_text(encoding="utf-8") for file in (__file__, getfile(write))]
    key = sha256(repr([llvmlite.__version__, processor, sources, dtype, of]).encode()).hexdigest()[:16]
    file = platformdirs.user_cache_path("skipscope") / f"code-{key}"
    code = _kept(file)
    if code is None:
        program = Program(dtype, takes)
        write(program, **of)
        code = _optimised(program.module, target)
        with suppress(WorkspaceError):  # what cannot be kept is compiled again, no more
            write_whole(file, sha256(code).digest() + code)
    library = binding.JITLibraryBuilder().add_object_img(code)
    for name in takes:
        library.export_symbol(name)
    linker = binding.create_lljit_compiler(target)
    linked = library.link(linker, key)
    _LINKED.append((linker, linked))
    return {
        name: CFUNCTYPE(None, *[c_void_p] * pointers, *[c_int64] * counts)(linked[name])
        for name, (pointers, counts) in takes.items()
    }


def _processor() -> dict[str, str]:
    features = ""
    with suppress(RuntimeError):  # LLVM cannot ask every system; a processor's name has most of them
        features = binding.get_host_cpu_features().flatten()
    return {"cpu": binding.get_host_cpu_name(), "features": features}


def _kept(file: Path) -> bytes | None:
    """The code, unless there is none or it is damaged: it would end the process."""
    try:
        kept = file.read_bytes()
    except OSError:
        return None
    checksum, code = kept[:32], kept[32:]
    return code if sha256(code).digest() == checksum else None


def _optimised(module: ir.Module, target: Any) -> bytes:
    """An object file's."""
    parsed = binding.parse_assembly(str(module))
    passes = binding.create_pass_builder(target, binding.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(parsed, passes)
    code: bytes = target.emit_object(parsed)
    return code


_LINKED: list[Any] = []
"""They own the code that was linked, which is called until the process ends."""


class Writer:
    """Writes the instructions of one function; `do` is llvmlite's own, for whole numbers."""

    def __init__(self, do: Any, dtype: torch.dtype) -> None:
        """At the end of the block that `do` is in."""
        self.do = do
        self.number = NUMBERS[dtype]
        self.width = width(dtype)
        self.vector = ir.VectorType(self.number, self.width)
        self.align = dtype.itemsize

    @contextmanager
    def loop(self, start: Value, stop: Value, step: int = 1, sums: Sequence[Value] = ()) -> Iterator["Turn"]:
        """What is written inside is done for start, start + step, ... below stop."""
        do = self.do
        before = do.block
        head, body, end = (do.function.append_basic_block() for _ in range(3))
        do.branch(head)
        do.position_at_end(head)
        carried = [do.phi(INDEX), *(do.phi(self.vector) for _ in sums)]
        for value, first in zip(carried, (start, *sums), strict=True):
            value.add_incoming(first, before)
        do.cbranch(do.icmp_signed("<", carried[0], stop), body, end)
        do.position_at_end(body)
        turn = Turn(at=carried[0], sums=carried[1:])
        yield turn
        after = (do.add(turn.at, index(step)), *turn.sums)
        for value, last in zip(carried, after, strict=True):
            value.add_incoming(last, do.block)
        do.branch(head)
        do.position_at_end(end)
        turn.sums = carried[1:]

    def total(self, *terms: Value) -> Value:
        """Of whole numbers."""
        return reduce(self.do.add, terms)

    def product(self, *factors: Value) -> Value:
        """Of whole numbers."""
        return reduce(self.do.mul, factors)

    def place(self, pointer: Value, *numbers: Value) -> Value:
        """The pointer to what is so many numbers further on."""
        return self.do.gep(pointer, [self.total(*numbers)], source_etype=self.number)

    def load(self, pointer: Value) -> Value:
        """A vector."""
        return self.do.load(pointer, align=self.align, typ=self.vector)

    def store(self, vector: Value, pointer: Value) -> None:
        """A vector."""
        self.do.store(vector, pointer, align=self.align)

    def constant(self, number: float) -> Value:
        """A vector of one number."""
        return ir.Constant(self.vector, [float(number)] * self.width)

    def spread(self, pointer: Value) -> Value:
        """A vector of the one number that is there."""
        one = self.do.load(pointer, align=self.align, typ=self.number)
        nothing, first = ir.Constant(self.vector, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        same = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return self.do.shuffle_vector(self.do.insert_element(nothing, one, first), nothing, same)

    def multiplied(self, left: Value, right: Value, plus: Value) -> Value:
        """Left times right plus the third, rounded once."""
        name = f"llvm.fma.v{self.width}{self.number.intrinsic_name}"
        known = self.do.module.globals
        fma = known.get(name) or ir.Function(
            self.do.module, ir.FunctionType(self.vector, [self.vector] * 3), name
        )
        return self.do.call(fma, [left, right, plus])

    def turned(self, rows: Sequence[Value]) -> list[Value]:
        """As many vectors as one has numbers, columns for rows."""
        whole = ir.VectorType(ir.IntType(32), self.width)
        numbers, turned = range(self.width), list(rows)
        apart = 1
        while apart < self.width:  # blocks of so many rows and columns change places
            upper = [n - apart + self.width if n & apart else n for n in numbers]
            lower = [n + self.width if n & apart else n + apart for n in numbers]
            for row in (row for row in numbers if not row & apart):
                pair = turned[row], turned[row + apart]
                for to, picked in ((row, upper), (row + apart, lower)):
                    turned[to] = self.do.shuffle_vector(*pair, ir.Constant(whole, picked))
            apart *= 2
        return turned

    def combinations(self, matrix: Sequence[Sequence[float]], vectors: Sequence[Value]) -> list[Value]:
        """A weighted sum for each row of the matrix; two rows that differ in signs alone are one's work."""
        made: dict[int, Value] = {}
        for one, row in enumerate(matrix):
            if one in made:
                continue
            alike = [
                other
                for other in range(one + 1, len(matrix))
                if [*map(abs, matrix[other])] == [*map(abs, row)]
            ]
            if not alike:
                made[one] = self.combined(row, vectors)
                continue
            pairs = [*zip(row, matrix[alike[0]], strict=True)]
            even = self.combined([mine if mine == theirs else 0 for mine, theirs in pairs], vectors)
            if all(mine == theirs for mine, theirs in pairs):
                made |= {one: even, alike[0]: even}
                continue
            odd = self.combined([mine if mine != theirs else 0 for mine, theirs in pairs], vectors)
            made |= {one: self.do.fadd(even, odd), alike[0]: self.do.fsub(even, odd)}
        return [made[row] for row in range(len(matrix))]

    def combined(self, weights: Sequence[float], vectors: Sequence[Value]) -> Value:
        """The weighted sum; what weighs nothing is left out."""
        pairs = [(weight, vector) for weight, vector in zip(weights, vectors, strict=True) if weight]
        (weight, vector), *others = pairs
        total = vector if weight == 1 else self.do.fmul(self.constant(weight), vector)
        for weight, vector in others:
            if weight == 1:
                total = self.do.fadd(total, vector)
            elif weight == -1:
                total = self.do.fsub(total, vector)
            else:
                total = self.multiplied(self.constant(weight), vector, total)
        return total


@dataclass
class Turn:
    """Of a loop."""

    at: Value
    sums: list[Value]
    """Vectors that go from turn to turn, in registers: what is put here is what the next one finds."""
