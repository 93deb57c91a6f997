"""Keeps one worker process for each kind that has jobs, stops cancelled ones, and puts back what a dead one left."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from foundation.limits import CONFINE
from foundation.parallel import QUIET_THREADS
from talking_head.studio.forgetting import clean_job
from talking_head.studio.jobs.kinds import KINDS
from talking_head.studio.jobs.store import CANCELLED, OPEN, QUEUED, RUNNING, Job, JobStore
from talking_head.studio.place import StudioPlace
from talking_head.studio.settings import Limits

log = logging.getLogger(__name__)

LOOK_S = 0.2
LOG_BYTES = 5_000_000  # of a kind's log, before it begins anew
STOP_S = 5.0  # for a worker to end in order
MEMORY_SHARE = 0.75  # of the machine's, for a worker, where nothing else is said
DIED = {"received": "a worker that was stopped or died at this job again and again", "expected": "one that ends it",
        "remedy": "see the studio's log; give a shorter or smaller file"}  # fmt: skip
GREEDY = {"received": "a job that needs more memory than a worker may have", "expected": "less of it",
          "remedy": "give a shorter or smaller file"}  # fmt: skip


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    kind: str
    stopping_since_s: float | None = None


@dataclass
class Supervisor:
    """All workers of a studio; `run` in a thread of its own."""

    place: StudioPlace
    store: JobStore
    limits: Limits
    ray: str = ""  # address of a cluster that does the jobs
    program: str = "talking_head.studio.jobs.worker"  # a module
    workers: dict[str, _Worker] = field(default_factory=dict)
    ending: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Put back what another server's workers left, and begin."""
        self.store.put_back(attempts=self.limits.attempts, error=DIED)
        self._sweep()
        self.thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End every worker; what they are at is put back, and resumed by the next server."""
        self.ending.set()
        if self.thread is not None:
            self.thread.join()
        for worker in self.workers.values():
            worker.process.terminate()
        for worker in self.workers.values():
            self._await(worker)
        self.store.put_back(attempts=self.limits.attempts + 1)  # it is not their fault

    def _run(self) -> None:
        while not self.ending.wait(LOOK_S):
            try:
                self._look()
            except Exception:
                log.exception("the supervisor goes on")

    def _look(self) -> None:
        jobs = self.store.all(OPEN)
        for kind in list(self.workers):
            self._look_after(self.workers[kind], [job for job in jobs if job.kind == kind and job.state == RUNNING])
        for kind in {job.kind for job in jobs if job.state == QUEUED} - self.workers.keys():
            if kind in KINDS:
                self.workers[kind] = self._started(kind)

    def _look_after(self, worker: _Worker, running: list[Job]) -> None:
        process = worker.process
        if process.poll() is not None:
            del self.workers[worker.kind]
            self.store.put_back(worker.kind, self.limits.attempts, DIED)
            self._clean_cancelled()
            return
        if worker.stopping_since_s is not None:
            if time.monotonic() - worker.stopping_since_s > STOP_S:
                process.kill()
            return
        theirs = [job for job in running if (job.claim or "").startswith(f"{process.pid}-")]
        for job in theirs:
            if _memory_bytes(process.pid) > (self.limits.job_bytes or MEMORY_SHARE * _machine_bytes()):
                self.store.fail(job, GREEDY)
                process.kill()
        if not theirs and any(job.kind == worker.kind and (job.claim or "").startswith(f"{process.pid}-")
                              for job in self._cancelled()):  # fmt: skip
            worker.stopping_since_s = time.monotonic()
            process.terminate()

    def _cancelled(self) -> list[Job]:
        """Cancelled jobs whose remains are not cleared yet."""
        return [job for job in self.store.all((CANCELLED,)) if (self.place.jobs / job.job).is_dir()]

    def _clean_cancelled(self) -> None:
        for job in self._cancelled():
            self.clean(job)

    def clean(self, job: Job) -> None:
        """Delete what a job left, its unfinished work too."""
        clean_job(self.place, job)

    def _sweep(self) -> None:
        """Delete folders of jobs that there are not, or that were cancelled."""
        known = {job.job for job in self.store.all() if job.state != CANCELLED}
        self._clean_cancelled()
        for folder in self.place.jobs.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _started(self, kind: str) -> _Worker:
        command = [sys.executable, "-m", self.program, str(self.place.home.path), kind, *filter(None, [self.ray])]
        confine = {CONFINE: os.environ.get(CONFINE, "1")}  # what clients sent is decoded in processes of its own
        environment = QUIET_THREADS | os.environ | {"PYTHONUNBUFFERED": "1"} | confine
        log_file = self.place.logs / f"{kind}.log"
        if log_file.is_file() and log_file.stat().st_size > LOG_BYTES:
            log_file.unlink()
        with log_file.open("ab") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment, start_new_session=True
            )
        return _Worker(process, kind)

    def _await(self, worker: _Worker) -> None:
        try:
            worker.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def _memory_bytes(pid: int) -> int:
    """What a process holds of the machine's memory; 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _machine_bytes() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
