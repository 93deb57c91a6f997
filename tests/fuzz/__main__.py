"""Broken files for every reader, until the time is over.

    python -m tests.fuzz [--minutes 30] [--seed 0] [--only wav] [--finds FOLDER]

Right is a result, or one line (`InputError`), within 20 s and 2 GB, with nothing left beside the file. All else is a
find: it is made small, kept in the folder of finds, and told with its traceback's end. A copy in `corpus/` makes it a
test. A child process reads, so that a crash in a codec is a find too, and the same seed breaks the same files.
"""

from __future__ import annotations

import argparse
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
from pathlib import Path
from types import FrameType

from foundation.errors import InputError
from tests.fuzz.mutating import of_bytes
from tests.fuzz.readers import Reader, all_readers

HANG_S, MEMORY_BYTES = 20, 2 << 30
BATCH = 100  # inputs a child reads before the next one is made


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


def _batch(reader: Reader, first: int, seed: int, folder: Path, finds: Path) -> tuple[int, Counter[str]]:
    """Read a batch in a child; returns how many inputs were tried, and the faults."""
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
    _, status = os.waitpid(child, 0)
    if status == 0:
        return BATCH, Counter(json.loads(told.read_text()))
    assert os.waitstatus_to_exitcode(status) != 99, (finds / "harness.txt").read_text()
    number = int((folder / "number").read_text())
    data, suffix = broken(reader, number, seed)
    fault = f"the process ended with {os.waitstatus_to_exitcode(status)}: "
    _keep(reader, data, suffix, fault, finds)
    return number - first + 1, Counter({fault: 1})


def _read_batch(reader: Reader, first: int, seed: int, folder: Path, finds: Path) -> Counter[str]:
    """In the child: read a batch, under limits."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faults: Counter[str] = Counter()
    for number in range(first, first + BATCH):
        (folder / "number").write_text(str(number))
        data, suffix = broken(reader, number, seed)
        place = folder / "in"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        path = place / f"x{suffix}"
        path.write_bytes(data)
        if fault := fault_of(reader, path):
            faults[fault] += 1
            _keep(reader, data, suffix, fault, finds)
    return faults


def _keep(reader: Reader, data: bytes, suffix: str, fault: str, finds: Path) -> None:
    name = "".join(c if c.isalnum() else "_" for c in f"{reader.name}__{_kind(fault)}")[:120]
    goal = finds / f"{name}{suffix}"
    if not goal.exists() or len(data) < goal.stat().st_size:
        goal.write_bytes(data)
        goal.with_suffix(f"{suffix}.txt").write_text(f"{reader.name}\n{fault}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--finds", type=Path, default=Path("out/fuzz"))
    given = parser.parse_args()
    given.finds.mkdir(parents=True, exist_ok=True)
    tried: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        readers = [reader for reader in all_readers(Path(temporary) / "seeds") if given.only in reader.name]
        if not readers:
            parser.error(f"--only '{given.only}' is in no reader's name")
        place = Path(temporary) / "work"
        place.mkdir()
        until_s, spent_s = time.monotonic() + 60 * given.minutes, Counter({reader.name: 0.0 for reader in readers})
        while time.monotonic() < until_s:  # each reader gets as much time as any other
            reader = min(readers, key=lambda one: spent_s[one.name])
            started_s = time.monotonic()
            count, found = _batch(reader, tried[reader.name], given.seed, place, given.finds)
            spent_s[reader.name] += time.monotonic() - started_s
            tried[reader.name] += count
            for fault, times in found.items():
                if not any(_kind(known) == f"{reader.name} | {_kind(fault)}" for known in faults):
                    print(f"find: {reader.name} | {fault}", flush=True)
                faults[f"{reader.name} | {_kind(fault)}"] += times
    print("\n| reader | inputs | faults |\n|---|---|---|")
    for name, count in tried.items():
        print(f"| {name} | {count} | {sum(n for k, n in faults.items() if k.startswith(name + ' | '))} |")
    print(f"| all | {sum(tried.values())} | {sum(faults.values())} |")
    for fault, count in faults.most_common():
        print(f"{count:6} {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
