// What was measured of a person, in words.

import { spoken } from "./words.js";

const share = (value) => `${Math.round(100 * value)}%`;
const LIKENESS = [
  [28, "very good"],
  [25, "good"],
  [22, "fair"],
  [-Infinity, "weak"],
]; // from so many dB on, as looked at
const decibels = (value) => `${LIKENESS.find(([least]) => value >= least)[1]} (${value.toFixed(1)} dB)`;
const beside = (value) => `${share(value)} of the video's`;
const number = (value) => String(Math.round(1000 * value) / 1000);

const NAMES = {
  face_share: ["Face seen", (value) => `${share(value)} of the time`],
  sound_offset_s: [
    "Sound off by",
    (value) => (Math.abs(value) < 0.01 ? "nothing" : `${Math.round(1000 * Math.abs(value))} ms, corrected`),
  ],
  learned_mouth_psnr_db: ["Mouth's likeness", decibels],
  learned_face_psnr_db: ["Face's likeness", decibels],
  held_out_face_psnr_db: ["Face's likeness, frames not learned from", decibels],
  detail_face: ["Sharpness of the face", beside],
  detail_mouth: ["Sharpness of the mouth", beside],
  detail_hair: ["Sharpness of the hair", beside],
  detail_torso: ["Sharpness of the body", beside],
  video_steps: ["Steps of learning", (value) => String(Math.round(value))],
};

/** Names and values for people, those that have words first. */
export function qualities(measured) {
  const known = Object.keys(NAMES).filter((name) => typeof measured?.[name] === "number");
  return known.map((name) => [NAMES[name][0], NAMES[name][1](measured[name])]);
}

/** All of it, those without words of their own under their names. */
export function everything(measured) {
  const others = Object.entries(measured ?? {}).filter(
    ([name, value]) => !(name in NAMES) && typeof value === "number",
  );
  return [...qualities(measured), ...others.map(([name, value]) => [spoken(name), number(value)])];
}
