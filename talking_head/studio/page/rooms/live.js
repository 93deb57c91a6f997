// Live: speak or type, and the person says it now.

import { person, post, Refused } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { button, choice, heading, people, trouble, whom } from "../parts.js";
import { voices } from "../words_box.js";

const STATS_MS = 1000;
const WAYS = [
  ["auto", "Automatic"],
  ["webrtc", "WebRTC"],
  ["websocket", "WebSocket"],
];
const NAMES = { webrtc: "WebRTC", websocket: "WebSocket" };

export async function open(room, query) {
  const [{ Live }, everybody] = await Promise.all([import("../live.js"), people()]);
  const told = trouble();
  let live = null,
    timer = 0,
    hearing = false,
    muted = false;

  const who = whom(everybody, query.get("target"), () => poster());
  const voice = voices(() => {});
  const way = choice("Connection", WAYS, "auto", { hint: "WebSocket works through an ssh tunnel too." });
  const stage = h("div", { class: "live-stage" });
  const chip = h("p", { class: "live-chip", role: "status" });
  const line = h("p", { class: "hint live-line" });
  const text = h("input", {
    type: "text",
    placeholder: "Type a sentence and press Enter",
    "aria-label": "Words to say now",
    maxlength: 2000,
    onkeydown: (event) => event.key === "Enter" && say(),
  });
  const start = button("Start", begin, { kind: "main large", sign: "play" });
  const mic = button("Microphone: off", listen, { sign: "mic", "aria-pressed": "false" });
  const quiet = button("Be quiet", () => live?.stop(), { sign: "stop", title: "Silent at once (Escape)" });
  const sound = button(
    "Sound off",
    () => {
      muted = !muted;
      live?.mute(muted);
      fill(sound, muted ? "Sound on" : "Sound off");
    },
    { kind: "quiet" },
  );
  const end = button("End", () => finish(), { kind: "quiet", sign: "cross" });
  const before = h(
    "div",
    { class: "live-before" },
    who,
    h("details", { class: "finer" }, h("summary", {}, "Voice, connection"), voice, way),
    told,
    h("div", { class: "row" }, start),
  );
  const during = h(
    "div",
    { class: "live-during", hidden: true },
    h("div", { class: "live-say" }, text, button("Say it", say, { kind: "main" })),
    h("div", { class: "row" }, mic, quiet, sound, end),
    line,
  );
  fill(
    room,
    heading("Live", "Speak into the microphone or type: the person says it now, and listens in between."),
    h("div", { class: "live" }, h("div", { class: "live-frame" }, stage, chip), h("div", {}, before, during)),
  );
  poster();

  function poster() {
    post(`/v1/live/prepare?target=${encodeURIComponent(who.value)}`).catch(() => {}); // so that nobody waits later
    fill(stage, h("img", { src: person(who.value, "/preview.jpg"), alt: `Picture of ${who.value}` }));
    tellState("");
  }
  function tellState(words, kind = "") {
    chip.textContent = words;
    chip.dataset.kind = kind;
    chip.hidden = !words;
  }
  async function begin() {
    told.clear();
    start.disabled = true;
    tellState("Connecting…");
    fill(stage, h("img", { src: person(who.value, "/preview.jpg"), alt: "" }));
    live = new Live({ into: stage, target: who.value, transport: way.value, voice: voice.value || undefined });
    const mine = live;
    live.addEventListener("state", (event) => event.detail.state === "closed" && mine === live && finish());
    live.addEventListener("speaking", (event) =>
      tellState(
        event.detail.speaking ? "Speaking" : hearing ? "Listening" : "Ready",
        event.detail.speaking ? "speaking" : "here",
      ),
    );
    live.addEventListener("error", (event) => told.say(new Refused(event.detail)));
    try {
      await live.connect();
      if (mine !== live) return;
      stage.querySelector("img")?.remove();
      [before.hidden, during.hidden] = [true, false];
      during.append(told);
      tellState("Ready", "here");
      timer = setInterval(measured, STATS_MS);
      text.focus();
    } catch (error) {
      finish();
      told.say(error instanceof Error ? error : new Refused(error));
    }
  }
  function measured() {
    const now = live?.stats?.();
    if (!now) return;
    const parts = [
      NAMES[now.transport] ?? now.transport,
      now.codec,
      number(now.shown, "pictures shown"),
      number(now.dropped, "left out"),
      number(now.apart_ms, "ms between sound and picture"),
    ];
    line.textContent = parts.filter(Boolean).join(" · ");
  }
  const number = (value, words) => (Number.isFinite(value) ? `${Math.round(value)} ${words}` : null);
  function say() {
    const words = text.value.trim();
    if (!words || !live) return;
    told.clear();
    live.say(words);
    text.value = "";
  }
  async function listen() {
    told.clear();
    try {
      await live.microphone(!hearing);
      hearing = !hearing;
      mic.setAttribute("aria-pressed", String(hearing));
      fill(mic, icon("mic"), hearing ? "Microphone: on" : "Microphone: off");
      tellState(hearing ? "Listening" : "Ready", "here");
    } catch (error) {
      told.say(
        error.received
          ? new Refused(error)
          : "the microphone gives nothing; expected one, and your permission; allow it beside the address",
      );
    }
  }
  function finish() {
    clearInterval(timer);
    live?.close();
    [live, hearing] = [null, false];
    mic.setAttribute("aria-pressed", "false");
    fill(mic, icon("mic"), "Microphone: off");
    line.textContent = "";
    [before.hidden, during.hidden, start.disabled] = [false, true, false];
    before.insertBefore(told, before.lastChild);
    poster();
  }
  const hush = (event) => event.key === "Escape" && live?.stop();
  document.addEventListener("keydown", hush);
  return () => {
    document.removeEventListener("keydown", hush);
    if (live) finish();
  };
}
