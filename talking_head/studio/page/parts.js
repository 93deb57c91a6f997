// Parts that several rooms are made of.

import { get, jobFile, person, Refused, upload } from "./api.js";
import { fill, fresh, h, icon } from "./dom.js";
import { clock, size, stillMissing } from "./words.js";

/** What went wrong, as the server told it. */
export function problem(error) {
  return h("p", { class: "problem", role: "alert" }, sentence(error));
}

function sentence(error) {
  const text = (typeof error === "string" ? error : error.message) || "something went wrong";
  const first = /^\p{Ll}+[\s,;:]/u.test(text) ? text.charAt(0).toUpperCase() : text.charAt(0); // a file's name stays
  return first + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** A place for what goes wrong, empty at first: `told.say(error)`, which brings it into view, and `told.clear()`. */
export function trouble() {
  const place = h("div", { class: "trouble" });
  const say = (error) => {
    fill(place, problem(error));
    place.scrollIntoView({ block: "nearest" });
  };
  return Object.assign(place, { say, clear: () => fill(place) });
}

/** A short message for all, also read aloud by screen readers. */
export function tell(text) {
  const place = document.getElementById("told");
  fill(place, h("p", {}, text));
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => fill(place), 6000);
}

/** A button. kind: `main`, `quiet`, `danger` or plain. */
export function button(text, pressed, { kind = "", sign = null, ...rest } = {}) {
  return h("button", { type: "button", class: kind, onclick: pressed, ...rest }, sign && icon(sign), text);
}

/**
 * The end of a form: a button, what is still missing, and a place for what goes wrong.
 * lacks(): names of what is missing, or falsy. send(): asks for the work. sent(made): its answer has come.
 */
export function asking(text, { lacks, send, sent }) {
  const told = trouble();
  const missing = h("p", { class: "hint", id: fresh("missing") });
  const go = button(text, ask, { kind: "main large", "aria-describedby": missing.id });
  function ready() {
    const names = lacks().filter(Boolean);
    go.disabled = names.length > 0;
    missing.textContent = stillMissing(names);
  }
  async function ask() {
    told.clear();
    go.disabled = true;
    try {
      sent(await send());
    } catch (error) {
      told.say(error);
    }
    ready();
  }
  return { told, ready, act: h("div", { class: "row act" }, go, missing) };
}

/** A named field. hint: below it. */
export function field(label, control, hint = null) {
  const id = control.id || fresh("field");
  control.id = id;
  const note = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, note);
}

/** One of a few, side by side: `choice("Head", [["still", "Still"], …], "natural")`; `.value`, and `change` events. */
export function choice(legend, options, chosen, { hint = null, changed = () => {} } = {}) {
  const name = fresh("choice");
  const radios = options.map(([value, text]) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => changed(value) }),
      h("span", {}, text),
    ),
  );
  const set = h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, legend),
    h("div", { class: "segments" }, radios),
    hint && h("p", { class: "hint" }, hint),
  );
  Object.defineProperty(set, "value", {
    get: () => set.querySelector("input:checked")?.value,
    set: (value) => {
      for (const one of set.querySelectorAll("input")) one.checked = one.value === value;
    },
  });
  return set;
}

/** A drop-down list: `[[value, text], …]`. */
export function list(options, chosen, changed = () => {}) {
  const box = h(
    "select",
    { onchange: () => changed(box.value) },
    options.map(([value, text]) => h("option", { value }, text)),
  );
  if (chosen !== undefined) box.value = chosen;
  return box;
}

/** Panels behind tabs: `[[name, text, element], …]`; `.value` is the name of the one that shows. */
export function tabs(label, panels, { changed = () => {} } = {}) {
  const heads = [],
    bodies = [];
  const show = (index, focus) => {
    heads.forEach((head, k) => {
      head.setAttribute("aria-selected", String(k === index));
      head.tabIndex = k === index ? 0 : -1;
    });
    bodies.forEach((body, k) => {
      body.hidden = k !== index;
    });
    if (focus) heads[index].focus();
    whole.value = panels[index][0];
    if (whole.ready) changed(whole.value);
  };
  panels.forEach(([, text, element], k) => {
    const id = fresh("tab");
    const moved = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) show((k + step + panels.length) % panels.length, true);
    };
    heads.push(
      h(
        "button",
        { type: "button", role: "tab", id, "aria-controls": `${id}-panel`, onclick: () => show(k), onkeydown: moved },
        text,
      ),
    );
    bodies.push(h("div", { role: "tabpanel", id: `${id}-panel`, "aria-labelledby": id }, element));
  });
  const whole = h(
    "div",
    { class: "tabs" },
    h("div", { role: "tablist", class: "segments", "aria-label": label }, heads),
    bodies,
  );
  whole.show = (name) => show(panels.findIndex(([one]) => one === name));
  show(0);
  whole.ready = true;
  return whole;
}

/** Ask before something that cannot be undone; resolves to whether it is wanted. */
export function asked(title, text, yes, no = "Keep") {
  return new Promise((resolve) => {
    const id = fresh("ask");
    const box = h(
      "dialog",
      {
        class: "ask",
        "aria-labelledby": id,
        onclose: () => {
          box.remove();
          resolve(box.returnValue === "yes");
        },
      },
      h("h2", { id }, title),
      h("p", {}, text),
      h(
        "div",
        { class: "row end" },
        button(no, () => box.close("no"), { autofocus: true }),
        button(yes, () => box.close("yes"), { kind: "danger" }),
      ),
    );
    document.body.append(box);
    box.showModal();
  });
}

/**
 * A place to drop a file, or to choose one with mouse or keyboard; it is sent at once.
 * kinds: of what the server may find in it. taken(found, file): when it has arrived. `.clear()`; `.found`.
 */
export function dropped({ title, hint, accept, kinds, taken = () => {}, gone = () => {}, other = "Choose another" }) {
  const id = fresh("file");
  const input = h("input", {
    type: "file",
    accept,
    id,
    class: "unseen",
    onchange: () => input.files[0] && take(input.files[0]),
  });
  const shown = h("div", { class: "drop-inside" });
  const told = trouble();
  const zone = h("div", { class: "drop" }, input, shown, told);
  let stop = null;
  const empty = () => {
    zone.found = null;
    zone.classList.remove("full");
    input.value = "";
    fill(
      shown,
      h(
        "label",
        { for: id, class: "drop-label" },
        icon("up"),
        h("span", { class: "drop-title" }, title),
        h("span", { class: "hint" }, hint),
      ),
    );
  };
  const take = async (file, name = file.name) => {
    told.clear();
    stop?.abort();
    stop = new AbortController();
    const mine = stop;
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Reading ${name}` });
    fill(
      shown,
      h("p", { class: "drop-name" }, name),
      bar,
      button(
        "Stop",
        () => {
          mine.abort();
          empty();
        },
        { kind: "quiet" },
      ),
    );
    try {
      const found = await upload(
        file,
        name,
        (share) => {
          bar.value = share;
        },
        mine.signal,
      );
      if (mine !== stop) return;
      if (!kinds.includes(found.kind)) {
        const received = found.why?.split("; expected")[0] || `${name} is ${a(found.kind)}`;
        throw new Refused({ received, expected: kinds.map(a).join(" or "), remedy: "choose another file" });
      }
      zone.found = found;
      zone.classList.add("full");
      fill(
        shown,
        preview(found),
        h(
          "div",
          { class: "drop-about" },
          h("p", { class: "drop-name" }, name),
          h("p", { class: "hint" }, about(found)),
        ),
        button(
          other,
          () => {
            empty();
            gone();
            input.focus();
          },
          { kind: "quiet" },
        ),
      );
      taken(found, file);
    } catch (error) {
      if (error.name === "AbortError") return;
      empty();
      told.say(error);
    }
  };
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  empty();
  return Object.assign(zone, { clear: empty, take });
}

const a = (kind) =>
  ({ video: "a video", photo: "a photo", sound: "a sound", other: "a file of another kind" })[kind] ?? kind;

function about(found) {
  return [a(found.kind).replace(/^an? /, ""), found.seconds ? clock(found.seconds) : null, size(found.bytes)]
    .filter(Boolean)
    .join(" · ");
}

/** A small picture of an upload, in a form that every browser shows. */
export const stillOf = (upload) => `/v1/uploads/${encodeURIComponent(upload)}/still.jpg`;

function preview(found) {
  if (found.kind !== "video" && found.kind !== "photo")
    return h("span", { class: "drop-thumb wave", "aria-hidden": "true" }, icon("mic"));
  const picture = h("img", { class: "drop-thumb", alt: "", src: stillOf(found.upload) });
  picture.addEventListener("error", () => picture.remove());
  return picture;
}

/** Everybody at hand. Throws `Refused`. */
export const people = () => get("/v1/people");

/** Choose a person by their picture: `.value` is the id. */
export function whom(all, chosen, changed = () => {}) {
  const name = fresh("whom");
  const wanted = all.some((one) => one.id === chosen) ? chosen : (all.find((one) => !one.built_in) ?? all[0])?.id;
  const cards = all.map((one) =>
    h(
      "label",
      { class: "face" },
      h("input", { type: "radio", name, value: one.id, checked: one.id === wanted, onchange: () => changed(one.id) }),
      h(
        "span",
        { class: "face-card" },
        h("img", { src: person(one.id, "/preview.jpg"), alt: "", width: 72, height: 72, loading: "lazy" }),
        h("span", {}, one.id),
      ),
    ),
  );
  const set = h(
    "fieldset",
    { class: "faces" },
    h("legend", {}, "Who speaks"),
    h(
      "div",
      { class: "face-row" },
      cards,
      h("a", { class: "face-new", href: "#/new" }, icon("plus"), h("span", {}, "New person")),
    ),
  );
  Object.defineProperty(set, "value", { get: () => set.querySelector("input:checked")?.value });
  return set;
}

/** The player of a film, with its file to keep. */
export function player(job, film, { poster = null } = {}) {
  return h("video", {
    class: "film",
    controls: true,
    playsinline: true,
    preload: "metadata",
    poster,
    src: jobFile(job.job, film.name),
    "aria-label": "The film",
  });
}

/** Things that were made here, a line each: {sign, name, hint, open, actions}. */
export function shelf(rows) {
  return h(
    "ul",
    { class: "shelf" },
    rows.map(({ sign, name, hint, open, actions }) =>
      h(
        "li",
        {},
        h("button", { type: "button", class: "shelf-name", onclick: open }, sign && icon(sign), name),
        h("span", { class: "hint" }, hint),
        actions && h("span", { class: "row" }, actions),
      ),
    ),
  );
}

/** Show a job of the shelf where jobs are shown: above. */
export function shownAbove(show, job) {
  show(job.job);
  window.scrollTo({ top: 0, behavior: "smooth" });
}

/** A link that keeps a file on the disk. */
export function keep(href, name, text = "Download", bytes = undefined) {
  return h(
    "a",
    { class: "button", href, download: name },
    icon("down"),
    text,
    bytes ? h("span", { class: "faint" }, ` ${size(bytes)}`) : null,
  );
}

/** The film among a job's files. */
export const filmOf = (job) => job.files?.find((one) => /\.(mp4|webm)$/.test(one.name));

/** Top of a room. */
export function heading(title, lead, ...actions) {
  return h(
    "header",
    { class: "top" },
    h("div", {}, h("h1", {}, title), lead && h("p", { class: "lead" }, lead)),
    actions.length > 0 && h("div", { class: "row" }, actions),
  );
}
