"""The queue, in SQLite: jobs survive whatever process dies, and any number of processes may read and write it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talking_head.studio.place import new_key

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
OPEN, CLOSED = (QUEUED, RUNNING), (DONE, FAILED, CANCELLED)
UPLOADS = ("upload", "sound", "reference", "keep_background")  # names of what jobs are asked for
BUSY_S = 30.0  # to wait for another process that is writing

_TABLES = """
create table if not exists jobs (
    job text primary key, kind text not null, asked text not null, state text not null, stage text not null default '',
    share real, left_s real, error text, result text, made_at real not null, begun_at real, ended_at real,
    claim text, attempts integer not null default 0, place integer not null, change integer not null
);
create index if not exists by_state on jobs (state, kind, place);
create table if not exists counter (last integer not null);
insert into counter (last) select 0 where not exists (select 1 from counter);
"""


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    asked: what was sent. stage, share, left_s: how far it is (share 0 to 1; None: not known). result: what its kind
    tells, and `files`: {name: media type}. claim: who works on it. attempts: how often it was begun. change: grows with
    every change of any job.
    """

    job: str
    kind: str
    asked: dict[str, Any]
    state: str
    made_at: float
    change: int
    attempts: int = 0
    stage: str = ""
    share: float | None = None
    left_s: float | None = None
    error: dict[str, str] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    begun_at: float | None = None
    ended_at: float | None = None
    claim: str | None = None

    @property
    def uploads(self) -> set[str]:
        """Keys of the uploads that it reads."""
        return {self.asked[name] for name in UPLOADS if self.asked.get(name)}


class JobStore:
    """All jobs of a studio."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as database:
            database.execute("pragma journal_mode=wal")
            database.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are all kept, or none."""
        database = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        database.row_factory = sqlite3.Row
        try:
            yield database
        finally:
            database.close()

    @contextmanager
    def _changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """The same, alone with the database, and the number of the change."""
        with self._open() as database:
            database.execute("begin immediate")
            try:
                database.execute("update counter set last = last + 1")
                yield database, database.execute("select last from counter").fetchone()[0]
            except BaseException:
                database.execute("rollback")
                raise
            database.execute("commit")

    def add(self, kind: str, asked: Mapping[str, Any]) -> Job:
        """A new job at the queue's end."""
        key = new_key()
        with self._changing() as (database, change):
            database.execute(
                "insert into jobs (job, kind, asked, state, made_at, place, change) values (?, ?, ?, ?, ?, ?, ?)",
                (key, kind, json.dumps(asked), QUEUED, time.time(), change, change),
            )
        found = self.get(key)
        assert found is not None
        return found

    def get(self, job: str) -> Job | None:
        """The job of that key."""
        with self._open() as database:
            row = database.execute("select * from jobs where job = ?", (job,)).fetchone()
        return None if row is None else _job(row)

    def all(self, states: tuple[str, ...] = (*OPEN, *CLOSED)) -> list[Job]:
        """Jobs in these states, the newest first."""
        marks = ", ".join("?" * len(states))
        with self._open() as database:
            rows = database.execute(f"select * from jobs where state in ({marks}) order by place desc", states)
            return [_job(row) for row in rows]

    def changed_since(self, change: int) -> list[Job]:
        """Jobs that changed after that change, in the order of their changes."""
        with self._open() as database:
            rows = database.execute("select * from jobs where change > ? order by change", (change,))
            return [_job(row) for row in rows]

    def last_change(self) -> int:
        """The number of the last change."""
        with self._open() as database:
            return int(database.execute("select last from counter").fetchone()[0])

    def ahead(self, job: Job) -> int:
        """How many of its kind are worked on or wait before it."""
        with self._open() as database:
            asked = "select count(*) from jobs where kind = ? and state in ('queued', 'running') and place < " \
                    "(select place from jobs where job = ?)"  # fmt: skip
            return int(database.execute(asked, (job.kind, job.job)).fetchone()[0])

    def needed_uploads(self) -> set[str]:
        """Uploads that open jobs read."""
        return {key for job in self.all(OPEN) for key in job.uploads}

    def claim(self, kind: str, claim: str) -> Job | None:
        """Take the first waiting job of a kind; None when there is none. claim: who takes it."""
        with self._open() as database:  # looking changes nothing
            if database.execute("select 1 from jobs where state = ? and kind = ?", (QUEUED, kind)).fetchone() is None:
                return None
        with self._changing() as (database, change):
            row = database.execute(
                "select job from jobs where state = ? and kind = ? order by place limit 1", (QUEUED, kind)
            ).fetchone()
            if row is None:
                return None
            database.execute(
                "update jobs set state = ?, claim = ?, attempts = attempts + 1, begun_at = ?, stage = '', share = 0, "
                "left_s = null, change = ? where job = ?", (RUNNING, claim, time.time(), change, row["job"]),
            )
        return self.get(row["job"])

    def tell(self, job: Job, stage: str, share: float | None, left_s: float | None) -> bool:
        """Say how far a claimed job is; whether it is still ours."""
        return self._ours(job, "stage = ?, share = ?, left_s = ?", (stage, share, left_s))

    def finish(self, job: Job, result: Mapping[str, Any]) -> bool:
        """A claimed job is done; whether it was still ours."""
        said = "state = ?, result = ?, ended_at = ?, share = 1, left_s = 0"
        return self._ours(job, said, (DONE, json.dumps(result), time.time()))

    def fail(self, job: Job, error: Mapping[str, str]) -> bool:
        """A claimed job cannot be done; whether it was still ours."""
        said = "state = ?, error = ?, ended_at = ?, left_s = null"
        return self._ours(job, said, (FAILED, json.dumps(error), time.time()))

    def _ours(self, job: Job, said: str, values: tuple[Any, ...]) -> bool:
        with self._changing() as (database, change):
            done = database.execute(
                f"update jobs set {said}, change = ? where job = ? and state = ? and claim = ?",
                (*values, change, job.job, RUNNING, job.claim),
            )
            return done.rowcount == 1

    def put_back(self, kind: str | None = None, attempts: int = 3, error: Mapping[str, str] | None = None) -> list[Job]:
        """Jobs whose worker is gone wait again at their old place; those begun too often fail with the error."""
        with self._changing() as (database, change):
            where = f"state = '{RUNNING}'" + (" and kind = ?" if kind else "")
            given = (kind,) if kind else ()
            lost = [_job(row) for row in database.execute(f"select * from jobs where {where}", given)]
            for job in lost:
                again = job.attempts < attempts
                database.execute(
                    "update jobs set state = ?, error = ?, ended_at = ?, claim = null, left_s = null, change = ? "
                    "where job = ?",
                    (QUEUED if again else FAILED, None if again else json.dumps(error or {}),
                     None if again else time.time(), change, job.job),
                )  # fmt: skip
        return lost

    def cancel(self, job: str) -> bool:
        """Cancel an open job; whether it was open. Who runs it is stopped by the supervisor."""
        with self._changing() as (database, change):
            done = database.execute(
                f"update jobs set state = ?, ended_at = ?, left_s = null, change = ? where job = ? and state in "
                f"('{QUEUED}', '{RUNNING}')", (CANCELLED, time.time(), change, job),
            )
            return done.rowcount == 1

    def forget(self, job: str) -> None:
        """Delete a closed job's row."""
        with self._changing() as (database, _):
            marks = ", ".join("?" * len(CLOSED))
            database.execute(f"delete from jobs where job = ? and state in ({marks})", (job, *CLOSED))


def _job(row: sqlite3.Row) -> Job:
    held = {name: row[name] for name in row.keys() if name != "place"}  # noqa: SIM118 (not a dict)
    for name in ("asked", "error", "result"):
        held[name] = json.loads(held[name]) if held[name] else None
    return Job(**held | {"result": held["result"] or {}})
