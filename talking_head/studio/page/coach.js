// The coach: what it sees of a picture and hears of a sound, as signs beside the mirror.

import { h, s } from "./dom.js";

export const SPOKEN_RMS = 0.012; // from which on somebody speaks; a quiet room is below a third of it
const LOUD = 0.9; // of full scale: it distorts
const SHARP = 0.5; // and these two as the server has them
const DARK = 0.22,
  BRIGHT = 0.88;
const POSES = [
  ["front", "straight ahead"],
  ["left", "a little left"],
  ["right", "a little right"],
  ["up", "a little up"],
  ["down", "a little down"],
];
const SIDE_DEG = 7,
  TILT_DEG = 5;

/** Which of the five poses a face is in, or nothing where no face was seen. */
export function poseOf(view) {
  if (!view?.face) return null;
  if (Math.abs(view.yaw_deg) >= SIDE_DEG) return view.yaw_deg > 0 ? "left" : "right"; // their own
  if (Math.abs(view.pitch_deg) >= TILT_DEG) return view.pitch_deg < 0 ? "up" : "down";
  return "front";
}

/** What to ask for next of the poses. */
export function nextPose(seen) {
  const missing = POSES.find(([name]) => !seen.has(name));
  return missing ? `Read on, and look ${missing[1]} now and then.` : "Good. Read on.";
}

/** The signs: `.regard(view)` of the server, `.sound(rms, peak)`, `.covered(share, poses)`. */
export function coachSigns() {
  const sign = (name) => {
    const mark = h("span", { class: "sign-mark", "aria-hidden": "true" });
    const word = h("span", { class: "sign-word" }, "…");
    const line = h("li", { class: "sign" }, mark, h("span", {}, name), word);
    return Object.assign(line, {
      set(good, text) {
        line.dataset.good = String(good);
        word.textContent = text;
      },
    });
  };
  const [face, light, sharp] = ["Face", "Light", "Sharpness"].map(sign);
  const level = h("progress", { max: 1, value: 0, "aria-label": "Sound level" });
  const sound = sign("Sound");
  const phones = h("progress", { max: 1, value: 0, "aria-label": "Sounds of the language read so far" });
  const poses = poseMap();
  const element = h(
    "ul",
    { class: "signs", "aria-label": "The coach" },
    face,
    light,
    sharp,
    sound,
    h("li", { class: "sign-bar" }, level),
    h("li", { class: "sign" }, h("span", { class: "sign-mark" }), h("span", {}, "Sounds read"), phones),
    h("li", { class: "sign poses" }, h("span", {}, "Head turned"), poses.element),
  );
  return {
    element,
    regard(view) {
      face.set(Boolean(view.face), view.face ? "seen" : "not seen");
      if (!view.face) return;
      const share = view.face_height_share;
      const small = share < 0.2,
        large = share > 0.75;
      face.set(!small && !large, small ? "too small" : large ? "too near" : "good size");
      light.set(
        view.light >= DARK && view.light <= BRIGHT,
        view.light < DARK ? "too dark" : view.light > BRIGHT ? "too bright" : "good",
      );
      sharp.set(view.sharpness >= SHARP, view.sharpness >= SHARP ? "good" : "blurred");
    },
    sound(rms, peak) {
      level.value = Math.min(1, rms * 6);
      if (peak > LOUD) sound.set(false, "too loud");
      else if (rms > SPOKEN_RMS) sound.set(true, "heard");
      else sound.set(sound.dataset.good === "true", sound.dataset.good === "true" ? "heard" : "quiet");
    },
    covered(share, seen) {
      phones.value = share;
      poses.show(seen);
    },
  };
}

/** Five dots, as the head may be turned; filled once seen. */
function poseMap() {
  const at = { front: [22, 22], left: [7, 22], right: [37, 22], up: [22, 7], down: [22, 37] };
  const dots = Object.fromEntries(
    Object.entries(at).map(([name, [cx, cy]]) => [name, s("circle", { cx, cy, r: 5, class: "pose" })]),
  );
  const element = s(
    "svg",
    { viewBox: "0 0 44 44", class: "pose-map", role: "img", "aria-label": "No pose seen yet" },
    Object.values(dots),
  );
  return {
    element,
    show(seen) {
      for (const [name, dot] of Object.entries(dots)) dot.classList.toggle("seen", seen.has(name));
      element.setAttribute(
        "aria-label",
        `Seen: ${
          POSES.filter(([name]) => seen.has(name))
            .map(([, text]) => text)
            .join(", ") || "no pose yet"
        }`,
      );
    },
  };
}
