// Lanes of curves over the waveform, drawn on canvases; drag in the waveform to choose a stretch, in a lane to change it.

import { h } from "./dom.js";

const LANE_PX = 84,
  WAVE_PX = 64,
  KEY_SHARE = 0.03;
const NEAR_PX = 3; // less than this is a press, not a drag

/**
 * model: a `CurveModel`. peaks: of the sound, 0 to 1, over all of it. reach(): seconds that a pull reaches.
 * changed(change): after an edit; moved(at_s): of the line; chosen(stretch or null).
 */
export function lanes({ model, peaks, reach, changed, moved, chosen }) {
  const view = { from: 0, to: model.seconds, at: 0, stretch: null, lane: model.names[0], draft: null };
  const label = (name) => model.labels[name] ?? name.replaceAll("_", " ");
  const wave = h("canvas", {
    class: "lane-wave",
    height: WAVE_PX,
    tabindex: 0,
    role: "slider",
    "aria-label": "Place in the sound; hold Shift to choose a stretch",
  });
  const rows = model.names.map((name) => row(name));
  const element = h(
    "div",
    { class: "lanes" },
    h(
      "div",
      { class: "lane" },
      h(
        "div",
        { class: "lane-head" },
        h("span", { class: "lane-name" }, "Sound"),
        h("span", { class: "hint lane-value" }),
      ),
      wave,
    ),
    rows.map((one) => one.element),
  );

  function row(name) {
    const canvas = h("canvas", {
      class: "lane-curve",
      height: LANE_PX,
      tabindex: 0,
      role: "slider",
      "aria-label": label(name),
      "aria-orientation": "vertical",
    });
    const value = h("span", { class: "hint lane-value" });
    canvas.addEventListener("pointerdown", (event) => pull(event, name, canvas));
    canvas.addEventListener("keydown", (event) => keyed(event, name));
    canvas.addEventListener("focus", () => {
      view.lane = name;
      draw();
    });
    return {
      name,
      canvas,
      value,
      element: h(
        "div",
        { class: "lane" },
        h("div", { class: "lane-head" }, h("span", { class: "lane-name" }, label(name)), value),
        canvas,
      ),
    };
  }
  const unit = (name) => (model.units[name] ? ` ${model.units[name]}` : "");
  const x = (time, canvas) => ((time - view.from) / (view.to - view.from)) * canvas.clientWidth;
  const time = (event, canvas) => {
    const box = canvas.getBoundingClientRect();
    return clamp(view.from + ((event.clientX - box.left) / box.width) * (view.to - view.from), 0, model.seconds);
  };
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const inside = (at) => view.stretch && at >= view.stretch[0] && at <= view.stretch[1];

  function pull(event, name, canvas) {
    event.preventDefault();
    canvas.focus();
    canvas.setPointerCapture(event.pointerId);
    const [low, high] = model.range(name),
      began = event.clientY,
      at = time(event, canvas);
    const [first, weights] = model.touched(at, reach(), inside(at) ? view.stretch : null);
    go(at);
    const drag = (moving) => {
      const lift = ((began - moving.clientY) / LANE_PX) * (high - low);
      view.draft =
        Math.abs(began - moving.clientY) < NEAR_PX
          ? null
          : { name, first, values: model.bent(name, first, weights, (value) => value + lift) };
      draw();
    };
    const drop = () => {
      canvas.removeEventListener("pointermove", drag);
      const draft = view.draft;
      view.draft = null;
      const change = draft && model.put(name, draft.first, draft.values);
      draw();
      if (change) changed(change);
    };
    canvas.addEventListener("pointermove", drag);
    canvas.addEventListener("lostpointercapture", drop, { once: true });
  }

  wave.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    wave.focus();
    wave.setPointerCapture(event.pointerId);
    const began = time(event, wave),
      start = event.clientX;
    choose(null);
    go(began);
    const drag = (moving) => {
      if (Math.abs(moving.clientX - start) < NEAR_PX) return;
      const now = time(moving, wave);
      choose([Math.min(began, now), Math.max(began, now)]);
    };
    wave.addEventListener("pointermove", drag);
    wave.addEventListener("lostpointercapture", () => wave.removeEventListener("pointermove", drag), { once: true });
  });
  wave.addEventListener("keydown", (event) => walked(event));

  function walked(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -model.fps, PageDown: model.fps }[event.key];
    if (event.key === "Escape") return choose(null);
    if (step === undefined) return null;
    event.preventDefault();
    const before = view.at;
    go(view.at + step / model.fps);
    if (event.shiftKey) {
      const anchor = view.stretch
        ? Math.abs(view.stretch[0] - before) < 1e-6
          ? view.stretch[1]
          : view.stretch[0]
        : before;
      choose([Math.min(anchor, view.at), Math.max(anchor, view.at)]);
    }
    return null;
  }
  function keyed(event, name) {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return walked(event);
    event.preventDefault();
    const [low, high] = model.range(name);
    return apply(name, (value) => value + way * KEY_SHARE * (high - low));
  }
  /** Do something to a lane where the line is, or to the chosen stretch. */
  function apply(name, change) {
    const [first, weights] = model.touched(view.at, reach(), view.stretch);
    const done = model.put(
      name,
      first,
      typeof change === "function" ? model.bent(name, first, weights, change) : model.smoothed(name, first, weights),
    );
    draw();
    if (done) changed(done);
  }
  function go(at) {
    view.at = clamp(Math.round(at * model.fps) / model.fps, 0, Math.max(0, model.seconds - 1 / model.fps));
    if (view.at < view.from || view.at > view.to) scroll(view.at - (view.to - view.from) / 2);
    draw();
    moved(view.at);
  }
  function choose(stretch) {
    view.stretch = stretch;
    draw();
    chosen(stretch);
  }
  function scroll(from) {
    const span = view.to - view.from;
    view.from = clamp(from, 0, Math.max(0, model.seconds - span));
    view.to = view.from + span;
  }
  function zoom(times) {
    const span = clamp((view.to - view.from) / times, 0.4, model.seconds);
    [view.from, view.to] = [0, span];
    scroll(view.at - span / 2);
    draw();
  }

  function colours() {
    const style = getComputedStyle(element);
    return Object.fromEntries(
      ["ink", "soft", "line", "accent", "tint", "focus"].map((name) => [name, resolved(style, `--${name}`)]),
    );
  }
  function resolved(style, name) {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  }
  const probe = h("span", { hidden: true });
  element.append(probe);

  function paper(canvas, height) {
    const ratio = window.devicePixelRatio || 1,
      width = Math.max(1, canvas.clientWidth);
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    return [pen, width];
  }
  let waiting = 0;
  function draw() {
    if (!waiting)
      waiting = requestAnimationFrame(() => {
        waiting = 0;
        if (element.isConnected) drawNow();
      });
  }
  function drawNow() {
    const colour = colours();
    drawWave(colour);
    for (const one of rows) drawRow(one, colour);
  }
  function marks(pen, canvas, height, colour) {
    if (view.stretch) {
      pen.fillStyle = colour.tint;
      pen.fillRect(x(view.stretch[0], canvas), 0, x(view.stretch[1], canvas) - x(view.stretch[0], canvas), height);
    }
  }
  function needle(pen, canvas, height, colour) {
    pen.fillStyle = colour.focus;
    pen.fillRect(x(view.at, canvas) - 0.75, 0, 1.5, height);
  }
  function drawWave(colour) {
    const [pen, width] = paper(wave, WAVE_PX);
    marks(pen, wave, WAVE_PX, colour);
    pen.fillStyle = colour.soft;
    for (let k = 0; k < width; k += 2) {
      const at = view.from + (k / width) * (view.to - view.from);
      const tall =
        (peaks[Math.min(peaks.length - 1, Math.floor((at / model.seconds) * peaks.length))] ?? 0) * (WAVE_PX - 8);
      pen.fillRect(k, (WAVE_PX - tall) / 2, 1.2, Math.max(1, tall));
    }
    needle(pen, wave, WAVE_PX, colour);
    wave.setAttribute("aria-valuemin", "0");
    wave.setAttribute("aria-valuemax", model.seconds.toFixed(2));
    wave.setAttribute("aria-valuenow", view.at.toFixed(2));
    wave.setAttribute(
      "aria-valuetext",
      `${view.at.toFixed(2)} seconds${view.stretch ? `, chosen ${view.stretch[0].toFixed(2)} to ${view.stretch[1].toFixed(2)}` : ""}`,
    );
    element.querySelector(".lane-value").textContent = `${view.at.toFixed(2)} s`;
  }
  function drawRow(one, colour) {
    const [pen, width] = paper(one.canvas, LANE_PX),
      [low, high] = model.range(one.name);
    const y = (value) => 6 + (1 - (value - low) / (high - low)) * (LANE_PX - 12);
    marks(pen, one.canvas, LANE_PX, colour);
    if (low < 0 && high > 0) {
      pen.fillStyle = colour.line;
      pen.fillRect(0, y(0), width, 1);
    }
    const line = (valueAt, style, thick) => {
      pen.strokeStyle = style;
      pen.lineWidth = thick;
      pen.lineJoin = "round";
      pen.beginPath();
      const first = Math.max(0, Math.floor(view.from * model.fps)),
        last = Math.min(model.frames - 1, Math.ceil(view.to * model.fps));
      for (let frame = first; frame <= last; frame += 1)
        pen.lineTo(x(frame / model.fps, one.canvas), y(valueAt(frame)));
      pen.stroke();
    };
    const curve = model.values[one.name],
      draft = view.draft?.name === one.name ? view.draft : null;
    if (draft) line((frame) => curve[frame], colour.line, 1.5);
    const now = (frame) =>
      draft && frame >= draft.first && frame < draft.first + draft.values.length
        ? draft.values[frame - draft.first]
        : curve[frame];
    line(now, one.name === view.lane ? colour.accent : colour.ink, 1.8);
    needle(pen, one.canvas, LANE_PX, colour);
    const value = now(Math.round(view.at * model.fps)) ?? 0,
      told = `${value.toFixed(2)}${unit(one.name)}`;
    one.value.textContent = told;
    for (const [name, content] of [
      ["aria-valuemin", low],
      ["aria-valuemax", high],
      ["aria-valuenow", value],
    ])
      one.canvas.setAttribute(name, content.toFixed(3));
    one.canvas.setAttribute("aria-valuetext", `${told} at ${view.at.toFixed(2)} seconds`);
  }
  const watched = new ResizeObserver(draw);
  watched.observe(element);
  const themed = new MutationObserver(draw);
  themed.observe(document.documentElement, { attributes: true });
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", draw);
  return {
    element,
    draw,
    zoom,
    go,
    apply,
    at: () => view.at,
    stretch: () => view.stretch,
    lane: () => view.lane,
    leave() {
      watched.disconnect();
      themed.disconnect();
      system.removeEventListener("change", draw);
    },
  };
}
