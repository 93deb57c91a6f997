"""Running an installed py-feat: its detector over a video, once, and the CSV that it writes.

py-feat 2 calls it `Detectorv1`, earlier ones `Detector`. It fetches its own weights from the Hugging Face hub the first
time it is used; several of them are for non-commercial use only.
"""

from __future__ import annotations

import inspect
import tempfile
import warnings
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import atomic_path, sha256
from preprocessing.media import probe
from preprocessing.tracking.openface_command import as_seen

INSTALL = 'pip install "talking-head[py-feat]", or read its CSV: --tracker pyfeat:FILE.csv'
LEFT_OUT = ("emotion_model", "gaze_model")  # what no track holds; each is another network a frame
CLASSES = ("Detectorv1", "Detector")


def find_package() -> Any:
    """The module `feat`.

    Raises:
        InputError: it is not installed, does not load, or holds no detector that is known here.
    """
    try:
        import feat
    except (ImportError, OSError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "feat":
            raise InputError("the package py-feat is not installed", "it installed", INSTALL) from error
        raise InputError(f"py-feat does not load ({error})", "a whole installation", INSTALL) from error
    if not any(hasattr(feat, name) for name in CLASSES):
        raise InputError("a py-feat without a detector", f"one with {' or '.join(CLASSES)}", INSTALL)
    return feat


def run_pyfeat(video: Path | str, folder: Path | str) -> Path:
    """The CSV of a video, measured by py-feat; the same video is measured once for a folder.

    A film that is turned by its metadata, has oblong pixels or frames that are not evenly spaced is given to it as an
    upright, even copy.

    Args:
        video: of one person. folder: where `<content>-pyfeat-<version>.csv` is kept.

    Raises:
        InputError: not a video, no py-feat, or it fails; what it said is told.
    """
    video, folder = Path(video), Path(folder)
    info = probe(video)
    if not info.has_video:
        raise InputError(f"{video} has no pictures", "a video of one person facing the camera")
    package = find_package()
    goal = folder / f"{sha256(video)[:24]}-pyfeat-{getattr(package, '__version__', '0')}.csv"
    if goal.is_file():
        return goal
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pyfeat-") as name:
        seen = as_seen(video, info, Path(name))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = _detect(package, str(seen))
        except Exception as error:  # its parts raise many kinds: of networks, of the hub, of its decoder
            said = " ".join(str(error).split())[:200] or type(error).__name__
            remedy = "its weights come from the Hugging Face hub at its first use; run it by hand"
            raise InputError(f"py-feat fails ({said})", "a table of faces", remedy) from error
        with atomic_path(goal) as temporary:
            table.to_csv(temporary, index=False)
    return goal


def _detect(package: Any, video: str) -> Any:
    """Its table of faces, a `pandas.DataFrame`, of every frame."""
    kind = next(getattr(package, name) for name in CLASSES if hasattr(package, name))
    known = inspect.signature(kind).parameters
    detector = kind(**{name: None for name in LEFT_OUT if name in known})
    if hasattr(detector, "detect"):
        return detector.detect(video, data_type="video", batch_size=1)
    return detector.detect_video(video, batch_size=1)
