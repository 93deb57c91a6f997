"""Deleting what the studio keeps of a person: jobs with their films, uploads they were learned from, previews."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from foundation.errors import InputError
from talking_head.studio.jobs.kinds import KINDS
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.studio.jobs.store import RUNNING, Job, JobStore
from talking_head.studio.place import StudioPlace
from talking_head.studio.uploads_kept import forget_upload
from talking_head.target.home import Home


def clean_job(place: StudioPlace, job: Job) -> None:
    """Delete what a job left, its unfinished work too."""
    with suppress(InputError, OSError):
        KINDS[job.kind].model_validate(job.asked).undo(Bench(place, job.job, place.jobs / job.job))
    shutil.rmtree(place.jobs / job.job, ignore_errors=True)


def jobs_about(store: JobStore, target_id: str) -> list[Job]:
    """Jobs that make a person, or make a film of them."""
    return [job for job in store.all() if target_id in (job.asked.get("id"), job.asked.get("target"))]


def forget_job(place: StudioPlace, store: JobStore, job: Job) -> None:
    """Delete a job, what it made, and the upload that a person was learned from."""
    store.cancel(job.job)
    clean_job(place, job)
    store.forget(job.job)
    if job.kind == "enroll":
        forget_upload(place, str(job.asked.get("upload", "")))


def previews_of(place: StudioPlace, target_id: str) -> list[Path]:
    """Preview films of a person, of whatever state."""
    return sorted(place.previews.glob(f"{target_id}-*.mp4"))


def jobs_of(target_id: str, home: Home) -> list[Path]:
    """Folders of jobs and preview films of a person, for a command beside the studio.

    Raises:
        InputError: a job works on them.
    """
    place = StudioPlace(home)
    theirs = jobs_about(JobStore(place.database), target_id)
    if any(job.state == RUNNING for job in theirs):
        raise InputError(f"'{target_id}', whom a job of the studio works on", "nobody at work", "cancel the job first")
    return [place.jobs / job.job for job in theirs] + previews_of(place, target_id)


def forget_jobs(target_id: str, home: Home) -> None:
    """Delete jobs and previews of a person."""
    place = StudioPlace(home)
    store = JobStore(place.database)
    for job in jobs_about(store, target_id):
        forget_job(place, store, job)
    for film in previews_of(place, target_id):
        film.unlink(missing_ok=True)
