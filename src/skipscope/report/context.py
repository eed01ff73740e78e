"""Holds what every section is built from: the tables, the language, and the running number of figures."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count as counting
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from skipscope.analysis.curves import last_step
from skipscope.analysis.members import Entry
from skipscope.analysis.statistics import wilson
from skipscope.analysis.tables import ArmSummary, Spread, StudyTables
from skipscope.analysis.timing import at_once, comparable
from skipscope.claims.calibration.calibrate import load_calibration
from skipscope.claims.model import ClaimResult
from skipscope.figures.layered import Layered
from skipscope.figures.seeds import SHOWN
from skipscope.reference import shipped
from skipscope.report.document import (
    NOTHING,
    Block,
    Column,
    Diagram,
    Figure,
    Note,
    Panels,
    Part,
    Section,
    Table,
)
from skipscope.report.galleries import Gallery, Tile
from skipscope.report.handin.evidence import Evidence
from skipscope.report.words import NBSP, Inline, Words, code, count, percent, plain, unmarked


def figure_numbers(part: Part) -> Iterator[str]:
    """Counts a part's figures: 1, 2 ... and A1, A2 ... in the appendix."""
    return (f"{'A' if part == 'appendix' else ''}{number}" for number in counting(1))


@dataclass(frozen=True, kw_only=True)
class Context:
    """The material of one report in one language."""

    tables: StudyTables
    words: Words
    charts: Words
    """The words in charts, which may be in another language."""
    results: tuple[ClaimResult, ...] = ()
    """The verdict on each claim."""
    calibration: Mapping[str, Any] = field(default_factory=load_calibration)
    """The claims' false-positive rate and power, by simulation: the workspace's own, else the package's."""
    notes: Path | None = None
    """The reader's own analysis, as Markdown."""
    numbers: Iterator[str] = field(default_factory=lambda: figure_numbers("appendix"))
    """The numbers of its figures, as they are drawn."""
    table_numbers: Iterator[str] = field(default_factory=lambda: map(str, counting(1)))
    """The numbers of its tables, as they are set: of those that are given one."""

    @cached_property
    def evidence(self) -> Evidence:
        """What the hand-in and the claims' cards rest on, read once for all of them."""
        reference = MappingProxyType(shipped.cards())
        return Evidence(tables=self.tables, results=self.results, reference=reference)

    @property
    def labels(self) -> dict[str, str]:
        """The texts in charts."""
        return dict(self.charts.raw("chart"))

    @cached_property
    def times_compare(self) -> bool:
        """Whether the runs' times can be compared."""
        return comparable(self.tables.finished)

    @cached_property
    def beside(self) -> Inline:
        """Says how many runs were in progress at once while times were taken."""
        _, runs = at_once(self.tables.finished)
        return self.words("summary.beside", runs=runs) if runs > 1 else self.words("summary.alone")

    def command(self, command: str) -> Inline:
        """Returns a command as the user types it for this workspace."""
        return code(self.tables.workspace.typed(command))

    @property
    def faint(self) -> Inline:
        """Says what the faint line of a loss curve is."""
        stride = self.tables.stride
        key = "each" if stride == 1 else "thinned"
        return self.words(f"overlay.{key}", stride=stride, of=self.of_first)

    @property
    def of_first(self) -> Inline:
        """Names the seeds that are drawn one by one, unless all of them are."""
        many = self.tables.record.study.seeds > SHOWN
        return Inline(self.words.raw("overlay.of_first").format(number=SHOWN) if many else "")

    def if_several(self, key: str) -> Inline:
        """Returns the text `key`, where `{each}` are single seeds, if there are several; else nothing."""
        study = self.tables.record.study
        # some are only measured before their first step
        many = max(study.seeds, study.initial_seeds) > SHOWN
        each = self.words(f"overlay.{'first_seeds' if many else 'each_seed'}", number=SHOWN)
        return Inline(self.words.raw(key).format(each=each) if study.seeds > 1 else "")

    def caption(self, key: str, **values: object) -> Inline:
        """Returns the text `key` of a group; its `{mean}` says what is bold if there are several seeds."""
        return self.words(key, mean=self.if_several(f"{key.partition('.')[0]}.seeds"), **values)

    def columns(self, texts: str, keys: Iterable[str], *, right: Collection[str] = ()) -> tuple[Column, ...]:
        """Builds a table's columns with the titles `<texts>.<key>`; those in `right` are aligned there."""
        return tuple(
            Column(title=self.words(f"{texts}.{key}"), align="right" if key in right else "left")
            for key in keys
        )

    def section(
        self, id: str, texts: str, blocks: Iterable[Block], sections: Iterable[Section] = ()
    ) -> Section:
        """Builds a section with the title `<texts>.title`."""
        title = self.words(f"{texts}.title")
        return Section(id=id, title=title, blocks=tuple(blocks), sections=tuple(sections))

    def sections(self, id: str, texts: str, parts: Mapping[str, Iterable[Block]]) -> Iterator[Section]:
        """Builds a section of each part, with the title `<texts>.<part>`."""
        for part, blocks in parts.items():
            yield Section(id=f"{id}-{part}", title=self.words(f"{texts}.{part}"), blocks=tuple(blocks))

    def tabled(self, table: Table) -> Table:
        """Gives a table the next number."""
        return replace(table, number=next(self.table_numbers))

    def figure(self, name: str, chart: Layered, *, caption: Inline, spoken: Inline, live: str = "") -> Figure:
        """Builds the next figure, in place of which a page may have something `live`."""
        told = {"number": next(self.numbers), "spoken": unmarked(spoken), "live": live}
        return Figure(name=name, caption=caption, chart=chart, **told)

    def diagram(self, name: str, svg: str, *, caption: Inline, spoken: Inline) -> Diagram:
        """Builds the next figure, of a drawing."""
        number = next(self.numbers)
        return Diagram(name=name, number=number, caption=caption, spoken=unmarked(spoken), svg=svg)

    def panels(
        self, charts: Mapping[str, Layered], *, caption: Inline, spoken: Sequence[Inline], **layout: Any
    ) -> Panels:
        """Builds the next figure, of panels by their names, each with what is read aloud of it."""
        figures = tuple(
            Figure(name=name, number="", caption=NOTHING, spoken=unmarked(told), chart=chart)
            for (name, chart), told in zip(charts.items(), spoken, strict=True)
        )
        return Panels(figures=figures, number=next(self.numbers), caption=caption, **layout)

    def figure_of(
        self, arm: str, name: str, chart: Layered, *, caption: str, spoken: Inline, **told: object
    ) -> Figure:
        """Builds the next figure, about one arm; `caption` is the key of a text that names it."""
        text = self.words(caption, arm=code(arm), **told)
        return self.figure(f"{name}-{self.file_of(arm)}", chart, caption=text, spoken=spoken)

    def gallery(
        self, name: str, tiles: list[Tile], table: pl.DataFrame, *, caption: Inline, spoken: Inline
    ) -> Gallery:
        """Builds the next figure, of pictures."""
        number, shown = next(self.numbers), tuple(tiles)
        return Gallery(
            name=name, number=number, caption=caption, spoken=unmarked(spoken), tiles=shown, table=table
        )

    def file_of(self, arm: str) -> str:
        """Returns the arm's part of file names: unique, whatever characters its label has."""
        return f"{self.tables.arms.index(arm) + 1}-{re.sub(r'[^A-Za-z0-9_.-]', '-', arm)}"

    @property
    def data_name(self) -> Inline:
        """Names the data set; of CIFAR-10 it says whether the copy is exact."""
        card = self.tables.record.data
        if card.fidelity:
            return self.words(f"data.cifar10_{card.fidelity}")
        return self.words("data.shapes") if card.name == "shapes" else code(card.name)

    @property
    def chart_names(self) -> dict[str, str]:
        """Each class of the data set with its name in charts: its own if the language has none for it."""
        named = self.charts.raw("class_names")
        return {name: named.get(name, name) for name in self.tables.record.data.classes}

    def class_name(self, name: str) -> Inline:
        """Writes the name of a class in the report's language."""
        return self.words.name(f"class_names.{name}", name)

    def test_cell(self, summary: ArmSummary) -> Inline:
        """Writes the sealed test accuracy, with Wilson's interval for one run and the range for several."""
        images = self.tables.record.data.test
        return self.cell(
            summary, "test_accuracy", lambda found: bracketed(found.n, found.mean, *interval(found, images))
        )

    def validation_cell(self, summary: ArmSummary) -> Inline:
        """Writes the validation accuracy of the last epoch, with its range if there are several seeds."""

        def shown(found: Spread) -> str:
            if found.n == 1:
                return percent(found.mean)
            return bracketed(found.n, found.mean, found.low, found.high)

        return self.cell(summary, "val_accuracy", shown)

    def time_cell(self, summary: ArmSummary) -> Inline:
        """Writes the mean time of a run, training and validation."""
        return self.cell(summary, "seconds", lambda found: self.words.duration(found.mean))

    def cell(self, summary: ArmSummary, quantity: str, shown: Callable[[Spread], str]) -> Inline:
        """Writes a quantity over the seeds as `shown` formats it, or that there is no result."""
        found = summary.range_over_seeds(quantity)
        return self.words("key.no_result") if found is None else Inline(shown(found))

    def troubles(self, arm: str | None = None) -> list[Note]:
        """Warns of every run without a result (of one arm, if named), and once of all not begun."""
        entries = [entry for entry in self.tables.entries if arm in (None, entry.arm)]
        told = [self.trouble(entry) for entry in entries if entry.state not in ("done", "missing")]
        if missing := [entry for entry in entries if entry.state == "missing"]:
            seeds: dict[str, list[str]] = {}
            for entry in missing:
                seeds.setdefault(entry.arm, []).append(str(entry.seed))
            runs = [self.words("state.seeds", arm=code(arm), seeds=", ".join(seeds[arm])) for arm in seeds]
            told.append(self.words("state.missing", runs=self.words.listed(runs)))
        return [Note(text=text, kind="warning") for text in told]

    def trouble(self, entry: Entry) -> Inline:
        """Says why a begun run has no result: unfinished, diverged (with the step's numbers) or failed."""
        who = {"arm": code(entry.arm), "seed": entry.seed}
        record = entry.record
        if record is None or record.failure is None:
            done, of = self._progress(entry)
            return self.words("state.unfinished", **who, step=done, of=of)
        if record.failure.kind == "error":
            return self.words("state.error", **who, message=record.failure.message)
        numbers = record.failure.numbers
        told = {key: self._number(numbers.get(key)) for key in ("step", "epoch", "loss", "learning_rate")}
        before = self._number(numbers.get("mean_loss_of_epoch_before_it"))
        return self.words("state.diverged", **who, **told, before=before)

    def _number(self, value: float | str | None) -> str:
        if value is None:
            return self.words("value.unknown")
        return f"{value:.4g}" if isinstance(value, float) else plain(value)

    def _progress(self, entry: Entry) -> tuple[str, str]:
        """Returns the last recorded step, and the number of steps of the whole run."""
        metrics = self.tables.metrics
        done = last_step(metrics.filter(metrics["run"] == entry.run))
        recipe = self.tables.record.study.recipe if entry.record is None else entry.record.spec.recipe
        images = self.tables.record.study.train_limit or self.tables.record.data.train
        return count(done), count(recipe.epochs * max(1, images // recipe.batch_size))


def interval(spread: Spread, images: int) -> tuple[float, float]:
    """Returns Wilson's interval for this many test images for one run, else the lowest and the highest."""
    return wilson(spread.mean, images) if spread.n == 1 else (spread.low, spread.high)


def bracketed(n: int, *shares: float, digits: int = 1) -> str:
    """Formats mean, low and high: an interval with a comma, a range over seeds with a dash."""
    mean, low, high = (f"{100 * share:.{digits}f}" for share in shares)
    return f"{mean}% \\[{low}{f',{NBSP}' if n == 1 else '–'}{high}\\]"
