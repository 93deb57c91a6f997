"""A system that fails: commands run in forked processes under a preloaded library that fills the disk and moves the
clock, so that writes of every library are counted, and none waits for imports."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import NoReturn

SOURCE = Path(__file__).with_name("broken_system.c")
NUMBERS, PATH_BYTES = struct.Struct("5q"), 4096
LONGEST_S = 600
_NUMBERS = count()
# Imported once, before any command is forked off.
LOADED = (
    "talking_head.cli", "talking_head.synth.film", "talking_head.enrollment.from_video", "talking_head.batches.films",
    "talking_head.datasets.prepare", "talking_head.target.carrying", "talking_head.target.removing", "mediapipe",
    "render2video.photo.painter", "talking_head.provenance.claims", "preprocessing.tracking.landmarks",
    "talking_head.dubbing.film", "c2pa", "PIL.Image", "render2video.losses",
)


@dataclass
class Ended:
    """How a command ended. code: negative for a signal. said: what it printed. peak_bytes: of its address space.
    processor_s: that it used."""

    code: int
    said: str
    peak_bytes: int = 0
    processor_s: float = 0.0

    @property
    def in_one_line(self) -> bool:
        """Whether it was refused as users are told: exit code 2 and a line at the end, or one a film."""
        lines = self.said.strip().splitlines() or [""]
        told = lines[-1].startswith("error: ") or any(line.startswith("failed: ") for line in lines)
        return self.code == 2 and "Traceback" not in self.said and told


class BrokenSystem:
    """The page that the preloaded library reads."""

    def __init__(self) -> None:
        path = os.environ["FAULTS"]
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), NUMBERS.size + PATH_BYTES)

    def set(self, under: Path | None = None, full_from: int = 0, jump_from: int = 0, jump_s: int = 0) -> None:
        """under: the folder whose writes are counted. full_from, jump_from: the number of the write, or of the look at
        the clock, from which on; 0 for never."""
        NUMBERS.pack_into(self.page, 0, 0, full_from, 0, jump_from, jump_s)
        self.page[NUMBERS.size :] = (os.fsencode(under) if under else b"").ljust(PATH_BYTES, b"\0")

    @property
    def writes(self) -> int:
        return int(NUMBERS.unpack_from(self.page)[0])

    @property
    def clock_reads(self) -> int:
        return int(NUMBERS.unpack_from(self.page)[2])


def start_again(module: str, folder: Path) -> None:
    """Start this program anew under the library, unless it is; needs a C compiler.

    Raises:
        FileNotFoundError: there is none.
    """
    if "FAULTS" in os.environ:
        return
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("cc")
    library, page = folder / "broken_system.so", folder / "faults"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    page.write_bytes(bytes(NUMBERS.size + PATH_BYTES))
    environment = os.environ | {"LD_PRELOAD": str(library), "FAULTS": str(page)}
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], environment)


def load() -> None:
    """Import what commands import."""
    for name in LOADED:
        try:
            import_module(name)
        except ImportError:  # an older or newer tree: it is imported when it is needed
            continue


class Running:
    """A command at work in a process group of its own, forked from this one; in a folder, with its home there."""

    def __init__(self, words: list[str], place: Path, before: Callable[[], None] | None = None) -> None:
        self._told, self._peak = (place.parent / f"{name}-{next(_NUMBERS)}.txt" for name in ("told", "status"))
        sys.stdout.flush()
        self.process = os.fork()
        if self.process == 0:
            self._work(words, place, before)

    def _work(self, words: list[str], place: Path, before: Callable[[], None] | None) -> NoReturn:
        code = 1
        try:
            os.setsid()
            handle = os.open(self._told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.chdir(place)
            os.environ["TALKING_HEAD_HOME"] = str(place / "home")
            signal.alarm(LONGEST_S)
            if before is not None:
                before()
            sys.argv = ["talking-head", *words]
            from talking_head.cli import main

            main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            self._peak.write_bytes(Path("/proc/self/status").read_bytes())
            os._exit(code)

    def wait(self) -> Ended:
        """Wait for its end."""
        _, status, used = os.wait4(self.process, 0)
        return self._ended(status, used.ru_utime + used.ru_stime)

    def kill(self, after_s: float) -> bool:
        """Whether it was still at work after so much processor time, however busy the machine is, and was killed then,
        with all its processes."""
        while self._used_s() < after_s:
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                self._ended(status)
                return False
            time.sleep(0.002)
        os.killpg(self.process, signal.SIGKILL)
        return self.wait().code == -signal.SIGKILL

    def _used_s(self) -> float:
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _ended(self, status: int, processor_s: float = 0.0) -> Ended:
        found = re.search(r"VmPeak:\s+(\d+) kB", self._peak.read_text()) if self._peak.is_file() else None
        said = self._told.read_text(errors="replace") if self._told.is_file() else ""
        for path in (self._told, self._peak):
            path.unlink(missing_ok=True)
        peak_bytes = int(found[1]) << 10 if found else 0
        return Ended(os.waitstatus_to_exitcode(status), said, peak_bytes, processor_s)


def run(words: list[str], place: Path, before: Callable[[], None] | None = None) -> Ended:
    """A command, to its end. before: called in its process first."""
    return Running(words, place, before).wait()
