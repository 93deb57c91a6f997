"""Does FACIAL hear better through letters, as DeepSpeech gives them, or through phones? One run, one table each.

    python -m benchmarks.letters SPEAKERS.json LETTERS --out FOLDER [--head-alone LETTERS --steps 150 --seed 0 --quick]

SPEAKERS.json as for `benchmarks.leave_one_speaker_out`, whose folds, seed and score these are; LETTERS as
`scripts.phonetic.letters` writes them. On speakers never seen: FACIAL-GAN from each encoder, and a ridge regression
from a window of +-0.27 s to the opening between the lips (--quick: the ridge alone). Then, from `TALKING_HEAD_DATA`
(else ../shared/data), the published FACIAL's own motion for a clip and the real DeepSpeech's features of it: how much
of that motion a ridge tells from each. And how well the letters spell. --head-alone: letters learned so, for the
ridges. Interrupted, the same call goes on.
"""

from __future__ import annotations

import argparse
import os
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.leave_one_speaker_out import SEED, Scores, folds, judged
from face_model import mp478
from face_model.tracks import MOTION_FPS, Sound, SpeechFeatures
from facial_gan.config import FacialGanConfig
from facial_gan.train import learn
from foundation.files import read_json, write_json
from motion_models.examples import MotionExample, frame_rows
from motion_models.lips import lip_gap_mm
from preprocessing.media import read_sound
from preprocessing.speech import SpeechEncoder, speech_encoder
from preprocessing.speech.phonetic.encoder import BANDS
from preprocessing.speech.symbols import SYMBOL_RATE_HZ, spell
from scripts.phonetic.letters import LetterEncoder, letter_error_rate
from scripts.train_general import examples_of, tracks_of
from talking_head.enrollment.tracking import sound_in_step
from training import Duration

REACH_FRAMES = 8  # as far as FACIAL's window of 16 steps
STRENGTHS = tuple(10.0 ** np.arange(0, 6.5, 0.5))
TAUGHT_SHARE, COMPONENTS, BLOCKS = 0.75, 3, 5
LETTERS, HEAD_ALONE = "letters29", "letters29, head alone"
WITH_LOUDNESS, BOTH = "letters29 + phonetic's 8 bands", "phonetic + letters29"
LOUDNESS, ALL = slice(-BANDS, None), slice(None)
JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
Regression = Callable[[np.ndarray], np.ndarray]
ByEncoder = dict[str, list[MotionExample]]


def heard_by(encoder: SpeechEncoder, videos: dict[str, list[Path]], tracks: Path, like: list[MotionExample]) -> list[
    MotionExample
]:
    """The same examples through an encoder that has no name in the registry."""
    silence = encoder(Sound(np.zeros(32000, np.float32), 16000)).values
    sounds = [
        sound_in_step(video, track)
        for files in videos.values() for video, track in zip(files, tracks_of(files, tracks), strict=True)
    ]
    return [
        replace(example, features=encoder(sound), silence=silence[len(silence) // 2])
        for example, sound in zip(like, sounds, strict=True)
    ]


def beside(first: SpeechFeatures, second: SpeechFeatures, columns: slice) -> SpeechFeatures:
    """The first, and some columns of the second, of the same rate."""
    return replace(first, values=np.concatenate([first.values, second.values[:, columns]], axis=1))


def joined(first: list[MotionExample], second: list[MotionExample], columns: slice) -> list[MotionExample]:
    """Examples that hear both."""
    pairs = zip(first, second, strict=True)
    return [replace(a, features=beside(a.features, b.features, columns)) for a, b in pairs]


def windowed(rows: np.ndarray) -> np.ndarray:
    """`[T, 17 F]`: each frame's row of `[T, F]` and its neighbours; the ends are held."""
    padded = np.pad(rows, ((REACH_FRAMES, REACH_FRAMES), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH_FRAMES + 1, axis=0).reshape(len(rows), -1)


def solutions(given: np.ndarray, wanted: np.ndarray) -> list[Regression]:
    """Ridge regressions of all `STRENGTHS` from `[N, F]`, in deviations, to `[N, P]`."""
    centre, spread, mean = given.mean(0), given.std(0) + 1e-6, wanted.mean(0)
    unit = (given - centre) / spread
    values, vectors = np.linalg.eigh(unit.T @ unit)
    turned = vectors.T @ (unit.T @ (wanted - mean))

    def of(strength: float) -> Regression:
        weights = vectors @ (turned / (np.maximum(values, 0) + strength)[:, None])
        return lambda rows: (rows - centre) / spread @ weights + mean

    return [of(strength) for strength in STRENGTHS]


def ridge(given: np.ndarray, wanted: np.ndarray, group: np.ndarray) -> Regression:
    """The ridge regression whose strength does best on groups that are left out, one after the other.

    given `[N, F]`, wanted `[N, P]`, group `[N]`: what is left out together.
    """
    error = np.zeros(len(STRENGTHS))
    for left_out in np.unique(group):
        held = group == left_out
        for index, regression in enumerate(solutions(given[~held], wanted[~held])):
            error[index] += np.square(regression(given[held]) - wanted[held]).sum()
    return solutions(given, wanted)[int(error.argmin())]


def in_deviations(gaps: Sequence[np.ndarray], speakers: Sequence[str]) -> list[np.ndarray]:
    """Lip gaps `[T]` of clips, relative to each speaker's own mean and deviation."""
    of = {s: np.concatenate([g for g, one in zip(gaps, speakers, strict=True) if one == s]) for s in set(speakers)}
    return [(gap - of[s].mean()) / of[s].std() for gap, s in zip(gaps, speakers, strict=True)]


def ridge_fold(left_out: list[str], examples: list[MotionExample]) -> Scores:
    """Correlation of the lips' opening of speakers that the regression never saw, with its share of their deviation."""
    model = mp478.load()
    speakers = [e.speaker for e in examples]
    gaps = in_deviations([lip_gap_mm(model, e.motion.expression) for e in examples], speakers)
    rows = [windowed(frame_rows(e.features, len(e.motion)).astype(np.float64)) for e in examples]
    seen = [e.valid.astype(bool) for e in examples]
    others = sorted(set(speakers) - set(left_out))
    taught = [index for index, speaker in enumerate(speakers) if speaker in others]
    group = np.concatenate([np.full(seen[i].sum(), others.index(speakers[i]) % BLOCKS) for i in taught])
    given, wanted = (np.concatenate([part[i][seen[i]] for i in taught]) for part in (rows, gaps))
    regression = ridge(given, wanted[:, None], group)
    found: dict[str, list[tuple[float, float]]] = {}
    for index, speaker in enumerate(speakers):
        if speaker in left_out:
            made, truth = regression(rows[index][seen[index]])[:, 0], gaps[index][seen[index]]
            score = float(np.corrcoef(made, truth)[0, 1]), float(made.std() / truth.std())
            found.setdefault(speaker, []).append(score)
    return {speaker: tuple(np.mean(scores, axis=0)) for speaker, scores in found.items()}


def gan_fold(left_out: list[str], examples: list[MotionExample], options: argparse.Namespace, folder: Path) -> Scores:
    """FACIAL-GAN trained on the others, as `leave_one_speaker_out` trains it."""
    base, duration = FacialGanConfig(), Duration(options.steps)
    config = replace(base, general=replace(base.general, batch_size=16))
    # Another encoder makes other examples, and so another run.
    said = repr((config, duration, options.seed))
    run = folder / f"{zlib.crc32(''.join([said, *(e.digest() for e in examples)]).encode()):08x}"
    taught = [e for e in examples if e.speaker not in left_out]
    made = learn(taught, None, run, mode="general", duration=duration, seed=options.seed, config=config)
    return judged(made, [e for e in examples if e.speaker in left_out])


def print_scores(title: str, total: Mapping[str, Scores], against: str) -> None:
    """A row an encoder: mean, worst, and the difference to another one with its standard error over speakers."""
    table = Table(title=title)
    speakers = list(total[against])
    for name in ("encoder", "mean", "worst", f"minus {against}", "better for", *speakers):
        table.add_column(name, justify="left" if name == "encoder" else "right")
    for name, scores in total.items():
        found = np.array([scores[speaker][0] for speaker in speakers])
        more = found - [total[against][speaker][0] for speaker in speakers]
        error = more.std(ddof=1) / np.sqrt(len(speakers))
        told = ("-", "-") if name == against else (f"{more.mean():+.3f} +- {error:.3f}", f"{(more > 0).sum()}")
        table.add_row(name, f"{found.mean():.3f}", f"{found.min():.2f}", *told, *(f"{one:.2f}" for one in found))
    Console(width=220).print(table)


def never_seen(options: argparse.Namespace) -> dict[str, dict[str, Scores]]:
    """Both tables over speakers: {"ridge": encoder -> scores, "FACIAL-GAN": the same}."""
    videos = {s: [options.speakers.parent / v for v in files] for s, files in read_json(options.speakers).items()}
    tracks = options.out / "tracks"
    by_encoder: ByEncoder = {name: examples_of(videos, tracks, name) for name in ("log_mel", "phonetic")}
    letters = heard_by(LetterEncoder(options.letters), videos, tracks, by_encoder["phonetic"])
    by_encoder[LETTERS] = letters
    groups = folds(letters)
    phonetic = by_encoder["phonetic"]
    wider = by_encoder | {WITH_LOUDNESS: joined(letters, phonetic, LOUDNESS), BOTH: joined(phonetic, letters, ALL)}
    found: dict[str, dict[str, Scores]] = {"ridge": {}, "FACIAL-GAN": {}}
    if options.head_alone:
        wider[HEAD_ALONE] = heard_by(LetterEncoder(options.head_alone), videos, tracks, phonetic)
    for name, examples in wider.items():
        for group in groups:
            found["ridge"].setdefault(name, {}).update(ridge_fold(group, examples))
    print_scores("lip-gap correlation, speakers never seen: ridge regression", found["ridge"], "phonetic")
    if options.quick:
        return found
    for number, group in enumerate(groups):
        for name, examples in by_encoder.items():
            made = gan_fold(group, examples, options, options.out / f"fold_{number}" / name)
            found["FACIAL-GAN"].setdefault(name, {}).update(made)
    title = f"lip-gap correlation, speakers never seen: FACIAL-GAN, {options.steps} steps, seed {options.seed}"
    print_scores(title, found["FACIAL-GAN"], "phonetic")
    return found


def of_published(data: Path, letters: LetterEncoder, head_alone: LetterEncoder | None) -> dict[str, list[float]]:
    """Encoder -> correlations of the leading components of the published FACIAL's expression on the clip's last
    quarter, then the mean over all components, each weighing as much as it moves.
    """
    sound = read_sound(data / "facial" / "obama2.wav")
    with np.load(data / "facial" / "obama2_motion.npz") as file:
        expression = file["face"][:, 7:].astype(np.float64)
    real = np.load(data / "facial" / "obama2_deepspeech.npy")
    heard = {name: speech_encoder(name)(sound) for name in ("log_mel", "phonetic")}
    spoken = letters(sound)
    every = {"real DeepSpeech": SpeechFeatures(real, SYMBOL_RATE_HZ, "deepspeech", len(real) / SYMBOL_RATE_HZ)} | heard
    every |= {LETTERS: spoken, WITH_LOUDNESS: beside(spoken, heard["phonetic"], LOUDNESS)}
    every |= {HEAD_ALONE: head_alone(sound)} if head_alone else {}
    taught = round(TAUGHT_SHARE * len(expression))
    centred = expression - expression[:taught].mean(0)
    _, swing, directions = np.linalg.svd(centred[:taught], full_matrices=False)
    wanted = centred @ directions.T
    shares = swing**2 / (swing**2).sum()
    print(f"shares of the leading components: {np.round(shares[:COMPONENTS], 2)}")
    group = np.arange(taught) * BLOCKS // taught
    result = {}
    for name, features in every.items():
        rows = windowed(features.windows(MOTION_FPS, 1, len(expression))[:, 0].astype(np.float64))
        made, truth = ridge(rows[:taught], wanted[:taught], group)(rows[taught:]), wanted[taught:]
        fits = [float(np.corrcoef(made[:, i], truth[:, i])[0, 1]) for i in range(truth.shape[1])]
        result[name] = [*fits[:COMPONENTS], float(shares @ fits)]
    return result


def plain(text: str) -> str:
    """A transcript in the 29 symbols, without its marks of noises."""
    return " ".join(re.findall(r"[a-z']+", re.sub(r"<.*?>|\[.*?\]", " ", text.lower())))


def spelling(data: Path, letters: LetterEncoder) -> list[tuple[str, float, str]]:
    """(recording, letter error rate, what was read), greedily."""
    texts = {data / "speech" / "jfk.wav": JFK}
    for path in sorted((data / "speech_aligned").glob("*.lab")):
        sound = next(path.with_suffix(end) for end in (".flac", ".wav") if path.with_suffix(end).is_file())
        texts[sound] = plain(path.read_text(encoding="utf-8"))
    clip = data / "facial" / "obama2.wav"
    texts[clip] = spell(np.load(clip.with_name("obama2_deepspeech.npy")))
    said = {path: spell(letters(read_sound(path)).values) for path in texts}
    return [(path.stem, letter_error_rate(said[path], text), said[path]) for path, text in texts.items()]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speakers", type=Path)
    parser.add_argument("letters", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--head-alone", type=Path, help="letters learned with --head-only")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=SEED, help="of FACIAL-GAN's training")
    parser.add_argument("--quick", action="store_true", help="ridge regressions alone, no FACIAL-GAN")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = Path(os.environ.get("TALKING_HEAD_DATA", Path(__file__).parents[2] / "shared" / "data"))
    letters = LetterEncoder(options.letters)
    read = spelling(data, letters)
    for name, rate, text in read:
        print(f"{name}: letter error rate {100 * rate:.0f}%: {text[:150]}")
    published = of_published(data, letters, LetterEncoder(options.head_alone) if options.head_alone else None)
    table = Table(title="the published FACIAL's motion of obama2.wav, last quarter, by ridge regression")
    heads = ("encoder", *(f"component {i + 1}" for i in range(COMPONENTS)), "all, weighted")
    for head in heads:
        table.add_column(head)
    for name, values in published.items():
        table.add_row(name, *(f"{value:.2f}" for value in values))
    Console(width=220).print(table)
    found = never_seen(options)
    rates = {name: rate for name, rate, _ in read}
    name = "letters_quick.json" if options.quick else f"letters_{options.seed}.json"
    write_json(options.out / name, found | {"published motion": published, "letter error rate": rates})


if __name__ == "__main__":
    main()
