"""The frozen graph of DeepSpeech 0.1, run by TensorFlow."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from foundation.errors import InputError
from preprocessing.speech.deepspeech.mfcc import STACKED
from preprocessing.speech.optional import require
from preprocessing.speech.symbols import SYMBOLS

PACKAGE, EXTRA = "tensorflow", "deepspeech"
INPUT, LENGTHS, LOGITS = "input_node", "input_lengths", "logits"
EXPECTED = f"the frozen graph of DeepSpeech 0.1 with nodes {INPUT}, {LENGTHS} and {LOGITS}"
REMEDY = "take output_graph.pb out of deepspeech-0.1.0-models.tar.gz of Mozilla's DeepSpeech releases"


def load_graph(path: Path) -> FrozenGraph:
    """The graph in a file; the one used last is kept.

    Raises:
        InputError: what `FrozenGraph` raises.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist", EXPECTED, REMEDY)
    return _kept(path.resolve(), path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _kept(path: Path, _changed_ns: int) -> FrozenGraph:
    return FrozenGraph(path)


class FrozenGraph:
    """Normalised coefficients in, scores of the 29 symbols out.

    Only what the scores need is loaded: a decoder that the graph may hold beside them is left out.

    Raises:
        InputError: TensorFlow is absent, no frozen graph, nodes missing, or of other shapes (later releases).
    """

    def __init__(self, path: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its start-up notes are no news to anybody
        tensorflow: Any = require(PACKAGE, EXTRA)
        v1 = tensorflow.compat.v1
        definition = _definition(path, v1)
        self.path, graph = path, v1.Graph()
        with graph.as_default():
            try:
                nodes = v1.import_graph_def(
                    definition, name="", return_elements=[f"{name}:0" for name in (INPUT, LENGTHS, LOGITS)]
                )
            except (ValueError, KeyError) as error:
                reason = " ".join(str(error).split())[:200]
                raise InputError(f"{path}: TensorFlow cannot build it ({reason})", EXPECTED, REMEDY) from error
        self._input, self._lengths, self._logits = nodes
        for node, shape in ((self._input, [None, None, STACKED]), (self._logits, [None, None, len(SYMBOLS)])):
            if not node.shape.is_compatible_with(shape):
                received = f"{path}: {node.op.name} is {node.shape}"
                raise InputError(received, f"{tuple(shape)}, as in DeepSpeech 0.1", REMEDY)
        options = v1.ConfigProto()
        options.gpu_options.allow_growth = True  # a graphics card is shared with torch
        self._session = v1.Session(graph=graph, config=options)

    def __call__(self, stacked: np.ndarray) -> np.ndarray:
        """Scores `[T, 29]` (not normalised) of rows `[T, 494]`."""
        given = {self._input: stacked[None], self._lengths: [len(stacked)]}
        return np.asarray(self._session.run(self._logits, given)[:, 0], np.float32)


def _definition(path: Path, v1: Any) -> Any:
    """The part of a file's graph that the scores need."""
    definition = v1.GraphDef()
    try:
        definition.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's DecodeError has no stable home
        raise InputError(f"{path} is no frozen graph ({error})", EXPECTED, REMEDY) from error
    nodes = {node.name: node for node in definition.node}
    missing = [name for name in (INPUT, LENGTHS, LOGITS) if name not in nodes]
    if missing:
        raise InputError(f"{path}: no node {', '.join(missing)} among its {len(nodes)}", EXPECTED, REMEDY)
    needed = _upstream(nodes)
    lost = [name for name in (INPUT, LENGTHS) if name not in needed]
    if lost:
        raise InputError(f"{path}: {LOGITS} does not depend on {', '.join(lost)}", EXPECTED, REMEDY)
    for index in reversed(range(len(definition.node))):
        if definition.node[index].name not in needed:
            del definition.node[index]
    return definition


def _upstream(nodes: dict[str, Any]) -> set[str]:
    """Names of the nodes that the scores are made of, themselves among them."""
    needed, waiting = {LOGITS}, [LOGITS]
    while waiting:
        # An input is NODE, NODE:OUTPUT or ^NODE.
        inputs = {name.removeprefix("^").partition(":")[0] for name in nodes[waiting.pop()].input}
        new = (inputs - needed) & nodes.keys()
        needed |= new
        waiting += new
    return needed
