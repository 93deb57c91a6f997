// Work that takes its time: a card for one job, and the tray of all that is under way.

import { sentence } from "./api.js";
import { fill, h } from "./dom.js";
import * as jobs from "./jobs.js";
import { button, filmOf, problem, tell } from "./parts.js";
import { capital, left, many } from "./words.js";

const VERBS = {
  enroll: (order) => `Learning ${order.id ?? "a person"}`,
  synth: (order) => `${capital(order.target ?? "a person")} speaks`,
  say: (order) => `${capital(order.target ?? "a person")} says “${short(order.text ?? "")}”`,
  dub: () => "Dubbing a film",
  export: () => "Writing curves",
  evaluate: () => "Measuring a film",
  curves: (order) => `Curves of ${order.target ?? "a person"}${order.text ? `: “${short(order.text)}”` : ""}`,
  curves_film: () => "A film of edited curves",
  curves_export: () => "Writing curves",
};
const STATES = {
  queued: "Starting",
  running: "Getting ready",
  done: "Ready",
  failed: "Did not work",
  cancelled: "Stopped",
};
const HOMES = {
  enroll: "new",
  synth: "say",
  say: "say",
  dub: "dub",
  export: "curves",
  evaluate: "measure",
  curves: "curves",
  curves_film: "say",
  curves_export: "curves",
};

const short = (text) => {
  const words = text
    .replace(/\[[^\]]*\]/g, " ")
    .replace(/\s+/g, " ")
    .trim(); // without its directions
  return words.length > 40 ? `${words.slice(0, 38).trimEnd()}…` : words;
};

/** What a job is, in a few words. */
export function titleOf(job) {
  return (VERBS[job.kind] ?? (() => capital(job.kind)))(job.asked ?? {});
}

/** Where a job's film or report is seen. */
export const homeOf = (job) => `#/${HOMES[job.kind] ?? "people"}?job=${encodeURIComponent(job.job)}`;

/** A progress bar that is heard as well as seen; share: 0 to 1, null where nobody knows. */
function bar(job) {
  const share = job.progress?.share;
  const known = share > 0; // before that, nobody knows
  const element = h("progress", { max: 1, "aria-label": titleOf(job) });
  if (known) element.value = share;
  return element;
}

function stageOf(job) {
  if (job.state === "queued")
    return job.progress?.ahead ? `Waiting for its turn, after ${many(job.progress.ahead, "other")}` : STATES.queued;
  const stage = (job.progress?.stage ?? "")
    .replace(/\bupload(\.\w+)?\b/, "the file") // its name on the server
    .replace(/^Tracking /, "Following the face in ");
  return capital(stage) || STATES[job.state] || job.state;
}

function shareOf(job) {
  const share = job.progress?.share;
  return job.state === "running" && share > 0 ? `${Math.floor(100 * share)}%` : "";
}

/**
 * A card that follows one job from its place in the queue to its end.
 * done(job): what to show when it is ready. beside(job): a picture that gets better meanwhile.
 */
export function follows(id, { done, beside = () => null, again = null } = {}) {
  const card = h("section", { class: "work", "aria-label": "Progress", "data-job": id });
  let state = null,
    parts = null;
  const drawn = (job) => {
    if (job.state === "removed") return fill(card);
    if (jobs.UNDER_WAY.has(job.state)) {
      if (state !== job.state || !parts) parts = underWay(job, card);
      parts.now(job);
      const picture = beside(job);
      if (picture && picture.src !== parts.picture.firstChild?.src) fill(parts.picture, picture);
    } else if (state !== job.state) {
      parts = null;
      fill(card, ended(job, done, again));
    }
    state = job.state;
    return card;
  };
  card.leave = jobs.follow(id, drawn);
  return card;
}

function underWay(job, card) {
  const stage = h("p", { class: "work-stage", role: "status" });
  const share = h("span", { class: "work-share" });
  const rest = h("span", { class: "hint" });
  const holder = h("div", { class: "work-bar" });
  const picture = h("div", { class: "work-picture" });
  fill(
    card,
    h(
      "div",
      { class: "work-text" },
      h("h2", {}, titleOf(job)),
      stage,
      holder,
      h("p", { class: "work-line" }, share, rest),
      h("p", { class: "hint" }, "You can leave this page or close it: the work goes on."),
      h(
        "div",
        { class: "row" },
        button("Stop", () => jobs.drop(job.job).catch((error) => tell(error.message)), {
          kind: "quiet",
          sign: "cross",
        }),
      ),
    ),
    picture,
  );
  return {
    picture,
    now(one) {
      if (stage.textContent !== stageOf(one)) stage.textContent = stageOf(one);
      fill(holder, bar(one));
      share.textContent = shareOf(one);
      rest.textContent = left(one.progress?.left_s);
    },
  };
}

function ended(job, done, again) {
  if (job.state === "done") return done ? done(job) : h("p", {}, STATES.done);
  const retry = again && button("Try again", () => again(job));
  if (job.state === "cancelled") return [h("p", {}, "Stopped. Nothing was left behind."), retry];
  const told = sentence(job.error ?? {}) || "it failed, and nobody knows why; try again";
  return [h("h2", {}, "That did not work"), problem(told), retry];
}

/** Fill the tray with what is under way, and say when something is ready. */
export function trayed(tray) {
  const all = jobs.known();
  const busy = all.filter((job) => jobs.UNDER_WAY.has(job.state));
  for (const job of all) {
    const before = trayed.states.get(job.job);
    const seen = document.querySelector(`[data-job="${CSS.escape(job.job)}"]`); // its own card tells it
    if (jobs.UNDER_WAY.has(before) && job.state === "done" && !seen) tell(`${titleOf(job)}: ready.`);
    if (jobs.UNDER_WAY.has(before) && job.state === "failed" && !seen) tell(`${titleOf(job)}: that did not work.`);
    trayed.states.set(job.job, job.state);
  }
  fill(
    tray,
    busy.length > 0 && h("h2", {}, "At work"),
    busy
      .slice(0, 4)
      .map((job) =>
        h(
          "a",
          { class: "tray-job", href: homeOf(job) },
          h("span", { class: "tray-name" }, titleOf(job)),
          bar(job),
          h(
            "span",
            { class: "hint" },
            [shareOf(job) || stageOf(job), left(job.progress?.left_s)].filter(Boolean).join(", "),
          ),
        ),
      ),
  );
}
trayed.states = new Map();

/** Films that were made here, newest first. */
export function films() {
  return jobs
    .known()
    .filter((job) => job.state === "done" && ["synth", "say", "dub", "curves_film"].includes(job.kind) && filmOf(job));
}
