"""`code.py` of a hand-in: the classroom networks, their data and the training loop as one file.

It is put together from the package's own sources when it is asked for; what of them, says
`templates/code.toml`. Nothing is imported for it: sources are read as text.
"""

import ast
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from skipscope.analysis.tables import StudyTables
from skipscope.spec import Recipe, StudySpec, load_study
from skipscope.submission.excerpt import Source, dataclass_of, imported

RULE = "-" * 100
ALONE = """if __name__ == "__main__":
    # Python has a module called code, too, which debuggers import: they are not to find this file
    sys.path.pop(0)"""
DEFAULTS = {"memory_format": "channels_last"}
"""Of what is `auto` in a recipe until a machine is measured."""
LEFT_OUT = ("precision", "kernels", "threads")
"""Of a recipe: `code.py` computes in one way."""


@dataclass(frozen=True)
class Arm:
    """One network that `code.py` trains, and how."""

    label: str
    network: str
    recipe: Recipe


def program(tables: StudyTables) -> str:
    """The file for a study: with its arms if they are classroom networks on CIFAR-10, else with lab's."""
    arms = trained(tables)
    study = load_study("lab") if arms is None else tables.record.study
    chosen = arms or [Arm(arm.label, arm.model, study.recipe_of(arm)) for arm in study.arm]
    parts = _manifest()
    body = "\n\n\n".join(_section(section, frozenset(parts["without"])) for section in parts["section"])
    text = f"{body}\n\n\n{_what_is_trained(study, chosen)}"
    return f"{_head(study, chosen)}\n\n{_imports(text, parts)}\n\n{text.strip()}\n"


def _head(study: StudySpec, arms: list[Arm]) -> str:
    title = study.title.get("en", "Convolutional networks").rstrip(".")
    template = _templates().get_template("code-head.txt")
    return template.render(
        title=title.replace("\\", "").replace('"', "'"),  # it stands in a docstring
        arms=", ".join(arm.label for arm in arms),
        version=version("skipscope"),
        ways=", ".join(sorted(set(filter(None, map(_way, arms))))),
    ).strip()


def _what_is_trained(study: StudySpec, arms: list[Arm]) -> str:
    calls = [_call(arm.recipe) for arm in arms]
    threads = {arm.recipe.threads for arm in arms} - {"auto"}
    template = _templates().get_template("code.py.txt")
    return template.render(
        rule=RULE,
        shared=calls[0] if len(set(calls)) == 1 else None,
        arms=[
            {"label": arm.label, "network": arm.network, "recipe": call}
            for arm, call in zip(arms, calls, strict=True)
        ],
        seeds=study.seeds,
        limit=study.train_limit,
        threads=max(map(int, threads), default=1),
    )


def trained(tables: StudyTables) -> list[Arm] | None:
    """The study's arms that are classroom networks, as they were run; None where none are, on CIFAR-10."""
    if tables.record.data.name != "cifar10":
        return None
    study, known = tables.record.study, classroom_networks()
    asked = {arm.label: study.recipe_of(arm) for arm in study.arm}
    found = [
        Arm(
            summary.arm,
            summary.model,
            summary.records[0].spec.recipe if summary.records else asked[summary.arm],
        )
        for summary in tables.summaries
        if summary.model in known
    ]
    return found or None


@cache
def classroom_networks() -> frozenset[str]:
    """The names of the networks that `code.py` has."""
    text = Source("models.registry").take("NETWORKS")
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.AnnAssign)  # noqa: S101 - it is written so, a few files away
    assert isinstance(node.value, ast.Dict)  # noqa: S101
    return frozenset(ast.literal_eval(key) for key in node.value.keys if key is not None)


def notebook(arms: list[str]) -> str:
    """A Jupyter notebook that runs `code.py` beside it, one of its `arms` a cell."""
    cells = [
        _told("# code.ipynb\n\nRuns `code.py`, which lies beside this file. 运行同一文件夹中的 `code.py`。"),
        _run('ARCHIVE = "cifar-10-binary.tar.gz"  # or cifar-10-python.tar.gz, or the unpacked folder'),
        _run(
            "import runpy\nfrom pathlib import Path\n\nimport torch\n\n"
            'code = runpy.run_path("code.py")\n'
            'torch.set_num_threads(code["THREADS"])\ndata = code["load"](Path(ARCHIVE))\nmodels = {}'
        ),
    ]
    for arm in arms:
        cells.append(_told(f"## {arm}"))
        cells.append(_run(f'models["{arm}"] = code["train"]("{arm}", data)\nprint(models["{arm}"])'))
    table: dict[str, Any] = {
        "cells": [{"id": f"cell-{place}", **cell} for place, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def arms_of(text: str) -> list[str]:
    """The keys of `ARMS` in a program."""
    values = (
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARMS"
    )
    return [
        ast.literal_eval(key) for value in values if isinstance(value, ast.Dict) for key in value.keys if key
    ]


def _told(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _run(text: str) -> dict[str, Any]:
    lines = text.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": lines}


def _section(section: dict[str, Any], without: frozenset[str]) -> str:
    """A title and the definitions below it; a value without a line between it and the next."""
    texts = [
        text for part in section["from"] for text in _taken(part, without | set(part.get("without", ())))
    ]
    joined = texts[0]
    for before, after in pairwise(texts):
        joined += ("\n\n\n" if _is_long(before) or _is_long(after) else "\n") + after
    space = "\n\n" if _is_long(joined) else "\n"
    return f"# {RULE}\n# {section['title']}\n# {RULE}\n{space}{joined}"


def _taken(part: dict[str, Any], without: frozenset[str]) -> Iterator[str]:
    source = Source(part["module"])
    for name in part.get("names", ()):
        yield source.take(name, without).replace(part.get("within", "\0"), "").rstrip("\n")
    for name in part.get("models", ()):
        yield dataclass_of(source, name, without, DEFAULTS)


def _is_long(text: str) -> bool:
    return text.lstrip().startswith(("def ", "class ", "@"))


def _imports(text: str, parts: dict[str, Any]) -> str:
    """The import statements for the names that the program uses, the standard library's first."""
    known = imported(ast.parse("\n".join(parts["imports"])))
    for section in parts["section"]:
        for part in section["from"]:
            known |= Source(part["module"]).imports()
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} & known.keys()
    ours, foreign = (
        _statements({name: known[name] for name in used if _is_foreign(known[name][0]) is there})
        for there in (False, True)
    )
    return f"{ours}\n\n{ALONE}\n\n{foreign}"


def _is_foreign(module: str) -> bool:
    return module.partition(".")[0] in ("numpy", "torch")


def _statements(names: dict[str, tuple[str, str | None]]) -> str:
    modules: dict[str, list[str]] = {}
    for name, (module, inside) in sorted(names.items()):
        if inside is not None:
            modules.setdefault(module, []).append(name)
    whole = sorted((module, name) for name, (module, inside) in names.items() if inside is None)
    lines = [f"import {module}" + (f" as {name}" if name != module else "") for module, name in whole]
    return "\n".join(
        [*lines, *(f"from {module} import {', '.join(modules[module])}" for module in sorted(modules))]
    )


def _call(recipe: Recipe) -> str:
    """What makes the recipe, without what it has by default."""
    given = {}
    for name, field in Recipe.model_fields.items():
        value = getattr(recipe, name)
        default = DEFAULTS.get(name, field.default)
        value = DEFAULTS.get(name, value) if value == "auto" else value
        if name not in LEFT_OUT and value != default:
            given[name] = value
    return f"Recipe({', '.join(f'{name}={_written(value)}' for name, value in given.items())})"


def _written(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _way(arm: Arm) -> str:
    """How the arm was computed, if it was not as `code.py` computes."""
    if arm.recipe.precision in ("fp32", "auto") and arm.recipe.kernels in ("stock", "auto"):
        return ""
    return f"{arm.recipe.precision}, {arm.recipe.kernels} kernels"


@cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads(
        (files("skipscope.submission") / "templates" / "code.toml").read_text(encoding="utf-8")
    )


@cache
def _templates() -> Environment:
    return Environment(  # noqa: S701 - Python, not a page
        loader=PackageLoader("skipscope.submission"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
