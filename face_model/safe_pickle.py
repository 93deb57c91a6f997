"""Arrays out of a pickle file without running anything that the file names.

Models of the field come as pickles of Python 2 that hold numpy arrays, scipy sparse matrices and chumpy objects. Here
a name in the file is looked up in a short list: numpy's own array makers, plain containers, and stand-ins that only
keep the state that the file gives. Any other name is refused before it is imported, so such a file is data and no
program.
"""

from __future__ import annotations

import codecs
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from foundation.errors import InputError

# numpy's own makers of arrays and scalars; the module that holds them has changed its name.
_RECONSTRUCT: Callable[..., Any] = np.zeros(1).__reduce__()[0]  # type: ignore[assignment]
_SCALAR: Callable[..., Any] = np.float64(0).__reduce__()[0]  # type: ignore[assignment]
_SPARSE = ("csc_matrix", "csr_matrix", "csc_array", "csr_array")


class _State:
    """Stands in for an object of another library: keeps its state, does nothing."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    """The `_codecs.encode` that a pickle of bytes from Python 3 at protocol 2 calls, for the one codec that it uses."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"codec {encoding!r}")
    return codecs.encode(text, "latin1")


def _plain_object(kind: type, base: type, state: Any) -> Any:
    """The `copy_reg._reconstructor` of protocols 0 and 1, for stand-ins alone."""
    if not (isinstance(kind, type) and issubclass(kind, _State)) or base is not object or state is not None:
        raise pickle.UnpicklingError("an object of another kind")
    return kind()


def _stand_in(kind: str) -> type[_State]:
    # A class of its own each time: what a file sets on it ends with the file.
    return type(kind, (_State,), {})


def _makers() -> dict[tuple[str, str], Callable[..., Any]]:
    makers: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype, ("_codecs", "encode"): _encode,
        ("collections", "OrderedDict"): OrderedDict,
    }
    for core in ("numpy.core.multiarray", "numpy._core.multiarray"):
        makers |= {(core, "_reconstruct"): _RECONSTRUCT, (core, "scalar"): _SCALAR}
    for builtin in ("__builtin__", "builtins"):
        makers |= {(builtin, "set"): set, (builtin, "object"): object}
    for copier in ("copy_reg", "copyreg"):
        makers[copier, "_reconstructor"] = _plain_object
    return makers


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if found := _makers().get((module, name)):
            return found
        if module.split(".")[:2] == ["scipy", "sparse"] and name in _SPARSE:
            return _stand_in(name[:3])
        if module.split(".")[0] == "chumpy" and name in ("Ch", "Select"):
            return _stand_in(name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _dense(state: dict[str, Any], by_column: bool) -> np.ndarray:
    """A compressed sparse matrix, column- or row-wise, from its state, as a full array."""
    shape = tuple(int(n) for n in state["_shape"])
    data, index, starts = (np.asarray(state[key]) for key in ("data", "indices", "indptr"))
    full = np.zeros(shape, data.dtype)
    line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    np.add.at(full, (index, line) if by_column else (line, index), data)
    return full


def _plain(value: Any) -> Any:
    """Stand-ins as the arrays that they hold; containers likewise; the rest as it is."""
    if isinstance(value, _State):
        kind, state = type(value).__name__, value.state
        if kind in ("csc", "csr"):
            return _dense(state, kind == "csc")
        if kind == "Select":  # some entries of another array, in another shape
            picked = np.asarray(_plain(state["a"])).ravel()[np.asarray(state["idxs"])]
            shape = state.get("preferred_shape")
            return picked if shape is None else picked.reshape(shape)
        return np.asarray(_plain(state["x"]))
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return value


def read_pickled_arrays(path: Path | str) -> dict[str, Any]:
    """The dictionary in a pickle file; sparse matrices and chumpy objects come as arrays.

    Raises:
        InputError: no such file, no whole pickle, no dictionary, or it names anything but arrays (it is not run).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", "a pickle file of arrays")
    try:
        with path.open("rb") as file:
            content = _ArrayUnpickler(file, encoding="latin1").load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError(f"it holds a {type(content).__name__}")
        return _plain(content)
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way; none of them is ours
        raise InputError(f"{path} is refused: {error}", "a pickle of a dictionary of arrays, whole") from error
