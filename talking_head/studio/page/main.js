// Which room is shown, and what is around it.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import * as jobs from "./jobs.js";
import { problem } from "./parts.js";
import { trayed } from "./work.js";

const ROOMS = {
  people: ["People", () => import("./rooms/people.js")],
  new: ["New person", () => import("./rooms/new_person.js")],
  say: ["Say", () => import("./rooms/say.js")],
  dub: ["Dub", () => import("./rooms/dub.js")],
  live: ["Live", () => import("./rooms/live.js")],
  curves: ["Curves", () => import("./rooms/curves.js")],
  measure: ["Measure", () => import("./rooms/measure.js")],
};

const main = document.getElementById("room");
let leave = null; // what a room wants done when it is left
let turn = 0;

async function enter() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  if (path === "room") return; // the skip link
  const name = path in ROOMS ? path : "people";
  const [title, load] = ROOMS[name];
  turn += 1;
  const mine = turn;
  leave?.();
  leave = null;
  document.title = `${title} · talking-head studio`;
  for (const link of document.querySelectorAll("[data-room]")) {
    const here = link.dataset.room === name || (name === "new" && link.dataset.room === "people" && isNarrow());
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const room = h("div", { class: `room room-${name}` }, h("h1", {}, title)); // until the room has what it needs
  try {
    fill(main, room);
    const { open } = await load();
    if (mine !== turn) return;
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
    const after = await open(room, new URLSearchParams(query));
    if (mine === turn) leave = after ?? null;
    else after?.();
  } catch (error) {
    if (mine === turn) fill(main, h("div", { class: "room" }, h("h1", {}, title), problem(error)));
  }
}

const isNarrow = () => window.matchMedia("(max-width: 820px)").matches;

async function begin() {
  window.addEventListener("hashchange", enter);
  jobs.watch(() => trayed(document.getElementById("tray")));
  await enter();
  jobs.listen();
  await jobs.refresh().catch(() => {});
  const status = await get("/v1/status").catch(() => null);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  if (!local) document.getElementById("place").textContent = location.hostname;
  if (status?.version) document.querySelector(".brand").title = `talking-head ${status.version}`;
}

begin();
