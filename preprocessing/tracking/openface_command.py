"""Running an installed OpenFace: its `FeatureExtraction` over a video, once, and the CSV that it writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from foundation.errors import InputError
from foundation.files import atomic_path, sha256
from foundation.progress import progress
from preprocessing.media import MediaInfo, VideoWriter, probe, read_frames
from preprocessing.media.source import first_frame, orientation

PROGRAM, VARIABLE = "FeatureExtraction", "OPENFACE_BIN"
OUTPUTS = ("-2Dfp", "-3Dfp", "-pose", "-aus", "-gaze")
POLL_S = 0.5
COPY_CRF = 10  # of an upright copy: what x264 loses there is far below a landmark's noise


def find_program() -> Path:
    """OpenFace's `FeatureExtraction`: the file, or in the folder, that `OPENFACE_BIN` names, else on PATH.

    Raises:
        InputError: there is none that can be run.
    """
    named = os.environ.get(VARIABLE)
    remedy = f"install OpenFace 2.2 and set {VARIABLE} to its {PROGRAM}, or read its CSV: --tracker openface:FILE.csv"
    if named:
        place = Path(named).expanduser()
        found = shutil.which(PROGRAM, path=str(place)) if place.is_dir() else shutil.which(str(place.absolute()))
        if found is None:
            raise InputError(f"{VARIABLE} is {named}, which cannot be run", f"OpenFace's {PROGRAM}", remedy)
    else:
        found = shutil.which(PROGRAM)
        if found is None:
            raise InputError(f"OpenFace's {PROGRAM} is not on PATH", "an installed OpenFace", remedy)
    return Path(found).resolve()  # it looks for its models beside itself, not beside a link to it


def run_openface(video: Path | str, folder: Path | str) -> Path:
    """The CSV of a video, measured by OpenFace; the same video is measured once for a folder.

    OpenFace sees frames as they are stored. So a film that is turned by its metadata, has oblong pixels or frames that
    are not evenly spaced is given to it as an upright, even copy.

    Args:
        video: of one person. folder: where `<content>-openface.csv` is kept.

    Raises:
        InputError: not a video, no OpenFace, or it fails; its own last words are told.
    """
    video, folder = Path(video), Path(folder)
    info = probe(video)
    if not info.has_video:
        raise InputError(f"{video} has no pictures", "a video of one person facing the camera")
    goal = folder / f"{sha256(video)[:24]}-openface.csv"
    if goal.is_file():
        return goal
    program = find_program()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".openface-") as name:
        made = _extract(program, as_seen(video, info, Path(name)), Path(name), info, video)
        with atomic_path(goal) as temporary:
            shutil.copyfile(made, temporary)
    return goal


def as_seen(video: Path, info: MediaInfo, folder: Path) -> Path:
    """The video itself where its stored frames are those that it shows, else an upright, even copy."""
    first = first_frame(video)
    if first is not None and not info.variable_frame_rate and not any(orientation(first[0])):
        stored = first[0].width, first[0].height
        if stored == (info.width_px, info.height_px):
            return video.absolute()
    copy = folder / "upright.mp4"
    with VideoWriter(copy, info.fps, info.width_px, info.height_px, crf=COPY_CRF) as writer:
        for frame in read_frames(video):
            writer.write(frame)
    return copy.absolute()


def _extract(program: Path, seen: Path, folder: Path, info: MediaInfo, video: Path) -> Path:
    out, words = folder.absolute() / "out", folder / "words.txt"
    command = [str(program), "-f", str(seen), "-out_dir", str(out), *OUTPUTS]
    frames = max(1.0, info.duration_s * info.fps)
    with words.open("wb") as told:
        try:
            process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT, cwd=program.parent)
        except OSError as error:
            raise InputError(f"{program} cannot be run ({error.strerror})", f"OpenFace's {PROGRAM}") from error
        try:
            with progress(f"OpenFace {video.name}", frames) as advance:
                while process.poll() is None:
                    try:
                        process.wait(POLL_S)
                    except subprocess.TimeoutExpired:
                        advance(min(frames, _lines(out)))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    tables = sorted(out.glob("*.csv")) if out.is_dir() else []
    if process.returncode != 0 or not tables:
        said = [line.strip() for line in words.read_text(errors="replace").splitlines() if line.strip()]
        last = said[-1][:200] if said else "it said nothing"
        remedy = f"run it by hand: {' '.join(command[:3])}"
        raise InputError(f"OpenFace ended with code {process.returncode} ({last})", "a CSV", remedy)
    return tables[0]


def _lines(folder: Path) -> int:
    """Lines of the table that is being written."""
    return sum(table.read_bytes().count(b"\n") for table in folder.glob("*.csv")) if folder.is_dir() else 0
