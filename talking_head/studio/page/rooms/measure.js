// Measure: how good a film is that was made here, in numbers and pictures.

import { get, jobFile } from "../api.js";
import { fill, h } from "../dom.js";
import * as jobs from "../jobs.js";
import { button, dropped, filmOf, heading, keep, shelf, shownAbove, trouble } from "../parts.js";
import { films, follows, titleOf } from "../work.js";
import { size, spoken, when } from "../words.js";

/** What is best, by the report's own words. */
const GOOD = {
  higher: "higher is better",
  lower: "lower is better",
  zero: "0 is best",
  one: "1 is best",
  truth: "best as in a real video",
};

export async function open(room, query) {
  await jobs.refresh();
  const side = h("div", { class: "report" });
  const made = h("div", {});
  const stop = [];
  const asked = jobs.known().find((job) => job.job === query.get("job"));
  let chosen = asked && asked.kind !== "evaluate" ? asked.job : null;
  const show = (id) => {
    stop.splice(0).forEach((one) => one());
    const card = follows(id, { done: reportOf, again: (job) => measure(job.asked) });
    stop.push(card.leave);
    fill(side, card);
  };
  const told = trouble();
  async function measure(order) {
    told.clear();
    try {
      show(
        (
          await jobs.start({
            kind: "evaluate",
            job: order.job,
            ...(order.reference ? { reference: order.reference } : {}),
          })
        ).job,
      );
    } catch (error) {
      told.say(error);
    }
  }
  const reference = dropped({
    title: "The real video of the same words, if there is one",
    hint: "Then lips and head are compared with the real ones.",
    accept: "video/*,.mkv",
    kinds: ["video"],
  });
  const go = button("Measure this film", () => measure({ job: chosen, reference: reference.found?.upload }), {
    kind: "main",
  });
  const draw = () => {
    const all = films();
    if (!all.some((job) => job.job === chosen)) chosen = all[0]?.job ?? null;
    go.disabled = !chosen;
    fill(
      made,
      all.length
        ? h(
            "fieldset",
            { class: "films" },
            h("legend", {}, "Film"),
            all.map((job) =>
              h(
                "label",
                { class: "film-choice" },
                h("input", {
                  type: "radio",
                  name: "film",
                  value: job.job,
                  checked: job.job === chosen,
                  onchange: () => {
                    chosen = job.job;
                  },
                }),
                h(
                  "span",
                  {},
                  h("b", {}, titleOf(job)),
                  h(
                    "span",
                    { class: "hint" },
                    [when(job.made_at), size(filmOf(job)?.bytes)].filter(Boolean).join(" · "),
                  ),
                ),
              ),
            ),
          )
        : h(
            "section",
            { class: "welcome" },
            h("h2", {}, "Nothing to measure yet"),
            h("p", {}, "Make a film first; then its lips, blinks, head and picture are measured here."),
            h("div", { class: "row" }, h("a", { class: "button main", href: "#/say" }, "Make a film")),
          ),
    );
    fill(before, earlier(show));
  };
  const before = h("section", { class: "made" });
  const ask = h("div", { class: "order" }, reference, told, h("div", { class: "row" }, go));
  fill(
    room,
    heading(
      "Measure",
      "How good a film is: lips against the sound, blinks, head, sharpness. Each number was tried on films with known faults.",
    ),
    made,
    ask,
    side,
    before,
  );
  draw();
  ask.hidden = films().length === 0;
  if (asked?.kind === "evaluate") show(asked.job);
  const stopMade = jobs.watch((job) => {
    if (!jobs.UNDER_WAY.has(job.state)) {
      draw();
      ask.hidden = films().length === 0;
    }
  });
  return () => {
    stopMade();
    stop.forEach((one) => one());
  };
}

/** The page that the evaluation wrote, with its main numbers above it. */
function reportOf(job) {
  const page = job.files?.find((one) => one.name === "report.html");
  const numbers = job.files?.find((one) => one.name === "report.json");
  const facts = h("dl", { class: "numbers" });
  if (numbers)
    get(jobFile(job.job, numbers.name))
      .then((found) =>
        fill(
          facts,
          (found.numbers ?? [])
            .slice(0, 8)
            .map((one) =>
              h(
                "div",
                {},
                h("dt", {}, spoken(one.name)),
                h("dd", {}, shown(one)),
                one.good && h("p", { class: "hint" }, GOOD[one.good] ?? one.good),
              ),
            ),
        ),
      )
      .catch(() => {});
  const frame =
    page && h("iframe", { title: "The report", src: jobFile(job.job, page.name), class: "report-page", sandbox: "" });
  return [
    facts,
    frame,
    h(
      "div",
      { class: "row" },
      page && keep(jobFile(job.job, page.name), "report.html", "Keep the report"),
      numbers && keep(jobFile(job.job, numbers.name), "report.json", "Keep the numbers"),
    ),
  ];
}

function shown(one) {
  const value =
    typeof one.value === "number" ? String(Math.round(1000 * one.value) / 1000) : (one.value ?? "not measured");
  return one.unit ? `${value} ${one.unit}` : value;
}

function earlier(show) {
  const all = jobs.known().filter((job) => job.kind === "evaluate" && job.state === "done");
  if (!all.length) return null;
  return [
    h("h2", {}, "Reports"),
    shelf(
      all.map((job) => {
        const film = jobs.known().find((one) => one.job === job.asked?.job);
        return {
          sign: "check",
          name: film ? titleOf(film) : "A film that was deleted since",
          hint: when(job.made_at),
          open: () => shownAbove(show, job),
          actions: [
            button("", () => jobs.drop(job.job), { kind: "quiet", sign: "bin", "aria-label": "Delete this report" }),
          ],
        };
      }),
    ),
  ];
}
