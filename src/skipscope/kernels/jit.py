"""Compiles loops over vectors for the processor at hand, with LLVM, and keeps their code in the user's cache.

Torch's operators go over whole maps one after the other; a fused loop keeps in registers and cache what one
step hands to the next. `codegen.py` builds the loops' LLVM IR.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from ctypes import CFUNCTYPE, c_int64, c_void_p
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite
import platformdirs
import torch
from llvmlite import binding, ir

from skipscope.errors import MachineError
from skipscope.kernels.codegen import ModuleBuilder, Signatures

Function = Callable[..., None]

_LINKED: list[Any] = []
"""Owns the linked code, which may be called until the process ends."""


def compile_functions(
    emit: Callable[..., None], dtype: torch.dtype, signatures: Signatures, **arguments: object
) -> dict[str, Function]:
    """Compiles what `emit(module, **arguments)` emits; gives its functions by name. They release the GIL.

    Compiling takes a second or two, and every worker needs the same code. It is therefore cached, under a key
    of this package's sources, the arguments, the processor and LLVM's version.

    Raises:
        MachineError: the system forbids executable memory, or LLVM does not know the processor.
    """
    try:
        return _compile(emit, dtype, signatures, arguments)
    except (RuntimeError, OSError) as error:
        raise MachineError(
            f"Loops cannot be compiled on this machine: {error}",
            where='kernels = "winograd" in [recipe]',
            hint='set kernels = "fast", or leave it out: it is chosen by measurement',
        ) from error


@cache
def sources_digest() -> str:
    """Digests this package's sources, which are part of the key of whatever is kept of them."""
    sources = [file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))]
    return sha256(repr(sources).encode()).hexdigest()


def _compile(
    emit: Callable[..., None], dtype: torch.dtype, signatures: Signatures, arguments: Mapping[str, object]
) -> dict[str, Function]:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    processor = _processor()
    target = binding.Target.from_default_triple().create_target_machine(**processor, opt=3, jit=True)
    identity = [llvmlite.__version__, processor, sources_digest(), emit.__module__, dtype, arguments]
    key = sha256(repr(identity).encode()).hexdigest()[:16]
    file = platformdirs.user_cache_path("skipscope") / f"code-{key}"
    code = _read_cache(file)
    if code is None:
        module = ModuleBuilder(dtype, signatures)
        emit(module, **arguments)
        code = _optimise(module.ir, target)
        _write_cache(file, code)
    library = binding.JITLibraryBuilder().add_object_img(code)
    for name in signatures:
        library.export_symbol(name)
    linker = binding.create_lljit_compiler(target)
    linked = library.link(linker, key)
    _LINKED.append((linker, linked))
    return {
        name: CFUNCTYPE(None, *[c_void_p] * pointers, *[c_int64] * integers)(linked[name])
        for name, (pointers, integers) in signatures.items()
    }


def _processor() -> dict[str, str]:
    features = ""
    with suppress(RuntimeError):  # LLVM cannot ask every system; the processor's name implies most features
        features = binding.get_host_cpu_features().flatten()
    return {"cpu": binding.get_host_cpu_name(), "features": features}


def _read_cache(file: Path) -> bytes | None:
    """Reads the cached object code; None if there is none, or a damaged one, which would end the process."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    checksum, code = content[:32], content[32:]
    return code if sha256(code).digest() == checksum else None


def _write_cache(file: Path, code: bytes) -> None:
    """Renames a whole file into place; where that is impossible, the code is compiled again next time."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(sha256(code).digest() + code)
        draft.replace(file)
    with suppress(OSError):
        draft.unlink(missing_ok=True)


def _optimise(module: ir.Module, target: Any) -> bytes:
    """Compiles the module to an object file's content."""
    parsed = binding.parse_assembly(str(module))
    passes = binding.create_pass_builder(target, binding.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(parsed, passes)
    code: bytes = target.emit_object(parsed)
    return code
