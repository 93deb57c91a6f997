"""MATLAB files, read in a process of their own: a damaged one crashes SciPy's reader, and would crash us with it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np

from foundation.errors import InputError

TIMEOUT_S = 120.0
_EXPECTED = "a .mat file of version 7 or older"
_READ = """
import sys
import numpy, scipy.io
try:
    content = scipy.io.loadmat(sys.argv[1])
except Exception as error:
    sys.exit(" ".join(str(error).split())[:200] or type(error).__name__)
arrays = {k: v for k, v in content.items() if isinstance(v, numpy.ndarray) and v.dtype.kind in "biufc"}
numpy.savez(sys.stdout.buffer, **arrays)
"""


def read_mat(path: Path | str) -> dict[str, np.ndarray]:
    """The arrays of numbers in a .mat file, by name.

    Raises:
        InputError: no such file, or none that can be read.
    """
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist", "a .mat file")
    try:
        command = [sys.executable, "-c", _READ, str(path)]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{path} is still being read after {TIMEOUT_S:g} s", _EXPECTED) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines and done.returncode > 0 else "it breaks what reads it"
        raise InputError(f"{path} is not readable as a MATLAB file ({why})", _EXPECTED)
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        return dict(arrays)
