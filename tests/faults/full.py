"""A full disk at every write, a home that cannot be written, a clock that jumps, too little memory.

    python -m tests.faults.full [--points 40] [--only synth] [--folder FOLDER] [--result FILE.json]

A C compiler makes a small library that counts what is written below a folder, and says from the n-th write on that the
disk is full (`broken_system.c`). Each command is tried with so many n, spread over all its writes. Right is one line
and exit code 2, the old result as it was, and no file more than before; or, where what could not be written was not
needed, the whole result. Every fifth time the same command is run again with room, and must give the whole result.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.result_files import Measure, command_line, part_table, write_results
from talking_head.target.carrying import export_target
from talking_head.target.home import Home
from tests.faults.kill import COMMANDS, Command, Inputs, fresh, names, people
from tests.faults.system import BrokenSystem, Ended, Running, load, run, start_again
from tests.talking_head.target.test_target import make_target

AGAIN_EVERY = 5
DAY_S = 86_400
JUMPS_S = (-400 * DAY_S, -3600, 3600, 400 * DAY_S)


def _carried(inputs: Inputs, place: Path) -> None:
    """An old target, and a file with another one to take its place."""
    make_target(Home(place / "home"), "ana")
    if not (inputs.folder / "ana.person").exists():
        make_target(Home(inputs.folder / "other"), "ana")
        (inputs.folder / "other" / "targets" / "ana" / "preview.jpg").write_bytes(b"another" * 100)
        export_target("ana", inputs.folder / "ana.person", home=inputs.folder / "other")


CARRIED = (
    Command("targets import", lambda i: ["targets", "import", str(i.folder / "ana.person"), "--replace"], people,
            before=_carried),
    Command("targets export", lambda i: ["targets", "export", "ana", "-o", "out.person"],
            lambda place: {p.name: p.read_bytes().hex() for p in place.glob("*.person")}, before=_carried),
)  # fmt: skip


class Campaign:
    """Faults of a system tried on commands; what was wrong is collected."""

    def __init__(self, inputs: Inputs, place: Path) -> None:
        self.inputs, self.place, self.system = inputs, place, BrokenSystem()
        self.rows: list[Measure] = []
        self.wrong: list[str] = []

    def begin(self, command: Command) -> dict[str, str]:
        """An empty place with what the command needs; the results that are there before it."""
        self.system.set()
        fresh(self.place)
        command.before(self.inputs, self.place)
        return command.results(self.place)

    def told(self, kind: str, command: str, count: float) -> None:
        """Note a figure."""
        self.rows.append(Measure("command", command, kind, float(count)))

    def full_disk(self, command: Command, points: int) -> None:
        words = command.words(self.inputs)
        old = self.begin(command)
        self.system.set(self.place)
        ended = run(words, self.place)
        writes = self.system.writes
        assert ended.code == 0, f"{command.name} ends with {ended.code}: {ended.said[-2000:]}"
        right, whole = command.results(self.place), names(self.place)
        count = min(points, writes)
        tried = sorted({1 + round(k * (writes - 1) / max(1, count - 1)) for k in range(count)})
        found = len(self.wrong)
        for number, at in enumerate(tried):
            assert self.begin(command) == old
            before = names(self.place)
            self.system.set(self.place, full_from=at)
            ended = run(words, self.place)
            self.system.set()
            self.judge(f"{command.name}, full from write {at} of {writes}", command, ended, (old, right), before)
            if number % AGAIN_EVERY == 0 and ended.code != 0:
                again = run(words, self.place)
                if again.code != 0 or command.results(self.place) != right or names(self.place) != whole:
                    self.wrong.append(f"{command.name}, full from {at}: again {again.code} {again.said[-300:]!r} "
                                      f"{sorted(names(self.place) ^ whole)[:5]}")  # fmt: skip
        self.told("writes", command.name, writes)
        self.told("full disks", command.name, len(tried))
        self.told("wrong", command.name, len(self.wrong) - found)

    def judge(
        self, at: str, command: Command, ended: Ended, results: tuple[dict[str, str], dict[str, str]], before: set[str]
    ) -> None:
        """Note what is not as it should be after a command met a fault. results: the old ones, and the right ones."""
        found = command.results(self.place)
        if ended.code == 0 and found == results[1]:
            return
        if not ended.in_one_line:
            self.wrong.append(f"{at}: ends with {ended.code}: {ended.said[-600:]!r}")
        # A batch's films that were whole before are results, and stay.
        if any(results[1].get(name, results[0].get(name)) != digest for name, digest in found.items()) and found != (
            results[0]
        ):
            self.wrong.append(f"{at}: half of a result can be seen")
        more = {name for name in names(self.place) - before if not name.startswith(KEPT)}
        if more - {name for name in found}:
            self.wrong.append(f"{at}: left behind {sorted(more)[:6]}")

    def read_only_home(self, command: Command) -> None:
        """Everything on a disk that is mounted read-only; skipped where nothing may be mounted."""
        self.begin(command)
        run(command.words(self.inputs), self.place)
        right = command.results(self.place)
        old = self.begin(command)
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        if subprocess.run(["mount", "--bind", home, home], check=False, capture_output=True).returncode:
            return
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", home], check=True)
            before = names(self.place)
            ended = run(command.words(self.inputs), self.place)
            self.judge(f"{command.name}, read-only home", command, ended, (old, right), before)
        finally:
            subprocess.run(["umount", home], check=True)
        self.told("read-only homes", command.name, 1)

    def clock_jumps(self, command: Command) -> None:
        """The clock jumps while the command runs, by an hour and by more than a year, both ways."""
        old = self.begin(command)
        self.system.set(jump_from=10**12)
        ended = run(command.words(self.inputs), self.place)
        right, reads = command.results(self.place), self.system.clock_reads
        assert ended.code == 0, ended.said
        for jump_s in JUMPS_S:
            for share in (0.3, 0.7):
                self.begin(command)
                before = names(self.place)
                self.system.set(jump_from=max(1, int(share * reads)), jump_s=jump_s)
                ended = run(command.words(self.inputs), self.place)
                self.system.set()
                at = f"{command.name}, the clock jumps by {jump_s} s at {share:.0%} of its run"
                self.judge(at, command, ended, (old, right), before)
        self.told("clock jumps", command.name, 2 * len(JUMPS_S))

    def little_memory(self, command: Command, shares: tuple[float, ...] = (0.05, 0.2, 0.5, 0.8)) -> None:
        """The system gives a command only part of the memory that it wants."""
        old = self.begin(command)
        ended = run(command.words(self.inputs), self.place)
        right = command.results(self.place)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        more = ended.peak_bytes - held
        for share in shares:
            self.begin(command)
            before = names(self.place)
            most = held + int(share * more)
            limit: Callable[[], None] = lambda most=most: resource.setrlimit(resource.RLIMIT_AS, (most, most))  # noqa: E731
            ended = run(command.words(self.inputs), self.place, limit)
            self.judge(f"{command.name}, {share:.0%} of {more >> 20} MB", command, ended, (old, right), before)
        self.told("too little memory", command.name, len(shares))


    def two_at_once(self, command: Command) -> None:
        """The same command twice at the same time: one result, and one line from who came second."""
        self.begin(command)
        run(command.words(self.inputs), self.place)
        right, whole = command.results(self.place), names(self.place)
        self.begin(command)
        both = [Running(command.words(self.inputs), self.place) for _ in range(2)]
        codes = sorted(running.wait().code for running in both)
        if codes not in ([0, 0], [0, 2]) or command.results(self.place) != right or names(self.place) != whole:
            self.wrong.append(f"{command.name}, two at once: {codes}, {sorted(names(self.place) ^ whole)[:6]}")
        self.told("two at once", command.name, 1)


KEPT = ("home/work/", "home/identity/", "home/cache/", "home/assets/")  # of use to the same command again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--only", default="")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / f"faults-{os.getpid()}")
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    start_again("tests.faults.full", folder)
    from tests.footage import film

    load()
    campaign = Campaign(Inputs.made(folder / "inputs", film(folder)), folder / "place")
    chosen = [*CARRIED, *(replace(one) for one in COMMANDS if one.name not in ("train",))]
    for command in chosen:
        if given.only and command.name not in given.only.split(","):
            continue
        shown = len(campaign.wrong)
        slow = command.name in ("dub", "enroll a video", "data prepare")
        campaign.full_disk(command, given.points // 4 if slow else given.points)
        if not slow:
            campaign.read_only_home(command)
            campaign.clock_jumps(command)
            campaign.little_memory(command)
            campaign.two_at_once(command)
        print(command.name, [(row.system, row.value) for row in campaign.rows if row.name == command.name])
        print(*campaign.wrong[shown:], sep="\n", flush=True)
        if given.result is not None:
            write_results(given.result, command_line("tests.faults.full"), "astronaut", campaign.rows)
    print("\n" + part_table(campaign.rows, "command", {}, ""))
    sys.exit(1 if campaign.wrong else 0)


if __name__ == "__main__":
    main()
