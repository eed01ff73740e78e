"""Opens a run's record: a new one where there is none, where a file is damaged, or where the run failed."""

from datetime import UTC, datetime

from skipscope.anatomy.describe import describe
from skipscope.records.checksums import SUMS
from skipscope.records.schema import RunRecord
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec
from skipscope.spec.network import OWN
from skipscope.training.environment import environment
from skipscope.training.events import Event, EventHandler


def begin(spec: RunSpec, folder: RunFolder, on_event: EventHandler) -> RunRecord:
    """Returns the record of a run that starts or resumes; replaces a damaged one, or a damaged run's."""
    record = folder.read_if_sound()
    begun = folder.record_file.exists()
    damaged = folder.damaged() if begun and (record is None or record.state == "done") else []
    if damaged:
        # a damaged list of checksums may hide behind a file that differs from it
        message = f"{', '.join(damaged)} damaged or missing (compared with {SUMS}): training it again"
        report_restart(on_event, spec, message)
    if record is None or record.state == "failed" or damaged:
        record = RunRecord(
            id=_id(spec, folder),
            spec=spec,
            state="unfinished",
            started=now(),
            environment=environment(),
            network=describe(spec.model),
        )
        folder.make()
        folder.write(record)
    return record


def _id(spec: RunSpec, folder: RunFolder) -> str:
    """Returns the run's id; in an older workspace it may be the one before a user's network had `OWN`."""
    older = spec.id.removeprefix(OWN)
    return older if folder.path.name == older else spec.id


def report_restart(on_event: EventHandler, spec: RunSpec, message: str) -> None:
    """Tells why the run goes on from an earlier step, or from its first."""
    on_event(Event(run=spec.id, state="restarted", message=message))


def now() -> str:
    """Formats the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
