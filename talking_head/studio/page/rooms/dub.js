// Dub: a film and new words in, the same film with the new words out; both side by side.

import { jobFile } from "../api.js";
import { fill, h } from "../dom.js";
import * as jobs from "../jobs.js";
import { asking, choice, dropped, field, filmOf, heading, keep, list, problem, stillOf } from "../parts.js";
import { follows } from "../work.js";
import { capital } from "../words.js";
import { said } from "../words_box.js";
import { verified } from "./say.js";

const LENGTHS = [
  ["sound", "As the words"],
  ["video", "As the film"],
  ["longest", "The longer of both"],
];
const FACES = [
  ["", "Who speaks, else the largest"],
  ["largest", "The largest"],
  ["left", "On the left"],
  ["right", "On the right"],
];
const BUDGETS = [
  ["2m", "2 minutes"],
  ["5m", "5 minutes"],
  ["20m", "20 minutes"],
];
const APART_S = 0.12; // from which on the two films are brought together again

export async function open(room, query) {
  await jobs.refresh();
  const side = h("div", { class: "result wide" });
  const stop = [];
  const show = (id) => {
    stop.splice(0).forEach((one) => one());
    const card = follows(id, { done: pairOf, again: () => fill(side) });
    stop.push(card.leave);
    fill(side, card.hasChildNodes() ? card : h("p", { class: "hint" }, "That film is not here any more."));
    side.scrollIntoView({ behavior: "smooth", block: "nearest" });
  };
  const order = form((job) => show(job.job));
  fill(
    room,
    heading(
      "Dub",
      "The same film with new words. Only the lower face of one person is painted; all else stays as it was filmed.",
    ),
    side,
    order.element,
  );
  order.ready();
  if (query.get("job")) show(query.get("job"));
  return () => {
    stop.forEach((one) => one());
    order.rest();
  };
}

function form(started) {
  const film = dropped({
    title: "Drop the film here, or press to choose",
    hint: "Any film of the person; cuts and other people may be in it, sound may be missing.",
    accept: "video/*,.mkv",
    kinds: ["video"],
    taken: () => ready(),
    gone: () => ready(),
  });
  const words = said({ changed: () => ready(), directions: false });
  const consent = h("textarea", {
    rows: 2,
    placeholder: "I agree that this film gets new words. Ana, 2026-01-01",
    oninput: () => ready(),
  });
  const length = choice("Length of the new film", LENGTHS, "sound");
  const face = list(FACES, "");
  const budget = list(BUDGETS, "5m");
  const keepBox = dropped({
    title: "Music or background sound to keep",
    hint: "A sound as long as the film; it stays under the new words.",
    accept: "audio/*,.flac",
    kinds: ["sound"],
  });
  const finer = h(
    "details",
    { class: "finer" },
    h("summary", {}, "Whose face, time to learn, music that stays"),
    h("div", { class: "pair" }, field("Whose face", face), field("Time to learn the person", budget)),
    keepBox,
  );
  const { told, ready, act } = asking("Dub the film", {
    lacks: () => [!film.found && "the film", words.lacks(), !consent.value.trim() && "the consent"],
    send: () => jobs.start(wantedFilm()),
    sent: started,
  });

  function wantedFilm() {
    const { upload, ...typed } = words.order();
    const order = {
      kind: "dub",
      upload: film.found.upload,
      ...(upload ? { sound: upload } : typed),
      consent: consent.value.trim(),
      length: length.value,
      budget: budget.value,
    };
    if (face.value) order.face = face.value;
    if (keepBox.found) order.keep_background = keepBox.found.upload;
    return order;
  }
  const element = h(
    "form",
    { class: "order", onsubmit: (event) => event.preventDefault() },
    h(
      "div",
      { class: "sides even" },
      h("section", { class: "block" }, h("h2", {}, "The film"), film),
      h("section", { class: "block" }, h("h2", {}, "The new words"), words),
    ),
    field("Consent of the person in the film, in their own words", consent),
    length,
    finer,
    told,
    act,
  );
  return { element, ready, rest: () => words.rest() };
}

/** The film as it was, and as it is now, played together. */
function pairOf(job) {
  const made = filmOf(job);
  if (!made) return problem("the film is gone");
  const now = h("video", {
    class: "film",
    controls: true,
    playsinline: true,
    preload: "metadata",
    src: jobFile(job.job, made.name),
    "aria-label": "With the new words",
  });
  const before = h("video", {
    class: "film",
    muted: true,
    playsinline: true,
    preload: "metadata",
    src: `/v1/uploads/${encodeURIComponent(job.asked?.upload ?? "")}/file`,
    "aria-label": "As it was",
  });
  const together = () => {
    if (Math.abs(before.currentTime - now.currentTime) > APART_S && now.currentTime <= (before.duration || 0))
      before.currentTime = now.currentTime;
  };
  now.addEventListener("play", () => {
    together();
    before.play().catch(() => {});
  });
  now.addEventListener("pause", () => before.pause());
  for (const moved of ["seeked", "timeupdate"]) now.addEventListener(moved, together);
  const left = h("figure", {}, before, h("figcaption", {}, "As it was"));
  before.addEventListener("error", () =>
    fill(left, h("p", { class: "hint gone" }, "The film that was given is not kept any more.")),
  );
  before.addEventListener("loadedmetadata", () => {
    if (before.videoWidth) return;
    const still = h("img", { class: "film", alt: "As it was", src: stillOf(job.asked.upload) }); // its sound plays on
    still.addEventListener("error", () => still.replaceWith(h("p", { class: "hint gone" }, "No picture of it was kept.")));
    before.hidden = true;
    fill(left, before, still, h("figcaption", {}, "As it was: a still, for this browser cannot play such a film"));
  });
  const hear = button("Hear the old sound", () => {
    before.muted = !before.muted;
    now.muted = !before.muted;
    hear.textContent = before.muted ? "Hear the old sound" : "Hear the new words";
  });
  return [
    h("div", { class: "beside" }, left, h("figure", {}, now, h("figcaption", {}, "With the new words"))),
    job.result?.note && h("p", { class: "note" }, `${capital(job.result.note)}.`),
    h(
      "div",
      { class: "row" },
      keep(jobFile(job.job, made.name), "dubbed.mp4", "Download", made.bytes),
      hear,
      h("a", { class: "button", href: `#/measure?job=${encodeURIComponent(job.job)}` }, "Measure"),
    ),
    verified(job),
  ];
}
