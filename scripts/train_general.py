"""Train a motion model on many people and write `checkpoints/<motion model>/<speech encoder>.safetensors`.

    python scripts/train_general.py --run RUN_FOLDER --speakers FILE.json [--motion arkit --steps 1500]

       [--synthetic CORPUS --minutes 6]

Karras 2017 is also taught the faces of EMOTE's emotions, which no clip of people who read sentences shows.

FILE.json: {"speaker": ["video", ...], ...}, paths relative to it. CORPUS: what `scripts.phonetic.make_corpus` wrote;
its voices then speak on the people's faces (`scripts.synthetic_motion`) and are learned from as well. Videos are
tracked once into the run folder; the same call resumes. What enrollment starts from: a person with one photo speaks
through these weights alone.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import configs
from face_model.tracks import FaceTrack
from facial_gan.synthesis import FacialGan
from foundation.config import configure, load_yaml
from foundation.files import read_json
from motion_models.emote.action_units import EMOTIONS, SIDE_OF, strengths
from motion_models.emote.faces import mp478_face
from motion_models.examples import MotionExample
from motion_models.karras2017 import Karras2017
from motion_models.lips import above_rest
from motion_models.people import person_statistics
from preprocessing.speech import SpeechEncoder, speech_encoder
from preprocessing.speech.encoder_registry import EncoderName
from preprocessing.sync import TRUSTED
from scripts.synthetic_motion.corpus import PHONETIC, learn_articulation, synthetic_examples
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import TRACK, sound_in_step, track
from talking_head.motion.model_registry import motion_entry
from training import Duration

log = logging.getLogger(__name__)

COMPACT = {FacialGan.id: "facial_gan_compact"}  # configurations that are not called as the model is
MIN_SURE = 3  # clips whose offset is sure, before one is believed of the others


def tracks_of(videos: list[Path], folder: Path) -> list[FaceTrack]:
    """Tracks of one speaker's videos, made unless they are there.

    Where a clip is too short to tell how late its sound is, the median of the speaker's other clips is believed.
    """
    for video in videos:
        if not (folder / video.stem / TRACK).is_file():
            track(video, folder / video.stem)
    tracks = [FaceTrack.load(folder / video.stem / TRACK) for video in videos]
    sure = [t.sound_offset_s for t in tracks if t.sound_offset_confidence >= TRUSTED]
    common_s = float(np.median(sure)) if len(sure) >= MIN_SURE else 0.0
    return [t if t.sound_offset_confidence >= TRUSTED else replace(t, sound_offset_s=common_s) for t in tracks]


def examples_of(videos: dict[str, list[Path]], folder: Path, speech: str) -> list[MotionExample]:
    """Every speaker's videos as examples; tracks are kept in the folder."""
    return [
        motion_example(measured, sound_in_step(video, measured), speech, speaker)
        for speaker, files in videos.items()
        for video, measured in zip(files, tracks_of(files, folder), strict=True)
    ]


def with_synthetic(
    examples: list[MotionExample], heard: list[MotionExample], corpus: Path, minutes: float, encoder: SpeechEncoder
) -> list[MotionExample]:
    """The examples, and synthetic ones that articulate as these people do.

    Args:
        examples: of real people. heard: the same, their features from the phonetic encoder.
        corpus: see `scripts.phonetic.make_corpus`. minutes: of synthetic motion.
        encoder: that the motion model listens through.
    """
    names = sorted({example.speaker for example in heard})
    people = {name: person_statistics([e for e in heard if e.speaker == name]) for name in names}
    return examples + synthetic_examples(corpus, people, learn_articulation(heard), encoder, minutes)


def mood_faces() -> dict[str, np.ndarray]:
    """EMOTE's emotions at full intensity, name -> `[64]`: what of them lasts. Units that part the lips are left out and
    the lips' mean opening stays, for that is speech's.
    """
    face, faces = mp478_face(), dict[str, np.ndarray]()
    for kind in EMOTIONS:
        if strengths(kind).any():
            shown = (strengths(kind) * ~face.parts_lips) @ face.units[SIDE_OF[kind]]
            opened_mm, opening = above_rest(shown[None], np.zeros_like(shown))
            faces[kind] = shown - opened_mm * opening
    return faces


def about_one_mean(examples: list[MotionExample]) -> list[MotionExample]:
    """The same with every speaker's mean expression made that of all: who speaks is no mood."""
    names = sorted({example.speaker for example in examples})
    seen = {n: [e.motion.expression[e.valid.astype(bool)] for e in examples if e.speaker == n] for n in names}
    means = {name: np.concatenate(parts).mean(0) for name, parts in seen.items()}
    common = np.mean(list(means.values()), axis=0)
    moved = [e.motion.expression - means[e.speaker] + common for e in examples]
    return [replace(e, motion=replace(e.motion, expression=m)) for e, m in zip(examples, moved, strict=True)]


def settings_of(motion: str) -> Any:
    """A motion model's settings, as the configuration that ships for a CPU says them."""
    path = configs.find(COMPACT.get(motion, motion))
    assert path is not None
    return configure(motion_entry(motion).config, load_yaml(path).get("model", {}), str(path))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder for tracks and the training run")
    parser.add_argument("--speakers", type=Path, required=True, help="JSON: speaker to list of videos")
    parser.add_argument("--motion", default=FacialGan.id, help="motion model")
    parser.add_argument("--speech", help="speech encoder; otherwise the one that the model is made for")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--synthetic", type=Path, help="corpus of synthesised speech to learn from as well")
    parser.add_argument("--minutes", type=float, default=6.0, help="of synthetic motion")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "checkpoints")
    asked = parser.parse_args()
    entry = motion_entry(asked.motion)
    if asked.synthetic is not None and asked.motion != FacialGan.id:
        parser.error(f"--synthetic teaches {FacialGan.id} alone: other models would believe it as they do footage")
    speech = asked.speech or entry.model.default_speech
    videos = {s: [asked.speakers.parent / v for v in files] for s, files in read_json(asked.speakers).items()}
    examples = examples_of(videos, asked.run, speech)
    if asked.synthetic is not None:
        heard = examples if speech == PHONETIC else examples_of(videos, asked.run, PHONETIC)
        examples = with_synthetic(examples, heard, asked.synthetic, asked.minutes, speech_encoder(speech))
    more: dict[str, Any] = {"config": settings_of(asked.motion)}
    if asked.motion == Karras2017.id:
        more["moods"], examples = mood_faces(), about_one_mean(examples)
    kind = EncoderName.parse(speech).kind  # by which the file is found; it says itself which weights it learned through
    run = asked.run / f"train_{asked.motion}_{kind}"
    made = entry.learn(examples, None, run, mode="general", duration=Duration(asked.steps), **more)
    goal = asked.out / asked.motion
    goal.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, goal / f"{kind}.safetensors")


if __name__ == "__main__":
    main()
