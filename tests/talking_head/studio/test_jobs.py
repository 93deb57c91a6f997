"""Jobs survive what dies, are cancelled without a trace, and tell how far they are."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from foundation.errors import InputError
from talking_head.studio.jobs.events import LOOK_S, Bulletin
from talking_head.studio.jobs.kinds.bench import SO_FAR, Bench
from talking_head.studio.jobs.kinds.dubbing import DubAsked
from talking_head.studio.jobs.store import Job, JobStore
from talking_head.studio.place import StudioPlace
from talking_head.studio.settings import Limits
from talking_head.target.home import Home
from tests.talking_head.studio.serve import Served, served
from tests.waiting import PATIENCE_S, until


def lines(studio: Served, job: str) -> list[str]:
    path = studio.desk.home.path / f"count-{job}"
    return path.read_text().splitlines() if path.is_file() else []


def test_a_job_tells_its_progress_and_gives_its_file(studio: Served, tmp_path: Path) -> None:
    job = studio.count(to=2000, held_at=1999)
    told, shares = [], []
    for one in studio.client.events(job):
        told.append(one)
        if one["state"] == "running":
            shares.append(one["progress"]["share"])
        if len(set(shares)) > 2:
            studio.hurry(job)
    assert told[-1]["state"] == "done" and told[-1]["progress"]["share"] == 1
    assert shares == sorted(shares) and len(set(shares)) > 2, "progress comes while it runs"
    assert {one["progress"]["stage"] for one in told} >= {f"Counting for {job[:4]}"}
    assert [file["name"] for file in told[-1]["files"]] == ["count.txt"]
    got = studio.client.download(job, "count.txt", tmp_path / "got.txt").read_text().split()
    assert got == [str(k) for k in range(2000)]
    status, headers, part = studio.ask("GET", f"/v1/jobs/{job}/files/count.txt", headers={"Range": "bytes=2-5"})
    assert (status, part) == (206, b"1\n2\n") and headers["content-range"].startswith("bytes 2-5/")


def test_how_it_looks_so_far_is_there_while_a_job_runs(studio: Served) -> None:
    job = studio.count(to=1000, held_at=100)
    until(lambda: [file["name"] for file in studio.client.job(job)["files"]] == [SO_FAR])
    assert studio.ask("GET", f"/v1/jobs/{job}/files/{SO_FAR}")[2] == b"a picture"
    assert studio.ask("GET", f"/v1/jobs/{job}/files/notes.json")[0] == 404
    studio.client.cancel(job)
    done = studio.client.wait(studio.count(to=1))
    assert [file["name"] for file in done["files"]] == ["count.txt"]


def test_events_go_on_where_a_client_left(studio: Served) -> None:
    job = studio.count(to=2)
    studio.client.wait(job)
    last = studio.desk.store.get(job)
    assert last is not None
    _, _, missed = studio.ask("GET", f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(last.change - 1)})
    assert missed.count(b"event:") == 1 and b'"state": "done"' in missed


def test_what_changes_while_somebody_looks_is_told_at_once(tmp_path: Path) -> None:
    class Slow(JobStore):
        """The next change is made, and known to others, while a listener still reads the last."""

        reads = 0

        def changed_since(self, change: int) -> list[Job]:
            found = super().changed_since(change)
            self.reads += 1
            if self.reads == 1:
                self.add("count", {})
                time.sleep(4 * LOOK_S)
            return found

    async def listen() -> Job | None:
        bulletin = Bulletin(Slow(tmp_path / "jobs.sqlite"))
        running = asyncio.create_task(bulletin.run())
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(anext(bulletin.changes(0)), PATIENCE_S)
        finally:
            running.cancel()

    changed = asyncio.run(listen())
    assert changed is not None and changed.kind == "count"


def test_a_worker_that_is_killed_goes_on_where_it_was(studio: Served) -> None:
    job = studio.count(to=40, held_at=10)
    until(lambda: len(lines(studio, job)) > 5)
    os.kill(studio.desk.supervisor.workers["count"].process.pid, signal.SIGKILL)
    studio.hurry(job)
    done = studio.client.wait(job)
    assert done["result"]["began_at"] > 5 and lines(studio, job) == [str(k) for k in range(40)]


@pytest.mark.slow
def test_a_job_that_kills_its_worker_fails_in_the_end(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(attempts=2)) as studio:
        job = studio.count(held_at=5)
        for _ in range(2):
            until(lambda: studio.desk.store.get(job).state == "running")  # type: ignore[union-attr]
            pid = int(studio.desk.store.get(job).claim.split("-")[0])  # type: ignore[union-attr]
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not (studio.desk.store.get(job).claim or "").startswith(f"{pid}-"))  # type: ignore[union-attr,misc]
        with pytest.raises(InputError, match="again and again"):
            studio.client.wait(job)


def test_a_cancelled_job_leaves_nothing(studio: Served) -> None:
    job, waiting = studio.count(held_at=5), studio.count(to=2)
    until(lambda: len(lines(studio, job)) > 2)
    studio.client.cancel(job)
    assert studio.client.job(job)["state"] == "cancelled"
    until(lambda: not lines(studio, job) and not (studio.desk.place.jobs / job).exists())
    assert studio.client.wait(waiting)["state"] == "done", "the next one is not held up"
    studio.client.cancel(job)
    assert job not in {one["job"] for one in studio.client.jobs()}


def test_a_job_that_waits_is_cancelled_at_once(studio: Served) -> None:
    first, waiting = studio.count(held_at=5), studio.count(to=2)
    assert studio.client.job(waiting)["progress"]["ahead"] >= 1
    studio.client.cancel(waiting)
    studio.client.cancel(first)
    assert {studio.client.job(job)["state"] for job in (first, waiting)} == {"cancelled"}


def test_what_went_wrong_is_told_without_a_path(studio: Served) -> None:
    job = studio.count(to=1, wrong="input")
    with pytest.raises(InputError, match="no face") as told:
        studio.client.wait(job)
    assert "secret" not in str(told.value) and "/" not in str(told.value)
    job = studio.count(to=1, wrong="fault")
    with pytest.raises(InputError, match="fault of the studio"):
        studio.client.wait(job)
    assert "RuntimeError" in (studio.desk.place.logs / "count.log").read_text()


def test_a_failed_job_that_is_deleted_leaves_nothing_to_go_on_with(studio: Served) -> None:
    job = studio.count(to=3, wrong="input")
    with pytest.raises(InputError):
        studio.client.wait(job)
    assert lines(studio, job), "asked for again, it would go on"
    studio.client.cancel(job)
    assert not lines(studio, job) and not (studio.desk.place.jobs / job).exists()


def test_a_cancelled_dub_leaves_other_dubs_alone(tmp_path: Path) -> None:
    place = StudioPlace(Home(tmp_path)).made()
    folder = place.jobs / "a"
    folder.mkdir()
    asked, bench = DubAsked(upload="u", sound="s"), Bench(place, "a", folder)
    for name in ("dub-of-the-command", "dub-mine"):
        (place.home.work / name).mkdir(parents=True)
    asked.undo(bench)
    assert len(list(place.home.work.iterdir())) == 2, "it never began"
    bench.note({"others": ["dub-of-the-command"]})
    bench.begin()
    asked.undo(bench)
    assert [path.name for path in place.home.work.iterdir()] == ["dub-of-the-command"]


@pytest.mark.slow
def test_a_job_that_takes_too_much_memory_is_stopped(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(job_bytes=1_000_000_000)) as studio:
        job = studio.count(held_at=5, hungry_bytes=1)
        until(lambda: studio.desk.store.get(job).state == "running")  # type: ignore[union-attr]
        object.__setattr__(studio.desk.supervisor.limits, "job_bytes", 1_000_000)
        with pytest.raises(InputError, match="more memory"):
            studio.client.wait(job)


def test_a_server_that_comes_back_goes_on(tmp_path: Path) -> None:
    with served(tmp_path) as studio:
        job, later = studio.count(to=60, held_at=10), studio.count(to=3)
        until(lambda: len(lines(studio, job)) > 3)
    assert {one.state for one in JobStore(studio.desk.place.database).all()} == {"queued"}
    with served(tmp_path) as studio:
        studio.hurry(job)
        assert studio.client.wait(job)["result"]["began_at"] > 3
        assert lines(studio, job) == [str(k) for k in range(60)]
        studio.client.wait(later)


SERVER = """
import sys, time
from pathlib import Path
from talking_head.target.home import Home
from tests.talking_head.studio.serve import served
with served(Path(sys.argv[1])) as studio:
    print(studio.count(to=100, held_at=50), flush=True)
    time.sleep(600)
"""


def test_a_server_that_is_killed_takes_its_workers_along_and_its_jobs_go_on(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        job = server.stdout.readline().strip()
        until(lambda: (tmp_path / f"count-{job}").is_file() and len((tmp_path / f"count-{job}").read_text()) > 10)
        claim = JobStore(tmp_path / "studio" / "jobs.sqlite").get(job).claim  # type: ignore[union-attr]
        server.kill()
    until(lambda: not Path(f"/proc/{(claim or '').split('-')[0]}").exists())
    with served(tmp_path) as studio:
        studio.hurry(job)
        assert studio.client.wait(job)["result"]["began_at"] > 3
        assert lines(studio, job) == [str(k) for k in range(100)], "nothing twice, nothing left out"


@pytest.mark.slow
def test_many_put_jobs_in_at_once_and_none_is_lost(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    found: list[str] = []

    def put(person: int) -> None:
        found.extend(store.add("count", {"person": person, "number": k}).job for k in range(5))

    people = [threading.Thread(target=put, args=(k,)) for k in range(20)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    claimed = []
    while (job := store.claim("count", "me")) is not None:
        claimed.append(job)
    assert sorted(job.job for job in claimed) == sorted(found) and len(set(found)) == 100
    for person in range(20):
        numbers = [job.asked["number"] for job in claimed if job.asked["person"] == person]
        assert numbers == [0, 1, 2, 3, 4], "first come, first served"


def test_two_workers_never_get_the_same_job(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    for _ in range(60):
        store.add("count", {})
    got: list[str] = []

    def take(name: str) -> None:
        while (job := store.claim("count", name)) is not None:
            got.append(job.job)

    workers = [threading.Thread(target=take, args=(str(k),)) for k in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert len(got) == len(set(got)) == 60


def test_who_lost_a_job_cannot_finish_it(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    store.add("count", {})
    old = store.claim("count", "old")
    store.put_back()
    new = store.claim("count", "new")
    assert old is not None and new is not None and new.attempts == 2
    assert not store.finish(old, {"by": "old"}) and store.finish(new, {"by": "new"})
    assert store.get(new.job).result == {"by": "new"}  # type: ignore[union-attr]
