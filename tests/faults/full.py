"""A full disk at every write, a home that cannot be written, a clock that jumps, too little memory, two at once.

    python -m tests.faults.full [--points 40] [--only synth] [--folder FOLDER] [--result FILE.json]

A C compiler makes a small library that counts what is written below a folder, and says from the n-th write on that the
disk is full (`broken_system.c`). Each command is tried with so many n, spread over all its writes. Right is one line
and exit code 2, the old result as it was, and no file more than before; or, where what could not be written was not
needed, the whole result. Every fifth time the same command is run again with room, and must give the whole result.
Pairs of commands on one person run beside each other, the second begun at a random moment of the first.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.result_files import Measure, command_line, part_table, read_results, write_results
from talking_head.target.carrying import export_target, import_target
from talking_head.target.home import Home
from tests.campaigns import Tried
from tests.faults.kill import COMMANDS, CONSENT, Command, Inputs, films, fresh, names, people
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


@dataclass(frozen=True)
class Pair:
    """Two commands on one person, who is there before; whether that one may be gone afterwards."""

    name: str
    first: Callable[[Inputs], list[str]]
    second: Callable[[Inputs], list[str]]
    gone: bool = False


def _synth(inputs: Inputs) -> list[str]:
    return ["synth", str(inputs.folder / "said.wav"), "--target", "ana", "-o", "out.mp4"]


def _enroll(inputs: Inputs) -> list[str]:
    return ["enroll", str(inputs.folder / "photo.png"), "--id", "ana", "--consent", CONSENT, "--replace"]


def _import(inputs: Inputs) -> list[str]:
    return ["targets", "import", str(_person(inputs)), "--replace"]


def _remove(_: Inputs) -> list[str]:
    return ["targets", "remove", "ana"]


def _person(inputs: Inputs) -> Path:
    """The built-in one as a file, under another name."""
    goal, home = inputs.folder / "astronaut" / "ana.person", inputs.folder / "astronaut" / "home"
    if not goal.exists():
        home.mkdir(parents=True)
        export_target("astronaut", home.parent / "astronaut.person", home=home)
        import_target(home.parent / "astronaut.person", as_id="ana", home=home)
        export_target("ana", goal, home=home)
    return goal


PAIRS = (
    Pair("synth beside enroll --replace", _synth, _enroll), Pair("enroll --replace beside synth", _enroll, _synth),
    Pair("synth beside targets import", _synth, _import), Pair("enroll twice", _enroll, _enroll),
    Pair("synth beside targets remove", _synth, _remove, gone=True),
    Pair("enroll --replace beside targets remove", _enroll, _remove, gone=True),
)  # fmt: skip


class Campaign:
    """Faults of a system tried on commands. tried: by command."""

    def __init__(self, inputs: Inputs, place: Path) -> None:
        self.inputs, self.place, self.system = inputs, place, BrokenSystem()
        self.tried: dict[str, Tried] = {}

    def begin(self, command: Command) -> dict[str, str]:
        """An empty place with what the command needs; the results that are there before it."""
        self.system.set()
        fresh(self.place)
        command.before(self.inputs, self.place)
        return command.results(self.place)

    def note(self, name: str, kind: str, wrong: list[str], tries: int = 1, **figures: float) -> None:
        """Take down how many faults of a kind a command met, and what was wrong then."""
        self.tried.setdefault(name, Tried()).add(Tried(tries, {kind: tries, **figures}, Counter(wrong)))

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
        wrong: list[str] = []
        for number, at in enumerate(tried):
            assert self.begin(command) == old
            before = names(self.place)
            self.system.set(self.place, full_from=at)
            ended = run(words, self.place)
            self.system.set()
            full = f"{command.name}, full from write {at} of {writes}"
            wrong += self.judge(full, command, ended, (old, right), before)
            if number % AGAIN_EVERY == 0 and ended.code != 0:
                again = run(words, self.place)
                if again.code != 0 or command.results(self.place) != right or names(self.place) != whole:
                    wrong.append(f"{command.name}, full from {at}: again {again.code} {again.said[-300:]!r} "
                                 f"{sorted(names(self.place) ^ whole)[:5]}")  # fmt: skip
        self.note(command.name, "full disks", wrong, len(tried), writes=writes)

    def judge(
        self, at: str, command: Command, ended: Ended, results: tuple[dict[str, str], dict[str, str]], before: set[str]
    ) -> list[str]:
        """What is not as it should be after a command met a fault. results: the old ones, and the right ones."""
        found = command.results(self.place)
        if ended.code == 0 and found == results[1]:
            return []
        wrong = []
        if not ended.in_one_line:
            wrong.append(f"{at}: ends with {ended.code}: {ended.said[-600:]!r}")
        # A batch's films that were whole before are results, and stay.
        if any(results[1].get(name, results[0].get(name)) != digest for name, digest in found.items()) and found != (
            results[0]
        ):
            wrong.append(f"{at}: half of a result can be seen")
        more = {name for name in names(self.place) - before if not name.startswith(KEPT)}
        if more - {name for name in found}:
            wrong.append(f"{at}: left behind {sorted(more)[:6]}")
        return wrong

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
            wrong = self.judge(f"{command.name}, read-only home", command, ended, (old, right), before)
        finally:
            subprocess.run(["umount", home], check=True)
        self.note(command.name, "read-only homes", wrong)

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
                self.note(command.name, "clock jumps", self.judge(at, command, ended, (old, right), before))

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
            at = f"{command.name}, {share:.0%} of {more >> 20} MB"
            self.note(command.name, "too little memory", self.judge(at, command, ended, (old, right), before))

    def two_at_once(self, command: Command) -> None:
        """The same command twice at the same time: one result, and one line from who came second."""
        self.begin(command)
        run(command.words(self.inputs), self.place)
        right, whole = command.results(self.place), names(self.place)
        self.begin(command)
        wrong: list[str] = []
        both = [Running(command.words(self.inputs), self.place) for _ in range(2)]
        codes = sorted(running.wait().code for running in both)
        if codes not in ([0, 0], [0, 2]) or command.results(self.place) != right or names(self.place) != whole:
            wrong.append(f"{command.name}, two at once: {codes}, {sorted(names(self.place) ^ whole)[:6]}")
        self.note(command.name, "two at once", wrong)

    def pair(self, pair: Pair, moments: int, draw: random.Random) -> None:
        """Two commands beside each other, so many times."""
        words = pair.first(self.inputs), pair.second(self.inputs)
        carried, whole_s = _person(self.inputs), 0.0

        def begin() -> None:
            fresh(self.place)
            import_target(carried, home=self.place / "home")

        allowed: list[dict[str, str]] = [{}] if pair.gone else []
        for one in ({}, *words):  # what each makes of the person alone
            begin()
            started_s = time.monotonic()
            assert not one or run(list(one), self.place).code == 0
            whole_s = whole_s if one is not words[0] else time.monotonic() - started_s
            allowed.append(people(self.place))
        for _ in range(moments):
            begin()
            after_s = draw.uniform(0, 1) * whole_s
            at, wrong = f"{pair.name} after {after_s:.2f} s of {whole_s:.2f}", []
            first = Running(words[0], self.place)
            time.sleep(after_s)
            both = {"the first": first, "the second": Running(words[1], self.place)}
            ends = {name: running.wait() for name, running in both.items()}
            for name, ended in ends.items():
                if ended.code != 0 and not ended.in_one_line:
                    wrong.append(f"{at}: {name} ends with {ended.code}: {ended.said[-600:]!r}")
            if people(self.place) not in allowed:
                wrong.append(f"{at}: the person is none of those they could be")
            try:
                seen = films(self.place)
            except Exception as error:
                seen = {}
                wrong.append(f"{at}: a film that cannot be read: {error}")
            of_synth = [ends[name].code for name, said in zip(ends, words, strict=True) if said[0] == "synth"]
            if of_synth != ([0] if seen else [2])[: len(of_synth)]:
                wrong.append(f"{at}: synth ends with {of_synth}, and the films are {list(seen)}")
            if left := [name for name in names(self.place) if UNFINISHED.search(name)]:
                wrong.append(f"{at}: left behind {sorted(left)[:6]}")
            self.note(pair.name, "beside each other", wrong, refused=sum(ended.code == 2 for ended in ends.values()))


UNFINISHED = re.compile(r"\.(building|replaced|removed|identity|ephemeral)-|\.partial\b|^home/work/")
KEPT = ("home/work/", "home/identity/", "home/cache/", "home/assets/")  # of use to the same command again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--only", default="", help="names of commands, or `pairs`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / f"faults-{os.getpid()}")
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    start_again("tests.faults.full", folder)
    from tests.footage import film

    load()
    campaign = Campaign(Inputs.made(folder / "inputs", film(folder)), folder / "place")
    earlier = read_results(given.result)[1] if given.result is not None and given.result.exists() else []
    wanted = given.only.split(",") if given.only else []
    faults: list[str] = []
    rows: list[Measure] = []
    cases: list[Command | Pair] = [*CARRIED, *(one for one in COMMANDS if one.name != "train"), *PAIRS]
    for case in cases:
        if wanted and case.name not in wanted and not (isinstance(case, Pair) and "pairs" in wanted):
            continue
        if isinstance(case, Pair):
            campaign.pair(case, given.points // 4, random.Random(f"{given.seed}/{case.name}"))
        else:
            slow = case.name in ("dub", "enroll a video", "data prepare")
            campaign.full_disk(case, given.points // 4 if slow else given.points)
            if not slow:
                campaign.read_only_home(case)
                campaign.clock_jumps(case)
                campaign.little_memory(case)
                campaign.two_at_once(case)
        tried = campaign.tried[case.name]
        print(case.name, tried.tries, tried.figures, *tried.faults, sep="\n  ", flush=True)
        faults += tried.faults
        rows += tried.measures("command", case.name, "tries")
        if given.result is not None:
            kept = [row for row in earlier if row.name not in campaign.tried]
            write_results(given.result, command_line("tests.faults.full"), "astronaut", [*kept, *rows])
    print("\n" + part_table(rows, "command", {}, ""))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
