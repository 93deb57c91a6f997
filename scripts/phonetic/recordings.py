"""Add recordings of people to the corpus: spoken prompts whose text is known, aligned by the encoder itself.

    python -m scripts.phonetic.recordings FOLDER [--weights FILE] [--more FILE.json]

Fetches Debian's Italian and Russian prompts of a telephone exchange (CC BY 3.0, one speaker each, 48 minutes) and five
sentences of a LibriVox reader (public domain). espeak-ng tells which phones a text has; the encoder tells when they
are said (Viterbi, with an optional pause between any two). --more: {"name": {"voice": espeak-ng's, "files": {path:
text}}}, paths relative to the file.
"""

from __future__ import annotations

import argparse
import gzip
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from foundation.errors import InputError
from foundation.files import read_json
from foundation.progress import track
from preprocessing.speech.phonetic import PhoneticEncoder
from preprocessing.speech.phonetic.features import SAMPLE_RATE_HZ
from preprocessing.speech.phonetic.inventory import PHONES
from scripts.phonetic.make_corpus import label, write_corpus_file
from scripts.phonetic.synthesisers import Espeak, Utterance

PACKAGES = (
    "asterisk-core-sounds-it", "asterisk-core-sounds-it-g722", "asterisk-core-sounds-ru",
    "asterisk-core-sounds-ru-g722", "pocketsphinx-testdata",
)  # fmt: skip
FRAME_RATE_HZ = 50
PAUSE_FRAMES = 3
PAUSE_COST, FLOOR = 3.0, 1e-3
WORST_SHARE, MANY = 0.15, 20
"""Share of the recordings, where there are many, that is left out: those whose sound fits their text worst."""


@dataclass(frozen=True)
class Prompt:
    """A recording and what is said in it."""

    path: Path
    text: str


def fetch(folder: Path) -> Path:
    """Download and unpack the packages under `folder` (once); the root that they unpack to.

    Raises:
        InputError: apt is missing or refuses.
    """
    root = folder / "recordings"
    if (root / "usr").is_dir():
        return root
    root.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=root, check=True, capture_output=True)
        for package in sorted(root.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        names = ", ".join(PACKAGES)
        raise InputError(f"cannot fetch {names} ({error})", "a Debian machine with apt") from error
    return root


def exchange_prompts(root: Path, language: str) -> Iterator[Prompt]:
    """The telephone exchange's prompts; noises and single keys are left out."""
    listing = root / f"usr/share/doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz"
    for line in gzip.decompress(listing.read_bytes()).decode("utf-8-sig").splitlines():
        match = re.match(r"([\w/-]+):\s*(.+)", line)
        if match is None or not re.search(r"\w{2}", match.group(2)) or re.search(r"[\[\]<>(]", match.group(2)):
            continue
        found = sorted((root / "usr/share/asterisk/sounds").glob(f"{language}_*/{match.group(1)}.g722"))
        if found:
            yield Prompt(found[0], match.group(2))


def librivox_prompts(root: Path) -> Iterator[Prompt]:
    """The reader's sentences."""
    folder = root / "usr/share/pocketsphinx/test/data/librivox"
    for line in (folder / "transcription").read_text().splitlines():
        match = re.match(r"<s> (.*) </s> \((.*)\)", line)
        if match and (folder / f"{match.group(2)}.wav").is_file():
            yield Prompt(folder / f"{match.group(2)}.wav", match.group(1))


def read(path: Path) -> np.ndarray:
    """Mono samples `[N]` at 16 kHz of G.722 or of anything with a header."""
    with av.open(str(path), format="g722" if path.suffix == ".g722" else None) as container:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
        frames = [*container.decode(audio=0), None]
        pieces = [made.to_ndarray()[0] for frame in frames for made in resampler.resample(frame)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def align(scores: np.ndarray, phones: list[int]) -> tuple[np.ndarray, float]:
    """When phones are said, in order: (phone index of each frame `[T]`, mean score of the path).

    Args:
        scores: log-posteriors `[T, P]`.
        phones: at least one; a pause of `PAUSE_FRAMES` or more may stand before, between and after them.
    """
    # A state for each phone, and a chain of pause states before each and after the last.
    chain = [state for phone in phones for state in (*[0] * PAUSE_FRAMES, phone)] + [0] * PAUSE_FRAMES
    step = PAUSE_FRAMES + 1
    count, emitted = len(chain), scores[:, chain]
    kind = np.arange(count) % step  # 0 .. PAUSE_FRAMES - 1: pause states, PAUSE_FRAMES: the phone
    stays = (kind >= PAUSE_FRAMES - 1).astype(bool)
    best = np.full(count, -np.inf)
    best[0], best[PAUSE_FRAMES] = emitted[0, 0], emitted[0, PAUSE_FRAMES]
    came = np.zeros((len(scores), count), np.int32)
    for frame in range(1, len(scores)):
        stay = np.where(stays, best, -np.inf)
        advance = np.concatenate([[-np.inf], best[:-1]]) - np.where(kind == 0, PAUSE_COST, 0.0)
        jump = np.full(count, -np.inf)
        jump[PAUSE_FRAMES + step :: step] = best[PAUSE_FRAMES:-step:step]  # phone to phone, without a pause
        options = np.stack([stay, advance, jump])
        choice = options.argmax(0)
        came[frame] = np.choose(choice, [0, 1, step])
        best = options.max(0) + emitted[frame]
    state = count - 1 if best[-1] > best[-1 - PAUSE_FRAMES] else count - 1 - PAUSE_FRAMES
    total, path = best[state], np.empty(len(scores), np.int64)
    for frame in range(len(scores) - 1, -1, -1):
        path[frame] = chain[state]
        state -= came[frame, state]
    return path, float(total / len(scores))


def aligned(prompt: Prompt, voice: str, engine: Espeak, encoder: PhoneticEncoder) -> tuple[Utterance, float] | None:
    """The recording with its phones' times, and how well they fit; None when it cannot be."""
    samples = read(prompt.path)
    spoken = [phones for _, _, phones in engine.say(prompt.text, voice, 160, 50, 50).segments if phones]
    order = [PHONES.index(phone) for phones in spoken for phone in phones if phone != "SIL"]
    posteriors = encoder.phone_posteriors(samples)[0] if len(samples) > 1600 else np.zeros((0, len(PHONES)))
    if not order or len(posteriors) < 1.3 * len(order):
        return None
    path, fit = align(np.log(np.maximum(posteriors, FLOOR)), order)
    cuts = [0, *(np.flatnonzero(np.diff(path)) + 1), len(path)]
    half_s = 0.5 / FRAME_RATE_HZ  # frame k stands for the instant k / 50 s
    segments = [
        (max(0.0, a / FRAME_RATE_HZ - half_s), b / FRAME_RATE_HZ - half_s, (PHONES[path[a]],))
        for a, b in zip(cuts[:-1], cuts[1:], strict=True)
    ]
    return Utterance(samples, [(start, end, phones) for start, end, phones in segments]), fit


def write_recordings(path: Path, prompts: list[Prompt], voice: str, encoder: PhoneticEncoder) -> None:
    """Align, leave the worst out, write one corpus file."""
    engine = Espeak()
    made = [aligned(prompt, voice, engine, encoder) for prompt in track(prompts, path.stem, len(prompts))]
    good = [pair for pair in made if pair is not None]
    limit = np.quantile([fit for _, fit in good], WORST_SHARE) if len(good) >= MANY else -np.inf
    kept = [label(utterance) for utterance, fit in good if fit >= limit]
    write_corpus_file(path, np.concatenate([s for s, _ in kept]), np.concatenate([p for _, p in kept]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, help="of the encoder that aligns, instead of the shipped ones")
    parser.add_argument("--more", type=Path, help="further recordings")
    options = parser.parse_args()
    root, encoder = fetch(options.folder), PhoneticEncoder(options.weights)
    jobs = {
        "person_it": ("it", list(exchange_prompts(root, "it"))),
        "person_ru": ("ru", list(exchange_prompts(root, "ru"))),
        "person_librivox": ("en-us", list(librivox_prompts(root))),
    }
    for name, about in (read_json(options.more) if options.more else {}).items():
        prompts = [Prompt(options.more.parent / path, text) for path, text in about["files"].items()]
        jobs[f"person_{name}"] = (about["voice"], prompts)
    for name, (voice, prompts) in jobs.items():
        write_recordings(options.folder / f"{name}.safetensors", prompts, voice, encoder)


if __name__ == "__main__":
    main()
