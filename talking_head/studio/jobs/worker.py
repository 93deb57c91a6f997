"""A worker process: does the jobs of one kind, one after the other, until nothing waits or its server is gone.

    python -m talking_head.studio.jobs.worker HOME KIND [RAY]

Standard input is the line to the server: when it closes, the worker ends, and the job it was at is put back.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from filelock import FileLock

from foundation.errors import InputError
from foundation.places import choosing
from foundation.progress import Pace, listening
from talking_head.datasets.workers import Place
from talking_head.studio.answers import FAULT, told
from talking_head.studio.jobs.elsewhere import done_elsewhere
from talking_head.studio.jobs.kinds import KINDS
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.studio.jobs.store import Job, JobStore
from talking_head.studio.place import StudioPlace, new_key
from talking_head.target.home import Home

log = logging.getLogger(__name__)

LOOK_S, IDLE_S = 0.25, 300.0
LATE_SHARE = 0.1  # of the time gone is said to be left, at least, where a job takes longer than was asked for
TELL_S = 0.25  # between two notes of progress at least
END_S = 10.0  # to end in order when the server is gone


class Telling:
    """Passes a job's progress to the queue, not too often.

    expected_s: how long the whole job is to take, where its kind knows; otherwise each stage counts from 0 to 1.
    """

    def __init__(self, store: JobStore, job: Job, bench: Bench, expected_s: float | None) -> None:
        self.store, self.job, self.bench, self.expected_s = store, job, bench, expected_s
        self.began_s, self.told_s = time.monotonic(), 0.0
        self.stage, self.pace, self.share = "", Pace(), 0.0

    def __call__(self, description: str, done: float, total: float | None, note: str) -> None:
        if description != self.stage or done == 0:
            self.stage, self.pace, self.told_s = description, Pace(), 0.0
        now_s = time.monotonic()
        left_s = self.pace.left_s(done, total)
        if now_s - self.told_s < TELL_S and done != total:
            return
        self.told_s = now_s
        share = None if not total else min(1.0, done / total)
        if self.expected_s is not None:
            gone_s = now_s - self.began_s
            left_s = max(left_s or 0.0, self.expected_s - gone_s, LATE_SHARE * gone_s)
            share = self.share = max(self.share, gone_s / (gone_s + left_s))
        self.store.tell(self.job, self._stage(description), share, left_s)

    def _stage(self, description: str) -> str:
        """A stage's name in a client's words, files called as they call them."""
        for path, name in self.bench.names.items():
            description = description.replace(Path(path).name, name)
        return description[:1].upper() + description[1:]


def do(job: Job, place: StudioPlace, store: JobStore, ray: str = "") -> None:
    """Do a claimed job, here or on a Ray cluster, and say how it went."""
    kind = KINDS[job.kind]
    folder = place.jobs / job.job
    bench = Bench(place, job.job, folder)
    bench.begin()
    try:
        asked = kind.model_validate(job.asked)
        telling = Telling(store, job, bench, asked.expected_s(bench))
        with choosing(place.home.path), listening(telling):
            result = done_elsewhere(asked, bench, Place(ray=ray), telling) if ray else asked.work(bench)
        if not store.finish(job, result | {"files": bench.files()}):  # it was cancelled meanwhile
            asked.undo(bench)
            shutil.rmtree(folder, ignore_errors=True)
    except InputError as error:
        store.fail(job, told(error, bench.names, place.home.path))
        bench.begin()
    except Exception:
        log.exception("job %s (%s)", job.job, job.kind)
        store.fail(job, FAULT)
        bench.begin()


def run(place: StudioPlace, kind: str, ray: str = "") -> None:
    """Do the jobs of a kind until none has come for a while."""
    store = JobStore(place.database)
    with FileLock(place.folder / f"worker-{kind}.lock"):  # one that outlives its server ends first
        idle_since_s = time.monotonic()
        while time.monotonic() - idle_since_s < IDLE_S:
            job = store.claim(kind, f"{os.getpid()}-{new_key()}")
            if job is None:
                time.sleep(LOOK_S)
                continue
            do(job, place, store, ray)
            idle_since_s = time.monotonic()


def _follow_the_server() -> None:
    """End this process when the server does."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_S)
    os._exit(1)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # unwinds, so that temporary files go


def main() -> None:
    """Entry point."""
    home, kind, *ray = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    faulthandler.enable()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which then stops its workers
    threading.Thread(target=_follow_the_server, daemon=True).start()
    run(StudioPlace(Home(Path(home))), kind, *ray)


if __name__ == "__main__":
    main()
