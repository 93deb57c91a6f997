// New person: a file or a recording, a name, a consent; then the progress, and what came out.

import { jobFile } from "../api.js";
import { fill, h } from "../dom.js";
import * as jobs from "../jobs.js";
import { asking, button, choice, dropped, field, heading, list, stillOf, tabs } from "../parts.js";
import { everything } from "../quality.js";
import { recorder } from "../recorder.js";
import { follows } from "../work.js";
import { plain } from "../words.js";

const BUDGETS = [
  ["2m", "2 minutes"],
  ["5m", "5 minutes"],
  ["20m", "20 minutes"],
  ["1h", "1 hour"],
];
const BUDGET_HINT =
  "How long this machine may learn. Two minutes show how it goes; twenty look much better. A photo needs none of it.";
const today = () => new Date().toISOString().slice(0, 10);

/** The sentence that is typed or read aloud. */
export const sentenceOf = (name) =>
  `I agree that my face and my way of speaking are learned on this machine, to make films in which I speak. ${[name, today()].filter(Boolean).join(", ")}`;

export async function open(room, query) {
  const leaving = [];
  const shown = h("div", {});
  fill(
    room,
    heading(
      "New person",
      "A short video of one person speaking to the camera, or one photo. Nothing leaves this machine.",
    ),
    shown,
  );
  const running = query.get("job");
  if (running) {
    await jobs.refresh();
    leaving.push(learning(shown, running));
  } else
    leaving.push(
      form(shown, (job) => {
        location.hash = `#/new?job=${encodeURIComponent(job.job)}`;
      }),
    );
  return () => leaving.forEach((stop) => stop?.());
}

function form(shown, started) {
  const state = { found: null, readAloud: false };
  const drop = dropped({
    title: "Drop a video or a photo here, or press to choose",
    accept: "video/*,image/*,.heic,.heif,.mkv",
    kinds: ["video", "photo"],
    hint: "Video: one person facing the camera, even light, five seconds at least, one to five minutes are better. Photo: one person, facing the camera.",
    taken: (found) => took(found),
    gone: () => took(null),
  });
  const studio = recorder({
    taken: (found) => took(found),
    gone: () => took(null),
    sentence: () => sentenceOf(nameBox.value.trim()),
    agreed: () => readAloud(true),
  });
  const source = tabs(
    "Where the person comes from",
    [
      ["file", "A file", drop],
      ["record", "Record now", studio],
    ],
    {
      changed: (name) => {
        if (name === "file") studio.rest();
        took(name === "file" ? drop.found : studio.found);
      },
    },
  );

  const nameBox = h("input", {
    type: "text",
    autocomplete: "off",
    maxlength: 64,
    placeholder: "Ana",
    oninput: () => renamed(),
  });
  const idNote = h("p", { class: "hint", role: "status" });
  const consentBox = h("textarea", {
    rows: 3,
    placeholder: "I agree that my face and my way of speaking are learned on this machine…",
    oninput: () => ready(),
  });
  const fillIn = button(
    "Write the usual sentence",
    () => {
      consentBox.value = sentenceOf(nameBox.value.trim());
      ready();
    },
    { kind: "chip" },
  );
  const aloud = h("input", { type: "checkbox", onchange: () => readAloud(aloud.checked) });
  const aloudLine = h(
    "label",
    { class: "tick", hidden: true },
    aloud,
    h("span", {}, "I read this sentence aloud in the recording."),
  );
  const budget = choice("Time to learn", BUDGETS, "20m", { hint: BUDGET_HINT });
  const profile = list(
    [
      ["footage", "On the video's own frames (best)"],
      ["fast", "A learned texture"],
      ["paper", "The paper's network (graphics card)"],
    ],
    "footage",
  );
  const size = list(
    [
      ["512", "512 pixels"],
      ["256", "256 pixels, faster"],
    ],
    "512",
  );
  const finer = h(
    "details",
    { class: "finer" },
    h("summary", {}, "Finer settings"),
    h("div", { class: "pair" }, field("How the picture is made", profile), field("Face painted at", size)),
  );
  const { told, ready, act } = asking("Learn this person", {
    lacks: () => [
      !state.found && "a video or a photo",
      !plain(nameBox.value) && "a name",
      !consentBox.value.trim() && "the consent",
    ],
    send: () => jobs.start(wantedPerson()),
    sent: started,
  });

  function took(found) {
    state.found = found;
    const photo = found?.kind === "photo";
    budget.hidden = photo;
    finer.hidden = photo;
    aloudLine.hidden = source?.value !== "record";
    ready();
  }
  function readAloud(done) {
    [state.readAloud, aloud.checked] = [done, done];
    if (done && !consentBox.value.trim()) consentBox.value = sentenceOf(nameBox.value.trim());
    ready();
  }
  function renamed() {
    const id = plain(nameBox.value);
    idNote.textContent = id && id !== nameBox.value.trim() ? `Kept under the name “${id}”.` : "";
    ready();
  }
  function wantedPerson() {
    const said =
      consentBox.value.trim() + (state.readAloud && source.value === "record" ? " (read aloud in the recording)" : "");
    const order = { kind: "enroll", upload: state.found.upload, id: plain(nameBox.value), consent: said };
    if (state.found.kind !== "photo")
      Object.assign(order, { budget: budget.value, profile: profile.value, size: Number(size.value) });
    return order;
  }

  fill(
    shown,
    step(1, "The person", source),
    step(2, "Their name", field("Name", nameBox), idNote),
    step(
      3,
      "Their consent",
      h(
        "p",
        {},
        "Learn only who has agreed. What is written here is kept with the person, and every film carries its fingerprint.",
      ),
      field("Consent, in their own words", consentBox),
      h("div", { class: "row" }, fillIn),
      aloudLine,
    ),
    h("section", { class: "step last" }, budget, finer, told, act),
  );
  took(null);
  return () => studio.rest();
}

function step(number, title, ...inside) {
  return h(
    "section",
    { class: "step" },
    h("h2", {}, h("span", { class: "step-number", "aria-hidden": "true" }, number), title),
    inside,
  );
}

function learning(shown, id) {
  const card = follows(id, {
    done: (job) => report(job),
    beside: (job) => newest(job),
    again: () => {
      location.hash = "#/new";
    },
  });
  fill(shown, card);
  if (!card.hasChildNodes())
    fill(
      shown,
      h("p", {}, "This work is not known here any more. "),
      h("a", { class: "button", href: "#/new" }, "Start anew"),
    );
  return card.leave;
}

function newest(job) {
  const picture = job.files?.find((file) => file.name === "so_far.jpg");
  return picture
    ? h("img", { alt: "How the person looks so far", src: `${jobFile(job.job, picture.name)}?v=${picture.bytes}` })
    : h("img", { alt: "What is learned from", src: stillOf(job.asked.upload) });
}

function report(job) {
  const id = job.result?.target ?? job.asked?.id;
  const measured = everything(job.result?.quality).map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value)),
  );
  const facts = measured.length > 0 && h("dl", { class: "facts" }, measured);
  return [
    h(
      "div",
      { class: "done" },
      h("img", {
        class: "done-picture",
        alt: `Picture of ${id}`,
        src: `/v1/people/${encodeURIComponent(id)}/preview.jpg`,
      }),
      h(
        "div",
        {},
        h("h2", {}, `${id} is ready`),
        h("p", {}, "Type a sentence and see it spoken."),
        facts,
        h(
          "div",
          { class: "row" },
          h("a", { class: "button main", href: `#/say?target=${encodeURIComponent(id)}` }, "Say something"),
          h("a", { class: "button", href: "#/people" }, "All people"),
        ),
      ),
    ),
  ];
}
