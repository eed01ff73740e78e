"""Builders for LLVM IR: functions of pointers and integers, loops with carried vectors, vector arithmetic.

A vector has 64 bytes. LLVM legalises it to the registers there are: one with AVX-512, two with AVX2, four on
ARM. Floating-point sums are taken in the order in which they are emitted, whatever the registers.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import eq, ne
from typing import Any

import torch
from llvmlite import ir

Value = Any
"""An SSA value: llvmlite has no types."""
Signatures = Mapping[str, tuple[int, int]]
"""Function name -> how many pointers it takes, and how many integers after them."""

VECTOR_BYTES = 64
INT = ir.IntType(64)
POINTER = ir.PointerType()
FLOATS = {torch.float32: ir.FloatType(), torch.float64: ir.DoubleType()}


def lanes_of(dtype: torch.dtype) -> int:
    """Numbers in a vector."""
    return VECTOR_BYTES // dtype.itemsize


def integer(value: int) -> Value:
    """Makes a 64-bit constant."""
    return ir.Constant(INT, value)


def integer32(value: int) -> Value:
    """Makes a 32-bit constant, as intrinsics want them."""
    return ir.Constant(ir.IntType(32), value)


class ModuleBuilder:
    """Collects functions on vectors of one number format."""

    def __init__(self, dtype: torch.dtype, signatures: Signatures) -> None:
        self.dtype, self.signatures = dtype, signatures
        self.ir = ir.Module()

    @contextmanager
    def function(self, name: str) -> Iterator[tuple["FunctionBuilder", Sequence[Value]]]:
        """Opens a function's body; yields its builder and its arguments. No two pointers may alias."""
        pointers, integers = self.signatures[name]
        kind = ir.FunctionType(ir.VoidType(), [POINTER] * pointers + [INT] * integers)
        function = ir.Function(self.ir, kind, name)
        for pointer in function.args[:pointers]:
            pointer.add_attribute("noalias")
        builder = FunctionBuilder(function, self.dtype)
        yield builder, function.args
        builder.ret_void()


@dataclass
class LoopBody:
    """State of one loop iteration."""

    index: Value
    carried: list[Value]
    """Vectors in registers: this iteration's; assign the next one's. After the loop, the last."""


class FunctionBuilder(ir.IRBuilder):  # type: ignore[misc] # llvmlite has no types
    """llvmlite's builder, with loops and vectors."""

    def __init__(self, function: ir.Function, dtype: torch.dtype) -> None:
        super().__init__(function.append_basic_block())
        self.number = FLOATS[dtype]
        self.lanes = lanes_of(dtype)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.align = dtype.itemsize

    @contextmanager
    def loop(
        self, start: Value, stop: Value, step: int | Value = 1, carried: Sequence[Value] = ()
    ) -> Iterator[LoopBody]:
        """Emits a loop over start, start + step, ... below stop, with vectors carried through it."""
        before = self.block
        head, inside, end = (self.function.append_basic_block() for _ in range(3))
        self.branch(head)
        self.position_at_end(head)
        phis = [self.phi(INT), *(self.phi(self.vector) for _ in carried)]
        for phi, first in zip(phis, (start, *carried), strict=True):
            phi.add_incoming(first, before)
        self.cbranch(self.icmp_signed("<", phis[0], stop), inside, end)
        self.position_at_end(inside)
        body = LoopBody(index=phis[0], carried=phis[1:])
        yield body
        step = integer(step) if isinstance(step, int) else step
        following = (self.add(body.index, step), *body.carried)
        for phi, value in zip(phis, following, strict=True):
            phi.add_incoming(value, self.block)
        self.branch(head)
        self.position_at_end(end)
        body.carried = phis[1:]

    def sum(self, *terms: Value) -> Value:
        """Adds integers."""
        return reduce(self.add, terms)

    def product(self, *factors: Value) -> Value:
        """Multiplies integers."""
        return reduce(self.mul, factors)

    def whole_vectors(self, count: Value) -> Value:
        """Rounds a count up to whole vectors."""
        return self.and_(self.sum(count, integer(self.lanes - 1)), integer(-self.lanes))

    def minimum(self, one: Value, other: Value) -> Value:
        """Selects the lesser of two integers."""
        return self.select(self.icmp_signed("<", one, other), one, other)

    def offset(self, pointer: Value, *numbers: Value) -> Value:
        """Moves a pointer so many numbers on."""
        return self.gep(pointer, [self.sum(*numbers)], source_etype=self.number)

    def load_vector(self, pointer: Value) -> Value:
        """Loads a vector that is aligned to a number."""
        return self.load(pointer, align=self.align, typ=self.vector)

    def store_vector(self, vector: Value, pointer: Value) -> None:
        """Stores a vector, aligned to a number."""
        self.store(vector, pointer, align=self.align)

    def lanes_below(self, count: Value) -> Value:
        """Makes a mask of the lanes whose numbers are below a count."""
        kind = ir.VectorType(INT, self.lanes)
        numbers = ir.Constant(kind, list(range(self.lanes)))
        return self.icmp_signed("<", numbers, self.broadcast(count, kind))

    def load_some(self, pointer: Value, mask: Value) -> Value:
        """Loads the lanes of a mask, and zeros into the others, whose numbers need not exist."""
        return self._masked("load", self.vector, pointer, integer32(self.align), mask, self.splat(0))

    def store_some(self, vector: Value, pointer: Value, mask: Value) -> None:
        """Stores the lanes of a mask."""
        self._masked("store", ir.VoidType(), vector, pointer, integer32(self.align), mask)

    def _masked(self, what: str, gives: ir.Type, *arguments: Value) -> Value:
        name = f"llvm.masked.{what}.v{self.lanes}{self.number.intrinsic_name}.p0"
        kind = ir.FunctionType(gives, [argument.type for argument in arguments])
        function = self.module.globals.get(name) or ir.Function(self.module, kind, name)
        return self.call(function, arguments)

    def prefetch(self, pointer: Value, *, write: bool = False) -> None:
        """Asks for a pointer's cache line, which need not be there, ahead of its use."""
        name, kind = "llvm.prefetch.p0", ir.FunctionType(ir.VoidType(), [POINTER] + [ir.IntType(32)] * 3)
        function = self.module.globals.get(name) or ir.Function(self.module, kind, name)
        near, data = 3, 1
        self.call(function, [pointer, *map(integer32, (int(write), near, data))])

    def splat(self, number: float) -> Value:
        """Makes a constant vector of one number."""
        return ir.Constant(self.vector, [float(number)] * self.lanes)

    def load_splat(self, pointer: Value) -> Value:
        """Loads one number into every lane."""
        number = self.load(pointer, align=self.align, typ=self.number)
        return self.broadcast(number, self.vector)

    def broadcast(self, number: Value, kind: ir.VectorType) -> Value:
        """Copies a number into every lane."""
        undefined = ir.Constant(kind, ir.Undefined)
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.shuffle_vector(self.insert_element(undefined, number, integer32(0)), undefined, mask)

    def multiply_add(self, left: Value, right: Value, addend: Value) -> Value:
        """Computes left times right plus the addend, rounded once (llvmlite's `fma` knows no vectors)."""
        name = f"llvm.fma.v{self.lanes}{self.number.intrinsic_name}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = self.module.globals.get(name) or ir.Function(self.module, kind, name)
        return self.call(fma, [left, right, addend])

    def transpose(self, rows: Sequence[Value]) -> list[Value]:
        """Transposes a square of as many vectors as one has lanes, by swapping ever larger blocks."""
        mask = ir.VectorType(ir.IntType(32), self.lanes)
        lanes, rows = range(self.lanes), list(rows)
        block = 1
        while block < self.lanes:
            upper = [n - block + self.lanes if n & block else n for n in lanes]
            lower = [n + self.lanes if n & block else n + block for n in lanes]
            for row in (row for row in lanes if not row & block):
                pair = rows[row], rows[row + block]
                for to, picked in ((row, upper), (row + block, lower)):
                    rows[to] = self.shuffle_vector(*pair, ir.Constant(mask, picked))
            block *= 2
        return rows

    def matrix_product(self, matrix: Sequence[Sequence[float]], vectors: Sequence[Value]) -> list[Value]:
        """Multiplies a constant matrix by vectors; two rows that differ in signs alone share their terms."""
        done: dict[int, Value] = {}
        for one, row in enumerate(matrix):
            if one in done:
                continue
            later = range(one + 1, len(matrix))
            alike = [other for other in later if [*map(abs, matrix[other])] == [*map(abs, row)]]
            if not alike:
                done[one] = self.combination(row, vectors)
                continue
            twin = matrix[alike[0]]
            even, odd = ([w * keep(w, v) for w, v in zip(row, twin, strict=True)] for keep in (eq, ne))
            even_part = self.combination(even, vectors)
            if not any(odd):
                done |= {one: even_part, alike[0]: even_part}
                continue
            odd_part = self.combination(odd, vectors)
            done |= {one: self.fadd(even_part, odd_part), alike[0]: self.fsub(even_part, odd_part)}
        return [done[row] for row in range(len(matrix))]

    def combination(self, weights: Sequence[float], vectors: Sequence[Value]) -> Value:
        """Sums weighted vectors, without those of weight 0."""
        pairs = [(weight, vector) for weight, vector in zip(weights, vectors, strict=True) if weight]
        (weight, vector), *others = pairs
        total = vector if weight == 1 else self.fmul(self.splat(weight), vector)
        for weight, vector in others:
            if weight == 1:
                total = self.fadd(total, vector)
            elif weight == -1:
                total = self.fsub(total, vector)
            else:
                total = self.multiply_add(self.splat(weight), vector, total)
        return total
