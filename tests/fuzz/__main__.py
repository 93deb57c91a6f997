"""Broken files and requests for every reader, until the time is over or as many were tried as asked.

    python -m tests.fuzz [--minutes 30] [--inputs 100000] [--seed 0] [--only wav] [--finds FOLDER] [--result FILE.json]

Right is a result, or one line (`InputError`), within 20 s and 2 GB, with nothing left beside the file. All else is a
find: it is made small, kept in the folder of finds, and told with its traceback's end. A copy in `corpus/` makes it a
test. A child process reads some hundred inputs, so that a crash in a codec is a find too, and the same seed breaks the
same files. Each reader gets as much processor time as any other, so that quick ones try more, up to a tenth of all.
Figures are added to those that FILE has, of runs with other seeds.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from benchmarks.result_files import Measure, added, command_line, part_table, read_results, write_results
from foundation.errors import InputError
from tests.campaigns import Tried
from tests.fuzz.mutating import of_bytes
from tests.fuzz.readers import Reader, all_readers

HANG_S, MEMORY_BYTES = 20, 2 << 30
STUCK_S = 30  # in code that never comes back to Python: the process is ended
NOTE_EVERY_S = 60.0
MINUTES = "processor minutes"
SMALLER = 150  # tries to make a find smaller


class HangError(BaseException):
    """A reader took too long. Not an `Exception`, so that no reader catches it."""


def _alarm(_: int, __: FrameType | None) -> None:
    raise HangError(f"more than {HANG_S} s")


def fault_of(reader: Reader, path: Path) -> str:
    """What is wrong with how a reader takes a file; empty when nothing is."""
    before = sorted(path.parent.iterdir())
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(HANG_S)
    try:
        reader.read(path)
    except InputError as error:
        if len(str(error).splitlines()) > 1 and len(str(error)) > 2000:
            return f"many lines: {str(error)[:200]}"
    except HangError as error:
        return f"HangError: {error}"
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = next((f for f in reversed(frames) if "site-packages" not in f.filename and "/fuzz/" not in f.filename),
                    frames[-1])  # fmt: skip
        return f"{type(error).__name__} at {Path(ours.filename).name}:{ours.name}: {str(error)[:160]}"
    finally:
        signal.alarm(0)
    left = [entry.name for entry in sorted(path.parent.iterdir()) if entry not in before]
    return f"left behind: {left}" if left else ""


def broken(reader: Reader, number: int, seed: int) -> tuple[bytes, str]:
    """The input of that number, and the suffix of the file that it was made of."""
    draw = random.Random(f"{seed}/{reader.name}/{number}")
    source = draw.choice(reader.seeds)
    data = source.read_bytes()
    for _ in range(draw.choice((1, 1, 1, 2))):
        try:
            data = draw.choice(reader.mutators)(data, draw)
        except Exception:  # what is broken already may have no structure left
            data = of_bytes(data, draw)
    return data, source.suffix


def _kind(fault: str) -> str:
    return fault.split(":")[0]


def _batch(reader: Reader, first: int, seed: int, folder: Path, finds: Path) -> Tried:
    """Read a batch in a child; the next one begins behind an input that ended the process."""
    told = folder / "told.json"
    told.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            told.write_text(json.dumps(_read_batch(reader, first, seed, folder, finds)))
        except BaseException:
            (finds / "harness.txt").write_text(traceback.format_exc())
            os._exit(99)
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    minutes = (used.ru_utime + used.ru_stime) / 60
    tried = Tried(reader.batch, {MINUTES: minutes, "largest process, MB": used.ru_maxrss * 1024 / 1e6})
    if status == 0:
        tried.faults.update(json.loads(told.read_text()))
        return tried
    code = os.waitstatus_to_exitcode(status)
    assert code != 99, (finds / "harness.txt").read_text()
    number = int((folder / "number").read_text())
    data, suffix = broken(reader, number, seed)
    fault = f"the process hung for {STUCK_S} s: " if code == 1 else f"the process ended with {code}: "
    _keep(reader, data, suffix, fault, finds)
    tried.tries = number - first + 1
    tried.faults[fault] += 1
    return tried


def _read_batch(reader: Reader, first: int, seed: int, folder: Path, finds: Path) -> Counter[str]:
    """In the child: read a batch, under limits."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    faults: Counter[str] = Counter()

    def read(data: bytes, suffix: str) -> str:
        place = folder / "in"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        path = place / f"x{suffix}"
        path.write_bytes(data)
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        fault = fault_of(reader, path)
        faulthandler.cancel_dump_traceback_later()
        return fault

    for number in range(first, first + reader.batch):
        (folder / "number").write_text(str(number))
        data, suffix = broken(reader, number, seed)
        if fault := read(data, suffix):
            if not any(_kind(known) == _kind(fault) for known in faults) and "Hang" not in fault:
                data = smaller(data, lambda less, s=suffix, f=fault: _kind(read(less, s)) == _kind(f))
            faults[fault] += 1
            _keep(reader, data, suffix, fault, finds)
    return faults


def smaller(data: bytes, still: Callable[[bytes], bool]) -> bytes:
    """A part of an input that does the same, found by leaving pieces out."""
    tries, size = SMALLER, len(data) // 2
    while size and tries:
        at = 0
        while at < len(data) and tries:
            less, tries = data[:at] + data[at + size :], tries - 1
            if still(less):
                data = less
            else:
                at += size
        size //= 2
    return data


def _keep(reader: Reader, data: bytes, suffix: str, fault: str, finds: Path) -> None:
    name = "".join(c if c.isalnum() else "_" for c in f"{reader.name}__{_kind(fault)}")[:120]
    goal = finds / f"{name}{suffix}"
    if not goal.exists() or len(data) < goal.stat().st_size:
        goal.write_bytes(data)
        goal.with_suffix(f"{suffix}.txt").write_text(f"{reader.name}\n{fault}\n")


def fuzz(
    readers: list[Reader], given: argparse.Namespace, place: Path, note: Callable[[dict[str, Tried]], object]
) -> dict[str, Tried]:
    """Try until the time is over, or enough was tried. note: called now and then with what was tried so far."""
    noted_s = time.monotonic()
    all_tried = {reader.name: Tried() for reader in readers}
    until_s, most = time.monotonic() + 60 * given.minutes, max(given.inputs / 10, 2 * given.inputs / len(readers))
    while time.monotonic() < until_s and sum(tried.tries for tried in all_tried.values()) < given.inputs:
        open_ones = [reader for reader in readers if all_tried[reader.name].tries < most]
        reader = min(open_ones, key=lambda one: all_tried[one.name].figures.get(MINUTES, 0.0))
        tried = all_tried[reader.name]
        new = _batch(reader, tried.tries, given.seed, place, given.finds)
        for fault in new.faults:
            if not any(_kind(known) == _kind(fault) for known in tried.faults):
                print(f"find: {reader.name} | {fault}", flush=True)
        tried.add(new)
        if time.monotonic() > noted_s + NOTE_EVERY_S:
            noted_s = time.monotonic()
            note(all_tried)
    return all_tried


def measured(all_tried: dict[str, Tried], minutes: float) -> list[Measure]:
    """The figures, a row a reader and one for all. minutes: by the clock."""
    together = Tried(figures={"minutes": minutes})
    for tried in all_tried.values():
        together.add(tried)
    named = {**all_tried, "all": together}
    return [row for name, tried in named.items() for row in tried.measures("reader", name, "inputs")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--finds", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    given.finds.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        readers = [reader for reader in all_readers(Path(temporary) / "seeds") if given.only in reader.name]
        if not readers:
            parser.error(f"--only '{given.only}' is in no reader's name")
        place = Path(temporary) / "work"
        place.mkdir()
        started_s = time.monotonic()
        earlier = read_results(given.result)[1] if given.result is not None and given.result.exists() else []

        def note(tried: dict[str, Tried]) -> list[Measure]:
            rows = added([*measured(tried, (time.monotonic() - started_s) / 60), *earlier])
            if given.result is not None:
                write_results(given.result, command_line("tests.fuzz"), "made by tests/fuzz/readers.py", rows)
            return rows

        all_tried = fuzz(readers, given, place, note)
        rows = note(all_tried)
    print("\n" + part_table(rows, "reader", {}, ""))
    faults = Counter({f"{name} | {fault}": n for name, tried in all_tried.items() for fault, n in tried.faults.items()})
    for fault, count in faults.most_common():
        print(f"{count:6} {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
