"""Examples packed into few files, and read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from face_model.tracks import same_encoder
from foundation.errors import InputError
from foundation.files import read_json, read_tensors, sha256, write_json, write_tensors
from motion_models.examples import MotionExample
from talking_head.datasets.clip import ClipRecord, example_file, example_from, load_example, place_of
from talking_head.datasets.naming import PARTS, SPLITS, order_of

MANIFEST, SHARDS, KIND, VERSION = "manifest.json", "shards", "prepared data", 2
BETWEEN = "::"  # clip and array in a shard's names


def shard_of(clip: str, count: int) -> str:
    """The shard that a clip belongs to: by its name alone, so that a new clip changes one file."""
    return f"shard-{order_of(clip) % count:03d}-of-{count:03d}.safetensors"


def pack(folder: Path, clips: Path, records: list[ClipRecord], speech: str, count: int) -> dict[str, str]:
    """Write the shards of some clips through one encoder; one whose clips have not changed stays as it is.

    Args:
        folder: for the shards; others than these are removed from it.
        clips: the folder of the clips' own folders.
        speech: the encoder, as it was asked for.

    Returns:
        Shard to the sha256 of its file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    members: dict[str, list[ClipRecord]] = {}
    for record in sorted(records, key=lambda record: record.name):
        members.setdefault(shard_of(record.name, count), []).append(record)
    for path in [*folder.glob("*.safetensors"), *folder.glob("*.json")]:
        if path.with_suffix(".safetensors").name not in members:
            path.unlink()
    return {name: _pack_one(folder / name, clips, inside, speech) for name, inside in sorted(members.items())}


def _pack_one(path: Path, clips: Path, records: list[ClipRecord], speech: str) -> str:
    keys = {record.name: record.keys[speech] for record in records}
    note = path.with_suffix(".json")
    known = _known(note)
    if path.is_file() and known.get("keys") == keys and sha256(path) == known.get("sha256"):
        return str(known["sha256"])
    arrays: dict[str, np.ndarray] = {}
    notes: dict[str, Any] = {}
    for record in records:
        own, notes[record.name] = load_example(clips / record.name / example_file(speech))
        arrays |= {f"{record.name}{BETWEEN}{name}": value for name, value in own.items()}
    write_tensors(path, arrays, {"kind": KIND, "clips": notes})
    found = sha256(path)
    write_json(note, {"keys": keys, "sha256": found})
    return found


def _known(note: Path) -> dict[str, Any]:
    """What was noted of a shard when it was written; nothing when there is no such note."""
    try:
        return dict(read_json(note))
    except (InputError, TypeError, ValueError):
        return {}


def is_prepared(folder: Path) -> bool:
    """Whether a folder holds what `prepare` made."""
    try:
        return (folder / MANIFEST).is_file() and read_json(folder / MANIFEST).get("kind") == KIND
    except (InputError, AttributeError):
        return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `prepare` wrote of a folder.

    Raises:
        InputError: no prepared data there, or of an earlier version.
    """
    if not is_prepared(folder):
        raise InputError(f"no prepared data in {folder}", f"{MANIFEST}", "make it with `talking-head data prepare`")
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    if manifest.get("version") != VERSION:
        remedy = "run `talking-head data prepare` again: nothing is tracked anew"
        raise InputError(f"{folder}, prepared by version {manifest.get('version')}", f"version {VERSION}", remedy)
    return manifest


def _encoder(folder: Path, manifest: Mapping[str, Any], extractor: str | None) -> str:
    """The encoder of prepared data, as it was asked for then, whose own name is `extractor`; the only one for None."""
    encoders: dict[str, Any] = manifest["encoders"]
    chosen = [k for k, v in encoders.items() if extractor is None or same_encoder(v["extractor"], extractor)]
    if len(chosen) == 1:
        return chosen[0]
    found = ", ".join(sorted(v["extractor"] for v in encoders.values()))
    if extractor is None:
        raise InputError(f"{folder}, prepared with {found}", "the name of one of them")
    wanted = extractor.partition("?")[0]
    remedy = f"add it: `talking-head data prepare ... --speech {wanted}`, or set `speech`"
    raise InputError(f"{folder}, prepared with {found}", f"{extractor} features", remedy)


def load_examples(
    folder: Path, part: str = "train", split: str = "speaker", extractor: str | None = None
) -> list[MotionExample]:
    """Examples of prepared data, in order of their names.

    Args:
        part: `train`, `val`, `test`, or `all`.
        split: by `clip` or by `speaker`.
        extractor: the speech encoder's own name; None where there is only one.

    Raises:
        InputError: no prepared data there, not through that encoder, a shard that is missing or another than the
            manifest's, an unknown part or split, or a part without a clip.
    """
    manifest = read_manifest(folder)
    if part not in (*PARTS, "all") or split not in SPLITS:
        received = f"part '{part}' of the split by '{split}'"
        raise InputError(received, f"{', '.join(PARTS)} or all; {' or '.join(SPLITS)}")
    speech = _encoder(folder, manifest, extractor)
    wanted = {
        name: clip for name, clip in manifest["clips"].items()
        if clip["used"] and part in ("all", clip["split"][split])
    }  # fmt: skip
    if not wanted:
        raise InputError(f"no clip in part '{part}' by {split} of {folder}", "at least one", "prepare more clips")
    found = dict(_read(folder / SHARDS / place_of(speech), manifest["encoders"][speech]["shards"], wanted))
    return [found[name] for name in sorted(wanted)]


def _read(
    folder: Path, digests: Mapping[str, str], wanted: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, MotionExample]]:
    for shard in sorted({clip["shard"] for clip in wanted.values()}):
        path = folder / shard
        if not path.is_file() or sha256(path) != digests[shard]:
            state = "is another than the manifest's" if path.is_file() else "is missing"
            raise InputError(f"{path} {state}", "a whole data set", "run `talking-head data prepare` again")
        arrays, metadata = read_tensors(path)
        for name in (name for name, clip in wanted.items() if clip["shard"] == shard):
            start = name + BETWEEN
            own = {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}
            yield name, example_from(own, metadata["clips"][name])
