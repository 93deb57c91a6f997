"""Hash every file that ships in `checkpoints`, into `checkpoints/sha256.json`; run it when one was made anew.

    python -m scripts.hash_shipped
"""

from __future__ import annotations

import json
from pathlib import Path

from foundation.files import sha256
from foundation.shipped import SUMS

ROOT = Path(__file__).resolve().parent.parent / "checkpoints"
SKIPPED = {".py", ".pyc", ".typed"}


def hashes(root: Path) -> dict[str, str]:
    """sha256 by path below the folder, code and the list itself aside."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix not in SKIPPED)
    return {path.relative_to(root).as_posix(): sha256(path) for path in files if path.name != SUMS}


if __name__ == "__main__":
    (ROOT / SUMS).write_text(json.dumps(hashes(ROOT), indent=1, sort_keys=True) + "\n", encoding="utf-8")
