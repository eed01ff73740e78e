"""Finds a data set among the names of files: where its parts are, whatever folders are around them.

official    data_batch_1 ... test_batch, or with .bin, in one folder
parquet     train and test in the names of files or of their folders: train-0.parquet, train/0000.parquet
stored      images.npy, labels.npy and index.json, as the program keeps a data set
pictures    train/CLASS/*.png and test/CLASS/*.png (ImageFolder) with ten classes
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
STORED = ("images.npy", "labels.npy", "index.json")
PICTURE = re.compile(r"\.(png|jpe?g|bmp|webp|ppm)$", re.IGNORECASE)
_SPLIT = re.compile(r"(?:^|[-_.])(train|test)(?:$|[-_.])", re.IGNORECASE)
_CIFAR10 = re.compile(r"cifar[-_]?10(?!0)", re.IGNORECASE)
_SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Says which files hold which part of a data set."""

    kind: str  # "binary", "python", "stored", "parquet" or "picture"
    folder: str  # that holds them, "" or with / at its end
    parts: dict[
        str, list[str]
    ]  # the batches, or train and test, or train/CLASS and test/CLASS: names of files
    missing: tuple[str, ...] = ()  # parts that are not there


def find(names: Iterable[str]) -> list[Layout]:
    """Finds all data sets among the names: complete ones first, then those named after CIFAR-10, by depth."""
    listed = sorted(names)
    every = [layout for search in (official, stored, parquet, pictures) for layout in search(listed)]

    def rank(found: Layout) -> tuple[int, bool, int]:
        return len(found.missing), not _CIFAR10.search(found.folder), found.folder.count("/")

    return sorted(every, key=rank)


def official(names: Iterable[str]) -> list[Layout]:
    """Finds the official batches."""
    found: defaultdict[tuple[str, str], dict[str, list[str]]] = defaultdict(dict)
    for name in names:
        folder, file = _divided(name)
        if file.removesuffix(".bin") in BATCHES:
            kind = "binary" if file.endswith(".bin") else "python"
            found[folder, kind][file.removesuffix(".bin")] = [name]
    return [_layout(kind, folder, parts, BATCHES) for (folder, kind), parts in found.items()]


def stored(names: Iterable[str]) -> list[Layout]:
    """Finds data sets that were imported."""
    found: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for name in names:
        folder, file = _divided(name)
        if file in STORED:
            found[folder][file] = [name]
    return [_layout("stored", *each, STORED) for each in found.items() if STORED[0] in each[1]]


def parquet(names: Iterable[str]) -> list[Layout]:
    """Finds the two splits of parquet files."""

    def split_of(name: str) -> tuple[str, str] | None:
        *folders, file = name.split("/")
        for depth in range(len(folders), -1, -1):
            part = file.removesuffix(".parquet") if depth == len(folders) else folders[depth]
            if found := _SPLIT.search(part):
                return "".join(f"{each}/" for each in folders[:depth]), found[1].lower()
        return None

    return _by_split("parquet", (name for name in names if name.endswith(".parquet")), split_of)


def pictures(names: Iterable[str]) -> list[Layout]:
    """Finds pictures in folders of their classes, in folders of the splits."""
    listed = [name for name in names if PICTURE.search(name)]
    tests = {folder for folder, part in filter(None, map(_picture, listed)) if part.startswith("test/")}

    def split_of(name: str) -> tuple[str, str] | None:
        if (found := _picture(name)) is None or not found[1].startswith("validation/"):
            return found
        # the program holds out its own images for validation; others are used as what is missing
        split = "train" if found[0] in tests else "test"
        return found[0], found[1].replace("validation", split, 1)

    layouts = _by_split("picture", listed, split_of)
    return [each for each in layouts if len({part.partition("/")[2] for part in each.parts}) == 10]


def _picture(name: str) -> tuple[str, str] | None:
    """Returns the folder above the split, and split/CLASS."""
    *above, split, label, _ = ("", "", *name.split("/"))
    if split.lower() not in _SPLITS:
        return None
    return "".join(f"{each}/" for each in above if each), f"{_SPLITS[split.lower()]}/{label}"


def _by_split(
    kind: str, names: Iterable[str], split_of: Callable[[str], tuple[str, str] | None]
) -> list[Layout]:
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in names:
        if (where := split_of(name)) is not None:
            folder, part = where
            found[folder][part].append(name)
    layouts = []
    for folder, parts in found.items():
        labels = {part.partition("/")[1:] for part in parts}
        needed = ["".join((split, *label)) for split in ("train", "test") for label in sorted(labels)]
        layouts.append(_layout(kind, folder, dict(parts), needed))
    return layouts


def _layout(kind: str, folder: str, parts: dict[str, list[str]], needed: Iterable[str]) -> Layout:
    missing = tuple(part for part in needed if part not in parts)
    return Layout(kind=kind, folder=folder, parts=parts, missing=missing)


def _divided(name: str) -> tuple[str, str]:
    folder, slash, file = name.rpartition("/")
    return folder + slash, file
