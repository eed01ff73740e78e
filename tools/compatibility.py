"""Print the rows of docs/compatibility.md: what is known of public networks, and what is found in them.

    python tools/compatibility.py torchvision timm
    python tools/compatibility.py kuangliu/pytorch-cifar=DIR weiaicunzai/pytorch-cifar100=DIR

DIR is a clone of that repository; torchvision and timm are the extra `zoo` of this package. With --train a
network of a repository is also trained for an epoch on 100 images of the embedded data set and measured.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from torch import nn

import skipscope
from skipscope.anatomy.follow import in_words
from skipscope.errors import SkipscopeError
from skipscope.spec import StudySpec

KNOWN = tomllib.loads((Path(__file__).parents[1] / "tests" / "known_networks.toml").read_text("utf-8"))
COLUMNS = ("network", "version", "known", "found", "not followed", "trained, measured", "date")
RECIPE = {"epochs": 1, "precision": "fp32", "memory_format": "contiguous", "kernels": "stock", "threads": 1}
PROBES = ["answers", "gradient_flow", "activations", "block_deletion", "gates", "gate_surgery", "redundancy"]
"""Those that depend on what a network has, and cheap ones."""
INCEPTION = {"aux_logits": False, "init_weights": False}


def network(source: str, name: str, folder: str) -> nn.Module:
    """Makes a network of a package, or of a file in a clone."""
    if source == "timm":
        return importlib.import_module("timm").create_model(name)
    if source == "torchvision":
        options = INCEPTION if name in ("googlenet", "inception_v3") else {}
        return getattr(importlib.import_module("torchvision.models"), name)(weights=None, **options)
    file, _, function = name.partition(":")  # not `skipscope.build`, which wants ten classes
    spec = spec_from_file_location(file.replace("/", ".").removesuffix(".py"), Path(folder, file))
    module = module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return getattr(module, function)()


def version(source: str, folder: str) -> str:
    """Returns the package's version, or the clone's commit."""
    if not folder:
        return str(importlib.import_module(source).__version__)
    asked = ["git", "-C", folder, "rev-parse", "--short", "HEAD"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    return told.stdout.strip() or "unknown"


def trained(folder: str, name: str) -> str:
    """Trains a network through a study of one arm, and says how many readings there are."""
    arm = {"model": f"{folder}/{name}", "name": "tried"}
    study = {"name": "tried", "data": "shapes", "train_limit": 100, "probes": PROBES, "recipe": RECIPE}
    with tempfile.TemporaryDirectory() as workspace:
        try:
            done = skipscope.run(
                StudySpec.model_validate(study | {"arm": [arm]}), workspace=workspace, jobs=1
            )
        except SkipscopeError as error:
            return f"no: {error.what}"
        [run] = done.found()
        return f"yes, {len(done.run_folder(run).readings()):,} readings"


def rows(source: str, folder: str, *, train: bool) -> Iterator[tuple[str, ...]]:
    """Yields a row a network."""
    for name, (side, *known) in KNOWN[source].items():
        try:
            found = skipscope.anatomy(network(source, name, folder), torch.rand(2, 3, side, side))
        except SkipscopeError as error:
            yield (name, "", _numbers(known), f"error: {error.what}", "", "", "")
            continue
        kinds = (found.shortcuts, found.gates, found.concatenations, found.unfollowed)
        numbers = [len(entries) for entries in kinds]
        agree = "" if numbers == known else " **differs**"
        words = "; ".join(said.partition("(")[2].rstrip(").") for said in in_words(found))
        yield (
            name,
            version(source, folder),
            _numbers(known),
            _numbers(numbers) + agree,
            f"{numbers[-1]}: {words}" if words else "none",
            trained(folder, name) if train and folder else "not tried",
            datetime.now(UTC).date().isoformat(),
        )


def _numbers(counts: list[int]) -> str:
    return " / ".join(map(str, counts[:3]))


def main() -> None:
    """Prints a table a source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", nargs="+", help="a package, or owner/name=DIR")
    parser.add_argument("--train", action="store_true", help="train the networks of a repository as well")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for given in asked.sources:
        source, _, folder = given.partition("=")
        print(f"\n### {source}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
        for row in rows(source, folder, train=asked.train):
            print(f"| {' | '.join(row)} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
