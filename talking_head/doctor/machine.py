"""What this machine has of what the product needs or can use."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from foundation.errors import InputError
from foundation.places import HOME_VARIABLE, choosing, free_bytes, writable
from talking_head.target.home import Home

ENOUGH_BYTES = 2_000_000_000  # an enrollment's work folder with ample room
PYTHON_RANGE = ((3, 11), (3, 14))
CORE_MODULES = {
    "torch": "torch", "numpy": "numpy", "scipy": "scipy", "cv2": "opencv-contrib-python", "av": "av",
    "cryptography": "cryptography", "soxr": "soxr", "safetensors": "safetensors", "numba": "numba",
    "mediapipe": "mediapipe", "omegaconf": "omegaconf",
    "fastapi": "fastapi", "uvicorn": "uvicorn", "websockets": "websockets",
}
# Debian's packages; other systems ship the libraries with their desktop or with the graphics driver.
LINUX_LIBRARIES = {"libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2", "libGL.so.1": "libgl1"}
EXTRAS = {  # name: what is imported, what for
    "tensorboard": ("tensorboard", "training curves in a browser"),
    "face-alignment": ("face_alignment", "another face tracker"),
    "pytorch3d": ("pytorch3d", "another rasteriser"),
    "wav2vec2": ("transformers", "wav2vec2 speech features"),
    "deepspeech": ("tensorflow", "the original DeepSpeech graph"),
    "py-feat": ("feat", "another face tracker"),
    "ray": ("ray", "many machines"),
    "webrtc": ("aiortc", "live people in the browser by WebRTC, not the WebSocket alone"),
}


# Of face models that may not be handed on; what reads them names the same variables.
OWN_FILES = {"TALKING_HEAD_BFM": "BFM_model_front.mat", "TALKING_HEAD_FLAME": "generic_model.pkl"}


class State(Enum):
    WORKS = "works"
    MISSING = "missing"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class Check:
    """One part: whether it works, what was found, and the one command that mends it."""

    name: str
    state: State
    found: str
    remedy: str = ""


NO_HOME = Check(
    "home", State.MISSING, "this user has no home folder, so nothing can be kept",
    f"export {HOME_VARIABLE}=/a/folder/with/room",
)
KEEP_COMPILED = "export NUMBA_CACHE_DIR=/a/folder"


def examine(home: Home | None) -> list[Check]:
    """Every check, the needed parts first. home: None where the user has none and chose none."""
    if home is None:
        with tempfile.TemporaryDirectory() as folder, choosing(folder):
            return [NO_HOME if check.name == NO_HOME.name else check for check in examine(Home(Path(folder)))]
    return [
        _python(), *_core(), *_libraries(), _landmarker(), _face_model(), _home(home), _compiled(), _signing(),
        _graphics_card(), Check("ffmpeg", State.WORKS, "not needed: it comes inside PyAV"), *_extras(), _microphone(),
        *_voices(), *_speech_encoders(), *_trackers(), *_own_files(), _targets(home),
    ]


def _python() -> Check:
    low, high = PYTHON_RANGE
    found = f"{platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    good = low <= sys.version_info[:2] < high
    return Check("Python", State.WORKS if good else State.MISSING, found, "" if good else "use Python 3.11 to 3.13")


def _core() -> list[Check]:
    """Each core package is really imported: an installed one that does not load is missing."""
    checks = []
    for module, package in CORE_MODULES.items():
        try:
            importlib.import_module(module)
            checks.append(Check(package, State.WORKS, version(package)))
        except (ImportError, OSError, PackageNotFoundError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            checks.append(Check(package, State.MISSING, reason, f"pip install --force-reinstall {package}"))
    return checks


def _libraries() -> list[Check]:
    if sys.platform != "linux":
        return []
    checks = []
    for library, package in LINUX_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
            checks.append(Check(library, State.WORKS, "loads"))
        except OSError:
            checks.append(Check(library, State.MISSING, "does not load", f"apt-get install -y {package}"))
    return checks


def _asked(name: str, ask: Callable[[], str], remedy: str) -> Check:
    """A check that asks a room for a file; the room's own words tell what is wrong."""
    try:
        return Check(name, State.WORKS, ask())
    except (InputError, ImportError) as error:
        return Check(name, State.MISSING, " ".join(str(error).split()), remedy)


def _landmarker() -> Check:
    name, remedy = "face landmarker model", "talking-head doctor --fetch"
    try:
        from preprocessing.tracking import find_landmarker

        found = find_landmarker()
    except (InputError, ImportError) as error:
        return Check(name, State.MISSING, " ".join(str(error).split()), remedy)
    if found is None:
        return Check(name, State.MISSING, "not here yet; the first command that looks at a face fetches it", remedy)
    return Check(name, State.WORKS, str(found))


def _face_model() -> Check:
    def ask() -> str:
        from face_model import mp478

        model = mp478.load()
        return f"{model.id}: {len(model.mean_mm)} vertices"

    return _asked("face model", ask, "in the project's folder: pip install --force-reinstall --no-deps .")


def _compiled() -> Check:
    """Whether the rasteriser's machine code outlives a process."""
    name = "compiled code"
    try:
        from render2video.rasterizer.numba_backend import compiled_folder

        found = compiled_folder()
    except (ImportError, OSError) as error:
        return Check(name, State.OPTIONAL, str(error))
    if found is None:
        return Check(name, State.OPTIONAL, "no place to keep it: each run compiles anew, some seconds", KEEP_COMPILED)
    return Check(name, State.WORKS, f"kept in {found}")


def _home(home: Home) -> Check:
    name, remedy = NO_HOME.name, NO_HOME.remedy
    try:
        writable(home.path)
    except InputError as error:
        return Check(name, State.MISSING, str(error), remedy)
    free = free_bytes(home.path)
    enough = free > ENOUGH_BYTES
    found = f"{home.path}, {free / 1e9:.1f} GB free"
    return Check(name, State.WORKS if enough else State.MISSING, found, "" if enough else remedy)


def _graphics_card() -> Check:
    try:
        import torch
    except (ImportError, OSError):
        return Check("graphics card", State.OPTIONAL, "torch does not load")
    if torch.cuda.is_available():
        return Check("graphics card", State.WORKS, torch.cuda.get_device_name(0))
    return Check("graphics card", State.OPTIONAL, "none that CUDA sees: the processor does the work")


def _signing() -> Check:
    from talking_head.provenance.manifest import available

    if available():
        return Check("signed provenance", State.WORKS, f"c2pa-python {version('c2pa-python')}")
    found = "without it films are marked by a file beside them, not signed"
    return Check("signed provenance", State.OPTIONAL, found, "pip install --force-reinstall c2pa-python")


def _extras() -> list[Check]:
    from render2video.rasterizer.pytorch3d_backend import REMEDY

    own = {"pytorch3d": REMEDY}  # there is no wheel of it
    checks = []
    for extra, (module, what) in EXTRAS.items():
        found = importlib.util.find_spec(module) is not None
        remedy = "" if found else own.get(extra, f'pip install "talking-head[{extra}]"')
        checks.append(Check(f"extra: {extra}", State.WORKS if found else State.OPTIONAL, what, remedy))
    return checks


def _microphone() -> Check:
    """What `live` needs to hear one, a library of the system's among it; a sound file needs none."""
    from preprocessing.media.microphone import sound_inputs

    try:
        return Check("microphone", State.WORKS, f"sounddevice {sound_inputs().__version__}")
    except InputError as error:
        return Check("microphone", State.OPTIONAL, error.received, error.remedy)


def _voices() -> list[Check]:
    """Speech synthesis for `say`; none is needed for a film of a sound."""
    from talking_head.voices import voices_here

    return [
        Check(f"voice: {v.name}", State.WORKS if v.at_hand else State.OPTIONAL, v.found, v.remedy)
        for v in voices_here()
    ]


def _speech_encoders() -> list[Check]:
    """The encoders whose files a user brings, which no motion model that ships needs."""
    from preprocessing.speech import optional_encoders

    return [
        Check(f"speech encoder: {e.name}", State.WORKS if e.ready else State.OPTIONAL, e.found, e.remedy)
        for e in optional_encoders()
    ]


def _trackers() -> list[Check]:
    """The trackers that a user brings: OpenFace's program, and face-alignment's weights."""
    from preprocessing.tracking.face_alignment_tracker import find_weights
    from preprocessing.tracking.openface_command import find_program

    asked: dict[str, Callable[[], str]] = {
        "openface": lambda: str(find_program()), "face_alignment": lambda: f"weights in {find_weights()[0].parent}",
    }
    checks = []
    for name, ask in asked.items():
        try:
            checks.append(Check(f"tracker: {name}", State.WORKS, ask()))
        except InputError as error:
            checks.append(Check(f"tracker: {name}", State.OPTIONAL, error.received, error.remedy))
    return checks


def _own_files() -> list[Check]:
    """Files of the user's that the environment names; `doctor --deep` reads them."""
    checks = []
    for variable, expected in OWN_FILES.items():
        named = os.environ.get(variable)
        if named and Path(named).is_file():
            checks.append(Check(variable, State.WORKS, f"{named}; talking-head doctor --deep reads it"))
        elif named:
            remedy = f"export {variable}=/your/{expected}, or unset {variable}"
            checks.append(Check(variable, State.MISSING, f"{named}, which is no file", remedy))
    return checks


def _targets(home: Home) -> Check:
    from talking_head.target.card import list_targets

    try:
        names = [target.id for target in list_targets(home)]
    except InputError as error:
        return Check("targets", State.MISSING, error.received, error.remedy)
    if names:
        return Check("targets", State.WORKS, ", ".join(names))
    return Check("targets", State.OPTIONAL, "none yet", 'talking-head enroll VIDEO --id ID --consent "TEXT"')
