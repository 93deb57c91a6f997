"""Lists of films: what is understood, and what is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foundation.errors import InputError
from talking_head.batches.jobs import read_jobs


def written(folder: Path, text: str, name: str = "jobs.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_and_lines_of_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"sound")
    table = written(tmp_path, "audio,text,target,output,seed,label\na.wav,,ana,,3,no\n,Hello there,bob,deep/said,,\n")
    rows = [
        {"audio": "a.wav", "target": "ana", "seed": 3, "label": "no"},
        {"text": "Hello there", "target": "bob", "output": "deep/said"},
    ]
    lines = written(tmp_path, "\n".join(map(json.dumps, rows)), "jobs.jsonl")
    one, two = read_jobs(table), read_jobs(lines)
    assert [job.output for job in one] == [job.output for job in two] == ["a_ana.mp4", "deep/said.mp4"]
    assert one[0].audio == str(tmp_path / "a.wav") and one[0].seed == 3 and not one[0].label
    assert [job.key() for job in one] == [job.key() for job in two]


def test_a_job_is_another_when_its_sound_is(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"one")
    path = written(tmp_path, "audio,target\na.wav,ana\n")
    before = read_jobs(path)[0].key()
    assert read_jobs(path)[0].key() == before
    sound.write_bytes(b"another")
    assert read_jobs(path)[0].key() != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audio,target,colour\na.wav,ana,red\n", "colour"), ("audio,target\n,ana\n", "line 2: neither audio and text"),
        ("audio,text,target\na.wav,Hi,ana\n", "both"), ("audio,target\na.wav,\n", "no target"),
        ("audio,target,output\na.wav,ana,../x.mp4\n", "inside of the folder"),
        ("audio,target\na.wav,ana\nb/a.wav,ana\n", "lines 2 and 3"), ("audio,target\n", "without a job"),
        ("audio,target,seed\na.wav,ana,x\n", "whole number"), ("audio,target\na.wav,ana,9\n", "more fields"),
    ],
)  # fmt: skip
def test_a_bad_list_is_told_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_jobs(written(tmp_path, text))


def test_other_files_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", written(tmp_path, "x", "jobs.txt"), written(tmp_path, "{", "jobs.jsonl")):
        with pytest.raises(InputError):
            read_jobs(path)
