// Curves: what moves the face, over the waveform, to be changed by hand; then a film, or a file for other programs.

import { get, post, sentence } from "../api.js";
import { CurveEditor } from "../curve_editor.js";
import { fill, h } from "../dom.js";
import * as jobs from "../jobs.js";
import { asking, heading, people, shelf, trouble, whom } from "../parts.js";
import { titleOf } from "../work.js";
import { when } from "../words.js";
import { said } from "../words_box.js";

const ASK_MS = 600; // between two looks whether curves are there

export async function open(room, query) {
  const [everybody] = await Promise.all([people(), jobs.refresh()]);
  const told = trouble();
  const body = h("div", { class: "curves" });
  fill(
    room,
    heading("Curves", "What moves lips, jaw, brows, lids and head. Drag a curve to change it."),
    told,
    body,
  );
  const stop = [];
  const enter = async (asked) => {
    told.clear();
    const waiting = h(
      "div",
      {},
      h("p", { role: "status" }, "Listening to the words…"),
      h("progress", { "aria-label": "Making the curves" }),
    );
    fill(body, waiting);
    try {
      const made = await asked();
      body.dataset.job = made.curves; // it is told here
      const session = await until(made, () => body.isConnected);
      if (!session) return;
      history.replaceState(null, "", `#/curves?job=${encodeURIComponent(session.curves)}`); // found again when reloaded
      const editor = new CurveEditor(session, told);
      fill(body, editor.element);
      editor.begin();
      stop.push(() => editor.leave());
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
  if (now.state === "failed") throw new Error(sentence(now.error ?? {}));
  return now;
}

function chooser(everybody, query, enter) {
  const who = whom(everybody, query.get("target"));
  const words = said({ changed: () => ready() });
  const { ready, act } = asking("Show the curves", {
    lacks: () => [words.lacks()],
    send: () => enter(() => post("/v1/curves", { target: who.value, ...words.order() })), // which tells what goes wrong
    sent: () => {},
  });
  const made = jobs.known().filter((job) => job.state === "done" && ["synth", "say", "curves"].includes(job.kind));
  const element = h(
    "div",
    { class: "sides" },
    h(
      "form",
      { class: "order", onsubmit: (event) => event.preventDefault() },
      who,
      words,
      act,
    ),
    made.length > 0 &&
      h(
        "section",
        { class: "block" },
        h("h2", {}, "Or go on with what was made here"),
        shelf(
          made.slice(0, 8).map((job) => ({
            name: titleOf(job),
            hint: when(job.made_at),
            open: () => enter(opened(job)),
          })),
        ),
      ),
  );
  return { element, ready, rest: () => words.rest() };
}
