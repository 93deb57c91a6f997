"""Cached tracks of faces do not stay for ever."""

from __future__ import annotations

import os
import time
from pathlib import Path

from preprocessing.tracking.caching import KEPT_DAYS, forget_old


def test_old_tracks_go_and_new_ones_stay(tmp_path: Path) -> None:
    now_s = time.time()
    for name, days in (("old.safetensors", KEPT_DAYS + 1), ("new.safetensors", KEPT_DAYS - 1)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now_s - days * 86400,) * 2)
    (tmp_path / "old.parts").mkdir()
    (tmp_path / "old.parts" / "00000.safetensors").touch()
    os.utime(tmp_path / "old.parts", (now_s - 40 * 86400,) * 2)
    forget_old(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new.safetensors"]
