"""Arrays out of a pickle file without running anything that the file names.

Models of the field come as pickles of Python 2 that hold numpy arrays, scipy sparse matrices and chumpy objects. Here
a name in the file is looked up in a short list: plain containers, and stand-ins that only keep the state that the file
gives. Any other name is refused before it is imported, so such a file is data and no program. Arrays are made from
their state here, once it was looked at: numpy's own maker crashes the process with a damaged one.
"""

from __future__ import annotations

import codecs
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from foundation.errors import InputError

_SPARSE = ("csc_matrix", "csr_matrix", "csc_array", "csr_array")


class _State:
    """Stands in for an object of another library: keeps its state, does nothing."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Dtype(_State):
    """Stands in for `numpy.dtype`: its name, and its order of bytes."""

    def __init__(self, name: str, *_: Any) -> None:
        super().__init__()
        self.name, self.order = str(name), "<"

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    def dtype(self) -> np.dtype[Any]:
        made = np.dtype(self.name if self.order == "|" else self.order + self.name.lstrip("<>=|"))
        if made.kind not in "biufcSUO" or made.hasobject and made.kind != "O":
            raise pickle.UnpicklingError(f"an array of {self.name}")
        return made


class _Array(_State):
    """Stands in for `numpy.ndarray`."""

    def __init__(self, *_: Any) -> None:
        super().__init__()
        self.array: np.ndarray = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_column, content = state
        self.array = _array(kind, tuple(int(n) for n in shape), content, "F" if by_column else "C")


def _array(kind: _Dtype, shape: tuple[int, ...], content: Any, order: Literal["C", "F"]) -> np.ndarray:
    dtype, count = kind.dtype(), math.prod(shape)
    if dtype.kind == "O":
        made = np.empty(len(content), object)
        made[:] = content
    else:
        made = np.frombuffer(content.encode("latin1") if isinstance(content, str) else content, dtype)
    if min(shape, default=0) < 0 or len(made) != count:
        raise pickle.UnpicklingError(f"an array of {len(made)} numbers for {count}")
    return made.reshape(shape, order=order).copy()


def _new_array(kind: type, *_: Any) -> _Array:
    """The `_reconstruct` of numpy, whose state follows."""
    if kind is not _Array:
        raise pickle.UnpicklingError("an object of another kind")
    return _Array()


def _scalar(kind: _Dtype, content: Any) -> Any:
    return _array(kind, (1,), content, "C")[0]


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
        ("numpy", "ndarray"): _Array, ("numpy", "dtype"): _Dtype, ("_codecs", "encode"): _encode,
        ("collections", "OrderedDict"): OrderedDict,
    }
    for core in ("numpy.core.multiarray", "numpy._core.multiarray"):
        makers |= {(core, "_reconstruct"): _new_array, (core, "scalar"): _scalar}
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
    data, index, starts = (np.asarray(_plain(state[key])) for key in ("data", "indices", "indptr"))
    full = np.zeros(shape, data.dtype)
    line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    np.add.at(full, (index, line) if by_column else (line, index), data)
    return full


def _plain(value: Any) -> Any:
    """Stand-ins as the arrays that they hold; containers likewise; the rest as it is."""
    if isinstance(value, _Array):
        return _plain(value.array) if value.array.dtype.kind == "O" else value.array
    if isinstance(value, _State):
        kind, state = type(value).__name__, value.state
        if kind in ("csc", "csr"):
            return _dense(state, kind == "csc")
        if kind == "Select":  # some entries of another array, in another shape
            picked = np.asarray(_plain(state["a"])).ravel()[np.asarray(_plain(state["idxs"]))]
            shape = state.get("preferred_shape")
            return picked if shape is None else picked.reshape(shape)
        return np.asarray(_plain(state["x"]))
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(entry) for entry in value)
    if isinstance(value, np.ndarray):  # of objects
        made = np.empty(value.shape, object)
        made.ravel()[:] = [_plain(entry) for entry in value.ravel()]
        return made
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
