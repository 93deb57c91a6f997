// Curves: what moves the face, over the waveform, to be changed by hand; then a film, or a file for other programs.

import { get, jobFile, patch, post } from "../api.js";
import { lanes } from "../curve_lanes.js";
import { CurveModel } from "../curve_model.js";
import { fill, h } from "../dom.js";
import * as jobs from "../jobs.js";
import { button, field, heading, keep, list, people, player, trouble, whom } from "../parts.js";
import { follows, titleOf } from "../work.js";
import { when } from "../words.js";
import { said } from "../words_box.js";

const ASK_MS = 600; // between two looks whether curves are there
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

export async function open(room, query) {
  const [everybody] = await Promise.all([people(), jobs.refresh()]);
  const told = trouble();
  const body = h("div", { class: "curves" });
  fill(
    room,
    heading("Curves", "What moves the face: lips, jaw, brows, blinks, head. Drag where you want it otherwise."),
    told,
    body,
  );
  const stop = [];
  const enter = async (asked) => {
    told.clear();
    fill(
      body,
      h("p", { role: "status" }, "Listening to the words…"),
      h("progress", { "aria-label": "Making the curves" }),
    );
    try {
      const session = await until(await asked(), () => body.isConnected);
      if (!session) return;
      history.replaceState(null, "", `#/curves?job=${encodeURIComponent(session.curves)}`); // found again when reloaded
      stop.push(editor(body, session, told));
    } catch (error) {
      told.say(error);
      begin();
    }
  };
  const begin = () => {
    const form = chooser(everybody, query, enter);
    stop.push(form.rest);
    fill(body, form.element);
    form.ready();
  };
  const of = jobs.known().find((job) => job.job === query.get("job"));
  if (of) await enter(opened(of));
  else begin();
  return () => stop.forEach((one) => one?.());
}

/** How to get at the curves of a job: those that it made, those that it is of, or those of what it said. */
function opened(job) {
  const key = job.kind === "curves" ? job.job : job.asked.curves;
  return () => (key ? get(`/v1/curves/${encodeURIComponent(key)}`) : post("/v1/curves", orderOf(job)));
}

/** What made a film, asked for again as curves. */
function orderOf(job) {
  const { target, upload, text, voice, motion, emotion, emotions, head, seed } = job.asked;
  const order = { target, upload, text, voice, motion, emotion, emotions, head, seed };
  return Object.fromEntries(Object.entries(order).filter(([, value]) => value !== null && value !== undefined));
}

async function until(session, wanted) {
  let now = session;
  while (now.state === "running" || now.state === "queued") {
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    if (!wanted()) return null;
    now = await get(`/v1/curves/${encodeURIComponent(session.curves)}`);
  }
  if (now.state === "cancelled") throw new Error("the curves were stopped; make them again");
  if (now.state === "failed")
    throw new Error(
      [now.error?.received, now.error?.expected && `expected ${now.error.expected}`, now.error?.remedy]
        .filter(Boolean)
        .join("; "),
    );
  return now;
}

function chooser(everybody, query, enter) {
  const who = whom(everybody, query.get("target"));
  const words = said({ changed: () => ready() });
  const go = button("Show the curves", () => enter(() => post("/v1/curves", { target: who.value, ...words.order() })), {
    kind: "main large",
  });
  const missing = h("p", { class: "hint" });
  const ready = () => {
    const lacks = words.lacks();
    go.disabled = Boolean(lacks);
    missing.textContent = lacks ? `Still missing: ${lacks}.` : "";
  };
  const made = jobs.known().filter((job) => job.state === "done" && ["synth", "say", "curves"].includes(job.kind));
  const element = h(
    "div",
    { class: "sides" },
    h(
      "form",
      { class: "order", onsubmit: (event) => event.preventDefault() },
      who,
      words,
      h("div", { class: "row act" }, go, missing),
    ),
    made.length > 0 &&
      h(
        "section",
        { class: "block" },
        h("h2", {}, "Or go on with what was made here"),
        h(
          "ul",
          { class: "shelf" },
          made
            .slice(0, 8)
            .map((job) =>
              h(
                "li",
                {},
                h("button", { type: "button", class: "shelf-name", onclick: () => enter(opened(job)) }, titleOf(job)),
                h("span", { class: "hint" }, when(job.made_at)),
              ),
            ),
        ),
      ),
  );
  return { element, ready, rest: () => words.rest() };
}

function editor(body, session, told) {
  const at = (rest) => `/v1/curves/${encodeURIComponent(session.curves)}${rest}`;
  const model = new CurveModel(session);
  const reach = list(REACHES, "0.2");
  const picture = h("img", { class: "curve-picture", alt: "The face at the line" });
  const stage = h("div", { class: "curve-stage" }, picture);
  const chosen = h("p", { class: "hint", role: "status" }, "Drag in the sound to choose a stretch.");
  let wanted = null,
    busy = false,
    sending = Promise.resolve();

  const view = lanes({
    model,
    peaks: session.peaks ?? [],
    reach: () => Number(reach.value),
    changed: (change) => {
      send(change);
      told.clear();
    },
    moved: (at_s) => look(at_s),
    chosen: (stretch) => {
      chosen.textContent = stretch
        ? `Chosen: ${stretch[0].toFixed(2)} to ${stretch[1].toFixed(2)} s. Drag a curve inside to move all of it; Escape lets go.`
        : "Drag in the sound to choose a stretch.";
    },
  });
  /** Changes go one after the other; the picture follows the last. */
  function send(change) {
    undo.disabled = model.past.length === 0;
    redo.disabled = model.future.length === 0;
    sending = sending
      .then(() => patch(at(""), { changes: [{ ...change, values: Array.from(change.values) }] }))
      .then(() => look(view.at(), true))
      .catch((error) => told.say(error));
  }
  /** The picture at a moment; while one is on its way, only the newest wish is kept. */
  function look(at_s, anew = false) {
    const frame = Math.round(at_s * model.fps);
    if (!anew && frame === picture.frame) return;
    if (busy) {
      wanted = at_s;
      return;
    }
    busy = true;
    picture.frame = frame;
    picture.src = at(`/frame.jpg?at=${frame}&edit=${model.past.length}.${model.future.length}`);
  }
  for (const kind of ["load", "error"])
    picture.addEventListener(kind, () => {
      busy = false;
      if (wanted !== null) {
        const next = wanted;
        wanted = null;
        look(next, true);
      }
    });
  function play() {
    const [from, to] = view.stretch() ?? [0, model.seconds];
    const film = h("video", {
      class: "film",
      controls: true,
      autoplay: true,
      playsinline: true,
      "aria-label": "The stretch, painted",
      src: at(`/preview?from=${from.toFixed(3)}&to=${to.toFixed(3)}&edit=${model.past.length}.${model.future.length}`),
    });
    film.addEventListener("timeupdate", () => !film.ended && view.go(from + film.currentTime));
    film.addEventListener("ended", () => fill(stage, picture));
    film.addEventListener("error", () => {
      fill(stage, picture);
      told.say("the stretch could not be painted; try a shorter one");
    });
    sending.then(() => fill(stage, film));
  }
  const step = (way) => {
    const change = model[way]();
    if (change) {
      view.draw();
      send(change);
    }
  };
  const undo = button("Undo", () => step("undo"), { sign: "undo", disabled: true });
  const redo = button("Redo", () => step("redo"), { sign: "redo", disabled: true });
  const keys = (event) => {
    if (
      !(event.ctrlKey || event.metaKey) ||
      event.key.toLowerCase() !== "z" ||
      /^(INPUT|TEXTAREA)$/.test(event.target.tagName)
    )
      return;
    event.preventDefault();
    step(event.shiftKey ? "redo" : "undo");
  };
  document.addEventListener("keydown", keys);
  const middle = (name) => model.values[name].reduce((sum, value) => sum + value, 0) / Math.max(1, model.frames);
  const tools = h(
    "div",
    { class: "row", role: "group", "aria-label": "What to do with the chosen curve" },
    button("More", () => grown(1.25)),
    button("Less", () => grown(0.8)),
    button("Smoother", () => view.apply(view.lane(), "smooth")),
    h("span", { class: "inline" }, h("label", { class: "inline" }, "A pull reaches", reach)),
  );
  function grown(times) {
    const rest = middle(view.lane());
    view.apply(view.lane(), (value) => rest + times * (value - rest));
  }
  const made = h("div", { class: "curve-made" });
  fill(
    body,
    h(
      "div",
      { class: "curve-desk" },
      h(
        "div",
        { class: "block" },
        h(
          "div",
          { class: "row" },
          undo,
          redo,
          button("Zoom in", () => view.zoom(2), { sign: "plus" }),
          button("Show all", () => view.zoom(1e-9)),
          button("Play", play, { sign: "play", kind: "main" }),
        ),
        view.element,
        chosen,
        tools,
      ),
      h(
        "div",
        { class: "block result" },
        stage,
        keepers(at, made, told, () => sending),
        made,
      ),
    ),
  );
  view.draw();
  look(0);
  return () => {
    document.removeEventListener("keydown", keys);
    view.leave();
  };
}

/** A film of the curves, or a file for other programs. */
function keepers(at, made, told, sent) {
  const format = list(FORMATS, "livelink");
  const ask = async (path, order, done) => {
    told.clear();
    try {
      await sent();
      fill(made, follows(jobs.take(await post(at(path), order)).job, { done }));
    } catch (error) {
      told.say(error);
    }
  };
  const film = (job) => {
    const file = job.files.find((one) => one.type?.startsWith("video/"));
    return [
      player(job, file),
      h("div", { class: "row" }, keep(jobFile(job.job, file.name), file.name, "Download", file.bytes)),
    ];
  };
  const file = (job) =>
    h(
      "div",
      { class: "row" },
      job.files.map((one) => keep(jobFile(job.job, one.name), one.name, one.name, one.bytes)),
    );
  return h(
    "div",
    { class: "order" },
    h(
      "div",
      { class: "row" },
      button("Make the film", () => ask("/film", {}, film), { kind: "main" }),
    ),
    field("For other programs", format),
    h(
      "div",
      { class: "row" },
      button("Write the file", () => ask("/export", { format: format.value }, file)),
    ),
  );
}
