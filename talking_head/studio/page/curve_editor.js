// The desk on which curves are changed: lanes, tools, the picture at the line, and what becomes of them.

import { jobFile, patch, post } from "./api.js";
import { Lanes } from "./curve_lanes.js";
import { CurveModel } from "./curve_model.js";
import { fill, h } from "./dom.js";
import * as jobs from "./jobs.js";
import { button, field, keep, list, player } from "./parts.js";
import { follows } from "./work.js";

const REACHES = [
  ["0.08", "One moment"],
  ["0.2", "A syllable"],
  ["0.5", "A word"],
];
const FORMATS = [
  ["livelink", "Live Link .csv, for Unreal and Blender"],
  ["gltf", "glTF .glb, with the face"],
  ["npz", "npz, for Python"],
  ["openface", "OpenFace .csv, head and blinks"],
];
const NOTHING = "Drag in the sound to choose a stretch.";

export class CurveEditor {
  constructor(session, told) {
    Object.assign(this, {
      key: session.curves,
      told,
      model: new CurveModel(session),
      made: h("div", { class: "curve-made" }),
    });
    Object.assign(this, { looking: false, wanted: null, sending: Promise.resolve() });
    this.reach = list(REACHES, "0.2");
    this.chosen = h("p", { class: "hint", role: "status" }, NOTHING);
    this.picture = h("img", {
      class: "curve-picture",
      alt: "The face at the line",
      onload: () => this.#looked(),
      onerror: () => this.#looked(),
    });
    this.stage = h("div", { class: "curve-stage" }, this.picture);
    this.lanes = new Lanes({
      model: this.model,
      peaks: session.peaks,
      reach: () => Number(this.reach.value),
      changed: (change) => this.#send(change),
      moved: (at_s) => this.#look(at_s),
      chosen: (stretch) => this.#tellChosen(stretch),
    });
    this.undo = button("Undo", () => this.#step("undo"), { sign: "undo", disabled: true });
    this.redo = button("Redo", () => this.#step("redo"), { sign: "redo", disabled: true });
    this.keys = (event) => this.#keyed(event);
    this.element = this.#desk();
  }

  begin() {
    document.addEventListener("keydown", this.keys);
    this.lanes.draw();
    this.#look(0);
  }

  leave() {
    document.removeEventListener("keydown", this.keys);
    this.lanes.leave();
  }

  #desk() {
    const above = h(
      "div",
      { class: "row" },
      this.undo,
      this.redo,
      button("Zoom in", () => this.lanes.zoom(2), { sign: "plus" }),
      button("Show all", () => this.lanes.zoom(0)),
      button("Play", () => this.#play(), { sign: "play", kind: "main" }),
    );
    const tools = h(
      "div",
      { class: "row", role: "group", "aria-label": "What to do with the chosen curve" },
      button("More", () => this.#grown(1.25)),
      button("Less", () => this.#grown(0.8)),
      button("Smoother", () => this.lanes.apply(this.lanes.lane)),
      h("label", { class: "inline" }, "A pull reaches", this.reach),
    );
    return h(
      "div",
      { class: "curve-desk" },
      h("div", { class: "block" }, above, this.lanes.element, this.chosen, tools),
      h("div", { class: "block result" }, this.stage, this.#keepers(), this.made),
    );
  }

  #at(rest) {
    return `/v1/curves/${encodeURIComponent(this.key)}${rest}`;
  }

  /** What an address is told apart by, so that a changed picture is fetched anew. */
  get #edit() {
    return `${this.model.past.length}.${this.model.future.length}`;
  }

  #tellChosen(stretch) {
    const times = stretch?.map((time) => time.toFixed(2)).join(" to ");
    this.chosen.textContent = stretch
      ? `Chosen: ${times} s. Drag a curve inside to move all of it; Escape lets go.`
      : NOTHING;
  }

  /** Changes go one after the other; the picture follows the last. */
  #send(change) {
    this.told.clear();
    this.undo.disabled = this.model.past.length === 0;
    this.redo.disabled = this.model.future.length === 0;
    this.sending = this.sending
      .then(() => patch(this.#at(""), { changes: [{ ...change, values: Array.from(change.values) }] }))
      .then(() => this.#look(this.lanes.at, true))
      .catch((error) => this.told.say(error));
  }

  /** The picture at a moment; while one is on its way, only the newest wish is kept. */
  #look(at_s, anew = false) {
    const frame = Math.round(at_s * this.model.fps);
    if (!anew && frame === this.frame) return;
    if (this.looking) {
      this.wanted = at_s;
      return;
    }
    [this.looking, this.frame] = [true, frame];
    this.picture.src = this.#at(`/frame.jpg?at=${frame}&edit=${this.#edit}`);
  }

  #looked() {
    this.looking = false;
    if (this.wanted === null) return;
    const next = this.wanted;
    this.wanted = null;
    this.#look(next, true);
  }

  #play() {
    const [from, to] = this.lanes.stretch ?? [0, this.model.seconds];
    const film = h("video", {
      class: "film",
      controls: true,
      autoplay: true,
      playsinline: true,
      "aria-label": "The stretch, painted",
    });
    const still = () => fill(this.stage, this.picture);
    film.addEventListener("timeupdate", () => !film.ended && this.lanes.go(from + film.currentTime));
    film.addEventListener("ended", still);
    film.addEventListener("error", () => {
      still();
      this.told.say("the stretch could not be painted; try a shorter one");
    });
    this.sending.then(() => {
      film.src = this.#at(`/preview?from=${from.toFixed(3)}&to=${to.toFixed(3)}&edit=${this.#edit}`);
      fill(this.stage, film);
    });
  }

  #step(way) {
    const change = this.model[way]();
    if (!change) return;
    this.lanes.draw();
    this.#send(change);
  }

  #keyed(event) {
    const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName);
    if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    this.#step(event.shiftKey ? "redo" : "undo");
  }

  /** The lane's curve so many times as far from its middle. */
  #grown(times) {
    const values = this.model.values[this.lanes.lane];
    const middle = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    this.lanes.apply(this.lanes.lane, (value) => middle + times * (value - middle));
  }

  /** A film of the curves, or a file for other programs. */
  #keepers() {
    const format = list(FORMATS, "livelink");
    const film = button("Make the film", () => this.#ask("/film", {}, filmMade), { kind: "main" });
    const file = button("Write the file", () => this.#ask("/export", { format: format.value }, filesMade));
    return h(
      "div",
      { class: "order" },
      h("div", { class: "row" }, film),
      field("For other programs", format),
      h("div", { class: "row" }, file),
    );
  }

  async #ask(path, order, done) {
    this.told.clear();
    try {
      await this.sending;
      fill(this.made, follows(jobs.take(await post(this.#at(path), order)).job, { done }));
    } catch (error) {
      this.told.say(error);
    }
  }
}

function filmMade(job) {
  const file = job.files.find((one) => one.type?.startsWith("video/"));
  return [
    player(job, file),
    h("div", { class: "row" }, keep(jobFile(job.job, file.name), file.name, "Download", file.bytes)),
  ];
}

function filesMade(job) {
  const links = job.files.map((one) => keep(jobFile(job.job, one.name), one.name, one.name, one.bytes));
  return h("div", { class: "row" }, links);
}
