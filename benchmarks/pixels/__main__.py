"""How real a person learned from video looks: enrolled on the first 85% of a video, judged on the rest and free films.

    python -m benchmarks.pixels VIDEO --other-sound WAV [--baseline] [--budget 5m] [--out DIR] [--name NAME]
    python -m benchmarks.pixels --table JSON... [--into docs/pictures.md]

The first writes `benchmarks/results/pixels_NAME.json` and prints its tables, with what is asked beside each number;
films and strips of frames to look at lie in the output folder. The second prints the tables of such files, or puts them
at the end of a page.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.pages import page, put_into
from benchmarks.pixels import dubs, free, held_out, transitions
from benchmarks.pixels.person import Measured
from benchmarks.result_files import (
    RESULTS,
    Asked,
    Measure,
    command_line,
    commit,
    part_table,
    write_results,
)
from talking_head.target.settings import duration_s

MAIN = "footage"
COMMAND = "python -m benchmarks.pixels --table"
ENROLLMENT = "enrollment"
DETAILS = ("face", "mouth", "hair", "torso", "background")
ASKED: dict[str, dict[str, Asked]] = {
    held_out.PART: {"face at 256, dB": Asked(34), "mouth at 256, dB": Asked(30)},
    free.PART: {
        **{f"detail, {region}": Asked(0.8, 1.2) for region in DETAILS}, "change of the background": Asked(high=1.2),
        "closed loop, lip-gap correlation": Asked(0.9), "closed loop, head rotation error, degrees": Asked(high=2),
        "closed loop, driven blinks seen, %": Asked(90),
    },
    dubs.PART: {
        "lower face, dB": Asked(31), "mouth, dB": Asked(26), "whole frame, dB": Asked(39),
        "outside of what is repainted, dB": Asked(45), **{f"detail, {r}": Asked(0.9, 1.1) for r in DETAILS},
        "change of the background": Asked(high=1.2), "silence: frames with open lips (LipLeak)": Asked(high=0.02),
    },
    transitions.PART: {
        "residual at jumps over the footage's 99th percentile, highest, whole frame": Asked(high=1),
        "10 minutes: longest stretch played on, of the footage's length": Asked(high=1),
        "10 minutes: strongest autocorrelation below 20 s": Asked(high=transitions.PERIODIC),
    },
    free.SPEED: {"painting, times real time": Asked(1)},
}


def measure(given: argparse.Namespace, told: Callable[[list[Measure]], None]) -> None:
    """Everything, a part at a time."""
    person, budget_s = Measured(given.video, given.out), duration_s(given.budget, "--budget")
    given.out.mkdir(parents=True, exist_ok=True)
    target, minutes = person.enrolled(MAIN, budget_s)
    enrolled = [Measure(ENROLLMENT, "minutes", MAIN, minutes)]
    enrolled += [Measure(ENROLLMENT, name, MAIN, value) for name, value in target.card.quality.items()]
    fast = None
    if given.baseline:
        fast, minutes = person.enrolled("fast", budget_s)
        enrolled += [Measure(ENROLLMENT, "minutes", "fast", minutes)]
        enrolled += [Measure(ENROLLMENT, name, "fast", value) for name, value in fast.card.quality.items()]
    told(enrolled)
    told(held_out.held_out(person, target, fast))
    told(dubs.dubs(person, target, given.other_sound))
    found, film, driving = free.free_film(person, target, given.other_sound)
    told(found)
    if fast is not None:
        told(free.free_film(person, fast, given.other_sound)[0])
    told(free.encoded_real(person))
    told(free.speed(target, driving))
    if fast is not None:
        told(free.speed(fast, driving))
    told(transitions.transitions(person, target, film, driving, given.other_sound))


def tables(measured: list[Measure]) -> str:
    """Markdown of every part."""
    parts = dict.fromkeys(m.part for m in measured)
    return "\n\n".join(part_table(measured, part, ASKED.get(part, {}), MAIN) for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?", help="of one person speaking, with sound")
    parser.add_argument("--other-sound", type=Path, help="somebody else's speech")
    parser.add_argument("--baseline", action="store_true", help="the profile `fast` beside it, as long learned")
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--out", type=Path, help="for films; default out/pixels/NAME")
    parser.add_argument("--name", help="of the results; default the video's")
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="only print the tables of results")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: the page that gets them")
    given = parser.parse_args()
    if given.table:
        made = page(given.table, tables)
        print(made) if given.into is None else put_into(made, given.into, COMMAND)
        return
    if given.video is None or given.other_sound is None:
        parser.error("give VIDEO and --other-sound, or --table")
    name = given.name or given.video.stem
    given.out = given.out or Path("out/pixels") / name
    measured: list[Measure] = []
    commit()  # what runs from here on

    def told(found: list[Measure]) -> None:
        measured.extend(found)
        print("\n".join(f"{m.part} | {m.name} | {m.system} | {m.value:.4g}" for m in found), flush=True)
        write_results(RESULTS / f"pixels_{name}.json", command_line("benchmarks.pixels"), given.video.name, measured)

    measure(given, told)
    print(tables(measured))


if __name__ == "__main__":
    main()
