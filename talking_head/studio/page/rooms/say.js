// Say: words or a sound in, a film of a person saying it out.

import { get, jobFile, person, sentence } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { emotions, FEELING } from "../emotions.js";
import * as jobs from "../jobs.js";
import {
  asked,
  asking,
  button,
  choice,
  field,
  filmOf,
  heading,
  keep,
  list,
  people,
  player,
  problem,
  shelf,
  shownAbove,
  tell,
  whom,
} from "../parts.js";
import { films, follows, titleOf } from "../work.js";
import { capital, size, when } from "../words.js";
import { said } from "../words_box.js";

const HEADS = [
  ["still", "Still"],
  ["calm", "Calm"],
  ["natural", "Natural"],
  ["lively", "Lively"],
];
const MODELS = [
  ["facial_gan", "FACIAL-GAN: lips, head and blinks"],
  ["emote", "EMOTE: feels what you ask for"],
  ["karras2017", "Karras 2017: feels what you ask for"],
  ["arkit", "ARKit: 52 curves"],
];
const ASPECTS = [
  ["", "As the person"],
  ["9:16", "Tall 9:16"],
  ["1:1", "Square"],
  ["16:9", "Wide 16:9"],
];
const HEIGHTS = [
  ["", "As painted"],
  ["480", "480 pixels"],
  ["720", "720 pixels"],
  ["1080", "1080 pixels"],
  ["1920", "1920 pixels"],
];
const BACKGROUNDS = [
  ["", "As it is"],
  ["white", "White"],
  ["grey", "Grey"],
  ["black", "Black"],
  ["green", "Green, to key out"],
  ["transparent", "See-through (webm)"],
];
const LARGEST_SEED = 9999;

export async function open(room, query) {
  const [everybody] = await Promise.all([people(), jobs.refresh()]);
  const side = h("div", { class: "result" });
  const made = h("section", { class: "made" });
  const stop = [];
  const show = (id) => {
    stop.splice(0).forEach((one) => one());
    let picture = null;
    const beside = (job) =>
      (picture ??= job.asked.target && h("img", { src: person(job.asked.target, "/preview.jpg"), alt: "" }));
    const card = follows(id, { beside, done: (job) => result(job, show), again: () => waiting(side, order.target()) });
    stop.push(card.leave);
    fill(side, card.hasChildNodes() ? card : h("p", { class: "hint" }, "That film is not here any more."));
    if (side.getBoundingClientRect().top > window.innerHeight / 2) side.scrollIntoView({ behavior: "smooth" });
  };
  const order = form(everybody, query.get("target"), {
    started: (job) => show(job.job),
    chosen: (id) => {
      if (!side.querySelector(".work")?.hasChildNodes()) waiting(side, id);
    },
  });
  fill(
    room,
    heading("Say", "Type words or give a sound, and get a film of somebody saying it."),
    h("div", { class: "sides" }, order.element, side),
    made,
  );
  if (query.get("job")) show(query.get("job"));
  else waiting(side, order.target());
  order.ready();
  const drawMade = () => fill(made, shelved(show));
  drawMade();
  const stopMade = jobs.watch((job) => {
    if (!jobs.UNDER_WAY.has(job.state)) drawMade();
  });
  return () => {
    stopMade();
    stop.forEach((one) => one());
    order.rest();
  };
}

function waiting(side, id) {
  fill(
    side,
    h(
      "div",
      { class: "stage" },
      id && h("img", { src: person(id, "/preview.jpg"), alt: `Picture of ${id}` }),
      h("p", { class: "stage-note" }, "The film appears here."),
    ),
  );
}

function form(everybody, wanted, { started, chosen }) {
  const who = whom(everybody, wanted, (id) => {
    feelings(id);
    background.parentElement.hidden = !layered(id);
    chosen(id);
  });
  const words = said({ changed: () => ready() });
  const feeling = emotions({
    changed: () => {
      if (feeling.wanted() && !FEELING.includes(model.value)) model.value = FEELING[0];
      feelings(who.value);
    },
  });
  const head = choice("Head", HEADS, "natural");
  const model = list(MODELS, "facial_gan", () => {
    if (!FEELING.includes(model.value)) feeling.off();
    else feelings(who.value);
  });
  const aspect = list(ASPECTS, "");
  const height = list(HEIGHTS, "");
  const seed = h("input", { type: "number", min: 0, step: 1, value: 0, class: "short" });
  const dice = button(
    "",
    () => {
      seed.value = Math.floor(Math.random() * LARGEST_SEED);
    },
    { sign: "dice", "aria-label": "Another seed by chance", title: "Another seed by chance" },
  );
  const background = list(BACKGROUNDS, "");
  const label = h("input", { type: "checkbox", checked: true });
  const finer = h(
    "details",
    { class: "finer" },
    h("summary", {}, "Size, motion model, seed"),
    h("div", { class: "pair" }, field("Shape", aspect), field("Height", height)),
    h(
      "div",
      { class: "pair" },
      field("Motion model", model, "Who moves the face. Emotions need one that feels."),
      field("Behind the person", background),
    ),
    h(
      "div",
      { class: "pair" },
      h("div", { class: "with-dice" }, field("Seed", seed, "The same seed gives the same film."), dice),
      h("label", { class: "tick" }, label, h("span", {}, "A small line on the picture says that it is generated.")),
    ),
  );
  const { told, ready, act } = asking("Make the film", {
    lacks: () => [words.lacks()],
    send: () => jobs.start(wantedFilm()),
    sent: started,
  });

  const layered = (id) => everybody.find((one) => one.id === id)?.kind === "photo";
  const known = new Map();
  async function feelings(id) {
    if (!known.has(id))
      known.set(
        id,
        await get(person(id))
          .then((one) => one.emotions ?? {})
          .catch(() => ({})),
      );
    if (id === who.value) feeling.names(known.get(id)[FEELING.includes(model.value) ? model.value : FEELING[0]]);
  }
  function wantedFilm() {
    const asked = {
      target: who.value,
      ...words.order(),
      head: head.value,
      seed: Number(seed.value),
      ...feeling.order(),
      motion: model.value,
      label: label.checked,
    };
    if (aspect.value) asked.aspect = aspect.value;
    if (height.value) asked.height = Number(height.value);
    if (background.value && layered(who.value)) asked.background = background.value;
    return { kind: words.typed() ? "say" : "synth", ...asked };
  }
  const element = h(
    "form",
    { class: "order", onsubmit: (event) => event.preventDefault() },
    who,
    words,
    feeling,
    head,
    finer,
    told,
    act,
  );
  background.parentElement.hidden = !layered(who.value);
  feelings(who.value);
  return { element, ready, target: () => who.value, rest: () => words.rest() };
}

function result(job, show) {
  const film = filmOf(job);
  if (!film) return problem("the film is gone");
  const again = button(
    "Another version",
    async () => {
      try {
        show(
          (await jobs.start({ ...job.asked, kind: job.kind, seed: ((job.asked?.seed ?? 0) + 1) % LARGEST_SEED })).job,
        );
      } catch (error) {
        tell(error.message);
      }
    },
    { sign: "dice", title: "The same words with the next seed" },
  );
  return [
    player(job, film),
    h("p", { class: "film-title" }, titleOf(job)),
    job.result?.note && h("p", { class: "note" }, `${capital(job.result.note)}.`),
    h(
      "div",
      { class: "row" },
      keep(
        jobFile(job.job, film.name),
        `${job.asked?.target ?? "film"}.${film.name.split(".").pop()}`,
        "Download",
        film.bytes,
      ),
      job.kind !== "curves_film" && again,
      h("a", { class: "button", href: `#/curves?job=${encodeURIComponent(job.job)}` }, "Edit curves"),
      h("a", { class: "button", href: `#/measure?job=${encodeURIComponent(job.job)}` }, "Measure"),
    ),
    verified(job),
  ];
}

/** What the film says of itself. */
export function verified(job) {
  const inside = h("div", { class: "verify-inside" }, h("p", { class: "hint" }, "Reading…"));
  const box = h("details", { class: "verify" }, h("summary", {}, "What the film says of itself"), inside);
  box.addEventListener("toggle", async () => {
    if (!box.open) return;
    try {
      const found = await get(`/v1/verify/${encodeURIComponent(job.job)}`);
      if (!found.ok)
        return fill(inside, problem(sentence(found.error ?? {})));
      fill(
        inside,
        h("p", { class: "good" }, icon("check"), "Unchanged since it was made."),
        h(
          "dl",
          { class: "facts wide" },
          Object.entries(found.rows ?? {})
            .filter(([, value]) => value)
            .map(([name, value]) => h("div", {}, h("dt", {}, name.trim()), h("dd", {}, value))),
        ),
      );
    } catch (error) {
      fill(inside, problem(error));
    }
  });
  return box;
}

/** Films that were made here, to play, keep or delete. */
function shelved(show) {
  const all = films();
  if (!all.length) return null;
  return [
    h("h2", {}, "Films made here"),
    shelf(
      all.map((job) => {
        const film = filmOf(job);
        return {
          sign: "play",
          name: titleOf(job),
          hint: [when(job.made_at), size(film.bytes)].filter(Boolean).join(" · "),
          open: () => shownAbove(show, job),
          actions: [
            keep(jobFile(job.job, film.name), film.name, "Keep"),
            button("", () => deleted(job), { kind: "quiet", sign: "bin", "aria-label": `Delete: ${titleOf(job)}` }),
          ],
        };
      }),
    ),
  ];
}

async function deleted(job) {
  if (
    !(await asked(
      "Delete this film?",
      `“${titleOf(job)}” is deleted from this machine. Keep it first if you still want it.`,
      "Delete",
    ))
  )
    return;
  await jobs.drop(job.job).catch((error) => tell(error.message));
}
