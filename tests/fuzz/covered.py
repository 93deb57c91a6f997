"""How much of the readers' code broken files come through.

    python -m tests.fuzz.covered [--inputs 20000] [--minutes 10] [--result FILE.json]

Runs `tests.fuzz` under coverage.py (`pip install coverage`). Counted is what runs in the processes that read, so
neither the making of what is broken nor imports. A reader's module may write too: its functions count once one of their
lines has run; a column tells how many of the module's functions did.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.result_files import Measure, command_line, part_table, write_results

ROOT = Path(__file__).resolve().parents[2]
READERS = (
    "preprocessing/media/probing.py", "preprocessing/media/pictures.py", "preprocessing/media/sound.py",
    "preprocessing/media/stills.py", "preprocessing/tracking/openface.py", "preprocessing/tracking/pyfeat.py",
    "preprocessing/speech/phonetic/textgrid.py", "face_model/deng.py", "face_model/flame.py", "face_model/tracks.py",
    "face_model/published_facial.py", "face_model/safe_pickle.py", "foundation/files.py", "foundation/config.py",
    "foundation/matlab.py", "motion_models/directions.py", "talking_head/formats/driving.py",
    "talking_head/formats/livelink.py", "talking_head/formats/glb.py", "talking_head/formats/gltf_reading.py",
    "talking_head/formats/tables.py", "talking_head/target/card.py", "talking_head/target/carrying.py",
    "talking_head/motion/curves.py", "talking_head/interop/import_facial.py", "talking_head/batches/jobs.py",
    "talking_head/voices/cues.py", "talking_head/provenance/claims.py", "talking_head/provenance/manifest.py",
    "talking_head/studio/guard.py", "talking_head/studio/answers.py",
)  # fmt: skip
SETTINGS = "[run]\nparallel = True\npatch =\n    _exit\n    fork\nsource =\n    " + "\n    ".join(
    ("foundation", "face_model", "preprocessing", "motion_models", "talking_head")
)


def counted(folder: Path, words: list[str]) -> dict[str, dict[str, object]]:
    """Coverage's own report by file, of what the reading processes did."""
    (folder / "settings").write_text(SETTINGS + "\n", encoding="utf-8")
    environment = os.environ | {"COVERAGE_FILE": str(folder / "data")}
    coverage = [sys.executable, "-m", "coverage"]
    rules = ["--rcfile", str(folder / "settings")]
    fuzzing = subprocess.Popen([*coverage, "run", *rules, "-m", "tests.fuzz", *words], cwd=ROOT, env=environment)
    assert fuzzing.wait() in (0, 1), "the campaign did not end"
    for path in folder.glob(f"data.*.pid{fuzzing.pid}.*"):  # of who made the files
        path.unlink()
    subprocess.run([*coverage, "combine", "-q", *rules, str(folder)], check=True, cwd=ROOT, env=environment)
    made = folder / "report.json"
    subprocess.run([*coverage, "json", "-q", *rules, "-o", str(made)], check=True, cwd=ROOT, env=environment)
    found: dict[str, dict[str, object]] = json.loads(made.read_text(encoding="utf-8"))["files"]
    return found


def measures(files: dict[str, dict[str, object]]) -> list[Measure]:
    """A row a module, and one for all."""
    rows, totals = [], [0, 0, 0, 0]
    for name in READERS:
        functions = {k: f["summary"] for k, f in files[name]["functions"].items() if k}  # type: ignore[attr-defined]
        entered = [one for one in functions.values() if one["covered_lines"]]
        sums = [sum(one["covered_lines"] for one in entered), sum(one["num_statements"] for one in entered),
                len(entered), len(functions)]  # fmt: skip
        totals = [a + b for a, b in zip(totals, sums, strict=True)]
        rows.append((name, sums))
    return [
        Measure("module", name, what, float(value))
        for name, (ran, lines, entered, functions) in [*rows, ("all", totals)]
        for what, value in {"lines run, %": 100 * ran / max(1, lines), "lines of functions that began": lines,
                            "functions that began": entered, "functions": functions}.items()
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        words = ["--inputs", str(given.inputs), "--minutes", str(given.minutes), "--seed", str(given.seed),
                 "--finds", str(folder / "finds")]  # fmt: skip
        rows = measures(counted(folder, words))
    print("\n" + part_table(rows, "module", {}, ""))
    if given.result is not None:
        write_results(given.result, command_line("tests.fuzz.covered"), "made by tests/fuzz/readers.py", rows)


if __name__ == "__main__":
    main()
