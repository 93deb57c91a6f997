// People: everybody who can be made to speak here.

import { person, post, ready, remove } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { asked, button, dropped, heading, people, problem, tell, trouble } from "../parts.js";
import { qualities } from "../quality.js";
import { size, when } from "../words.js";

export async function open(room) {
  const told = trouble();
  const grid = h("div", { class: "people" });
  const drawer = h("div", { hidden: true, class: "drawer" });
  const bringIn = button(
    "Import",
    () => {
      drawer.hidden = !drawer.hidden;
      bringIn.setAttribute("aria-expanded", String(!drawer.hidden));
    },
    { sign: "up", "aria-expanded": "false" },
  );
  drawer.append(
    dropped({
      title: "A person as one file",
      hint: "What “Export” on another machine gave you.",
      accept: ".person",
      kinds: ["other", "person"],
      taken: async (found) => {
        try {
          const one = await post("/v1/people/import", { upload: found.upload });
          drawer.hidden = true;
          tell(`${one?.id ?? "The person"} is here now.`);
          await draw();
        } catch (error) {
          told.say(error);
        }
      },
    }),
  );
  fill(
    room,
    heading(
      "People",
      "Everybody who can speak here. A person is known from a short video, or from one photo.",
      h("a", { class: "button main", href: "#/new" }, icon("plus"), "New person"),
      bringIn,
    ),
    drawer,
    told,
    grid,
  );

  async function draw() {
    const all = await people();
    fill(
      grid,
      all.some((one) => !one.built_in) ? null : welcome(),
      all.map((one) => card(one, draw, told)),
    );
  }
  await draw();
}

function welcome() {
  return h(
    "section",
    { class: "welcome" },
    h("h2", {}, "Hello."),
    h(
      "p",
      {},
      "Bring a short video or one photo of yourself, type a sentence, and see yourself say it. Or try it first with the astronaut, who comes with the studio.",
    ),
    h(
      "div",
      { class: "row" },
      h("a", { class: "button main", href: "#/new" }, "Start with yourself"),
      h("a", { class: "button", href: "#/say?target=astronaut" }, "Try the astronaut"),
    ),
  );
}

function card(one, draw, told) {
  const measured = qualities(one.quality);
  return h(
    "article",
    { class: "person" },
    portrait(one),
    h(
      "div",
      { class: "person-text" },
      h("h2", {}, one.id),
      h("p", { class: "hint" }, origin(one)),
      measured.length > 0 &&
        h(
          "dl",
          { class: "facts" },
          measured.slice(0, 3).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
        ),
      one.consent?.statement &&
        h(
          "details",
          {},
          h("summary", {}, "Consent"),
          h("blockquote", {}, one.consent.statement),
          h("p", { class: "hint" }, when(one.consent.date)),
        ),
      h(
        "div",
        { class: "row" },
        h(
          "a",
          {
            class: "button main",
            href: `#/say?target=${encodeURIComponent(one.id)}`,
            "aria-label": `Say something as ${one.id}`,
          },
          "Say something",
        ),
        h(
          "a",
          { class: "button", href: `#/live?target=${encodeURIComponent(one.id)}`, "aria-label": `${one.id}, live` },
          "Live",
        ),
        h(
          "a",
          {
            class: "button quiet",
            href: person(one.id, "/export"),
            download: "",
            title: "Keep this person as one file",
            "aria-label": `Export ${one.id} as one file`,
          },
          icon("down"),
          "Export",
        ),
        !one.built_in &&
          button("Remove", () => removed(one, draw, told), {
            kind: "quiet",
            sign: "bin",
            "aria-label": `Remove ${one.id}`,
          }),
      ),
    ),
  );
}

function origin(one) {
  const from = one.built_in ? "Comes with the studio" : one.kind === "photo" ? "From one photo" : "From a video";
  const picture = one.width_px ? `${one.width_px} × ${one.height_px}` : null;
  return [from, picture, size(one.bytes)].filter(Boolean).join(" · ");
}

function portrait(one) {
  const place = h("div", { class: "portrait" });
  const still = () =>
    fill(
      place,
      h("img", { src: person(one.id, "/preview.jpg"), alt: `Picture of ${one.id}`, loading: "lazy" }),
      h("button", { type: "button", class: "round", "aria-label": `Play ${one.id}`, onclick: play }, icon("play")),
    );
  async function play() {
    const note = h("p", { class: "portrait-note", role: "status" }, "Painting a first film…");
    place.append(note);
    try {
      await filmed(one.id, () => place.isConnected);
      const film = h("video", {
        src: person(one.id, "/preview.mp4"),
        controls: true,
        autoplay: true,
        playsinline: true,
        poster: person(one.id, "/preview.jpg"),
        "aria-label": `${one.id} speaking`,
      });
      film.addEventListener("ended", still);
      fill(place, film);
      film.focus();
    } catch (error) {
      still();
      place.append(problem(error));
    }
  }
  still();
  return place;
}

/** Resolves when the preview film is there; the first request has it made. Throws `Refused`. */
async function filmed(id, wanted) {
  while (wanted()) {
    if (await ready(person(id, "/preview.mp4"))) return;
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}

async function removed(one, draw, told) {
  const sure = await asked(
    `Remove ${one.id}?`,
    `All that was learned of ${one.id} is deleted from this machine. It cannot be brought back. Films that were made stay until you delete them.`,
    "Remove",
  );
  if (!sure) return;
  try {
    told.clear();
    await remove(person(one.id));
    tell(`${one.id} is gone.`);
    await draw();
  } catch (error) {
    told.say(error);
  }
}
