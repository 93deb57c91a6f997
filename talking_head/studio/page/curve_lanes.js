// Lanes of curves over the waveform; drag in the waveform to choose a stretch, in a lane to change its curve.

import { colours, drawCurve, drawWave, LANE_PX, WAVE_PX } from "./curve_drawing.js";
import { h } from "./dom.js";

const KEY_SHARE = 0.03; // of a curve's range, a press of an arrow key
const NEAR_PX = 3; // less than this is a press, not a drag
const LEAST_S = 0.4; // that is shown

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * model: a `CurveModel`. peaks: of the sound, 0 to 1, over all of it. reach(): seconds that a pull reaches.
 * changed(change): after an edit; moved(at_s): of the line; chosen(stretch or null).
 */
export class Lanes {
  constructor({ model, peaks, reach, changed, moved, chosen }) {
    Object.assign(this, { model, peaks, reach, changed, moved, chosen });
    Object.assign(this, { from: 0, to: model.seconds, at: 0, stretch: null, lane: model.names[0], draft: null });
    this.probe = h("span", { hidden: true });
    this.rows = model.names.map((name) => this.#row(name));
    this.place = h("span", { class: "hint lane-value" });
    this.wave = this.#wave();
    const sound = h("div", { class: "lane-head" }, h("span", { class: "lane-name" }, "Sound"), this.place);
    const lanes = this.rows.map((one) => one.element);
    this.element = h("div", { class: "lanes" }, h("div", { class: "lane" }, sound, this.wave), lanes, this.probe);
    this.#watch();
  }

  /** How a curve is called, and a value of it. */
  label(name) {
    return this.model.labels[name] ?? name.replaceAll("_", " ");
  }

  told(name, value) {
    return `${value.toFixed(2)}${this.model.units[name] ? ` ${this.model.units[name]}` : ""}`;
  }

  /** Move the line. */
  go(at_s) {
    const { fps, seconds } = this.model;
    this.at = clamp(Math.round(at_s * fps) / fps, 0, Math.max(0, seconds - 1 / fps));
    if (this.at < this.from || this.at > this.to) this.#scroll(this.at - (this.to - this.from) / 2);
    this.draw();
    this.moved(this.at);
  }

  /** Show a part that is so many times shorter; all of it for 0. */
  zoom(times) {
    const span = times ? clamp((this.to - this.from) / times, LEAST_S, this.model.seconds) : this.model.seconds;
    [this.from, this.to] = [0, span];
    this.#scroll(this.at - span / 2);
    this.draw();
  }

  /** Change a curve where the line is, or in the chosen stretch: by `change(value)`, or smoothed without one. */
  apply(name, change = null) {
    const [first, weights] = this.model.touched(this.at, this.reach(), this.stretch);
    const values = change ? this.model.bent(name, first, weights, change) : this.model.smoothed(name, first, weights);
    this.#put(name, first, values);
  }

  /** Draw anew before the next picture of the screen. */
  draw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      if (this.element.isConnected) this.#drawNow();
    });
  }

  leave() {
    this.stopping.forEach((stop) => stop());
  }

  #watch() {
    const redraw = () => this.draw();
    const sized = new ResizeObserver(redraw);
    sized.observe(this.element);
    const themed = new MutationObserver(redraw);
    themed.observe(document.documentElement, { attributes: true });
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", redraw);
    this.stopping = [
      () => sized.disconnect(),
      () => themed.disconnect(),
      () => system.removeEventListener("change", redraw),
    ];
  }

  #row(name) {
    const canvas = h("canvas", {
      class: "lane-curve",
      height: LANE_PX,
      tabindex: 0,
      role: "slider",
      "aria-label": this.label(name),
      "aria-orientation": "vertical",
      onpointerdown: (event) => this.#pull(event, name, canvas),
      onkeydown: (event) => this.#keyed(event, name),
      onfocus: () => {
        this.lane = name;
        this.draw();
      },
    });
    const value = h("span", { class: "hint lane-value" });
    const head = h("div", { class: "lane-head" }, h("span", { class: "lane-name" }, this.label(name)), value);
    return { name, canvas, value, element: h("div", { class: "lane" }, head, canvas) };
  }

  #wave() {
    return h("canvas", {
      class: "lane-wave",
      height: WAVE_PX,
      tabindex: 0,
      role: "slider",
      "aria-label": "Place in the sound; hold Shift to choose a stretch",
      onpointerdown: (event) => this.#mark(event),
      onkeydown: (event) => this.#walked(event),
    });
  }

  #time(event, canvas) {
    const box = canvas.getBoundingClientRect();
    return clamp(this.from + ((event.clientX - box.left) / box.width) * (this.to - this.from), 0, this.model.seconds);
  }

  /** Follow a pointer that is held on a canvas; moved(event) at each of its moves, then dropped(). */
  #drag(event, canvas, moved, dropped = () => {}) {
    event.preventDefault();
    canvas.focus();
    canvas.setPointerCapture(event.pointerId);
    canvas.addEventListener("pointermove", moved);
    const end = () => {
      canvas.removeEventListener("pointermove", moved);
      dropped();
    };
    canvas.addEventListener("lostpointercapture", end, { once: true });
  }

  #pull(event, name, canvas) {
    const [low, high] = this.model.range(name);
    const at_s = this.#time(event, canvas);
    const inside = this.stretch && at_s >= this.stretch[0] && at_s <= this.stretch[1];
    const [first, weights] = this.model.touched(at_s, this.reach(), inside ? this.stretch : null);
    const began = event.clientY;
    const moved = (moving) => {
      const up = began - moving.clientY;
      const lift = (up / LANE_PX) * (high - low);
      const values = this.model.bent(name, first, weights, (value) => value + lift);
      this.draft = Math.abs(up) < NEAR_PX ? null : { name, first, values };
      this.draw();
    };
    this.#drag(event, canvas, moved, () => {
      const draft = this.draft;
      this.draft = null;
      if (draft) this.#put(name, draft.first, draft.values);
    });
    this.go(at_s);
  }

  #mark(event) {
    const began = this.#time(event, this.wave);
    const start = event.clientX;
    this.choose(null);
    this.#drag(event, this.wave, (moving) => {
      if (Math.abs(moving.clientX - start) < NEAR_PX) return;
      const now = this.#time(moving, this.wave);
      this.choose([Math.min(began, now), Math.max(began, now)]);
    });
    this.go(began);
  }

  #put(name, first, values) {
    const change = this.model.put(name, first, values);
    this.draw();
    if (change) this.changed(change);
  }

  #keyed(event, name) {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return this.#walked(event);
    event.preventDefault();
    const [low, high] = this.model.range(name);
    return this.apply(name, (value) => value + way * KEY_SHARE * (high - low));
  }

  #walked(event) {
    if (event.key === "Escape") return this.choose(null);
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -this.model.fps, PageDown: this.model.fps }[event.key];
    if (step === undefined) return undefined;
    event.preventDefault();
    const before = this.at;
    this.go(this.at + step / this.model.fps);
    if (!event.shiftKey) return undefined;
    const [begin, end] = this.stretch ?? [before, before];
    const anchor = Math.abs(begin - before) < 1e-6 ? end : begin; // the end that stays
    return this.choose([Math.min(anchor, this.at), Math.max(anchor, this.at)]);
  }

  choose(stretch) {
    this.stretch = stretch;
    this.draw();
    this.chosen(stretch);
  }

  #scroll(from) {
    const span = this.to - this.from;
    this.from = clamp(from, 0, Math.max(0, this.model.seconds - span));
    this.to = this.from + span;
  }

  #drawNow() {
    const colour = colours(this.probe);
    drawWave(this.wave, this, colour);
    this.place.textContent = `${this.at.toFixed(2)} s`;
    const chosen = this.stretch ? `, chosen ${this.stretch.map((time) => time.toFixed(2)).join(" to ")}` : "";
    heard(this.wave, 0, this.model.seconds, this.at, `${this.at.toFixed(2)} seconds${chosen}`);
    for (const one of this.rows) {
      const value = drawCurve(one.canvas, this, one.name, colour);
      one.value.textContent = this.told(one.name, value);
      const [low, high] = this.model.range(one.name);
      heard(one.canvas, low, high, value, `${one.value.textContent} at ${this.at.toFixed(2)} seconds`);
    }
  }
}

/** What a screen reader hears of a slider. */
function heard(canvas, low, high, value, text) {
  const told = { valuemin: low.toFixed(3), valuemax: high.toFixed(3), valuenow: value.toFixed(3), valuetext: text };
  for (const [name, content] of Object.entries(told)) canvas.setAttribute(`aria-${name}`, content);
}
