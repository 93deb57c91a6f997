// What is to be said: typed and spoken by a voice of this machine, a sound file, or said into the microphone.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { button, dropped, field, list, problem, tabs, trouble } from "./parts.js";
import { clock } from "./words.js";

const DIRECTIONS = [
  ["[smile 0.6]", "Smile"],
  ["[brows up]", "Brows up"],
  ["[nod]", "Nod"],
  ["[look left]", "Look left"],
  ["[pause 0.4]", "Pause"],
];
const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/webm"];

/** `.order()` gives `{text, voice}` or `{upload}`, `.lacks()` what is missing. */
export function said({ changed = () => {}, directions = true } = {}) {
  const text = h("textarea", {
    rows: 5,
    placeholder: "Good morning. This is the first thing that I say here.",
    oninput: changed,
    "aria-label": "Words to say",
  });
  const insert = (direction) => {
    const at = text.selectionStart ?? text.value.length;
    const apart = at > 0 && !/\s/.test(text.value[at - 1]) ? " " : "";
    text.setRangeText(`${apart}${direction} `, at, text.selectionEnd ?? at, "end");
    text.focus();
    changed();
  };
  const voice = voices(changed);
  const typed = h(
    "div",
    { class: "typed" },
    text,
    directions &&
      h(
        "div",
        { class: "chips", role: "group", "aria-label": "Directions to put into the words" },
        h("span", { class: "hint" }, "Put in:"),
        DIRECTIONS.map(([direction, word]) =>
          button(word, () => insert(direction), { kind: "chip", title: direction }),
        ),
      ),
    voice,
  );
  const file = dropped({
    title: "Drop a sound here, or press to choose",
    hint: "Any file that has sound, of any length: wav, mp3, m4a, flac, or a video.",
    accept: "audio/*,video/*,.flac,.opus,.mkv",
    kinds: ["sound", "video"],
    taken: changed,
    gone: changed,
  });
  const spoken = dictaphone(changed);
  const source = tabs(
    "What is said",
    [
      ["text", "Words", typed],
      ["file", "Sound file", file],
      ["mic", "Microphone", spoken],
    ],
    {
      changed: (name) => {
        if (name !== "mic") spoken.rest();
        changed();
      },
    },
  );
  const upload = () => (source.value === "file" ? file.found : spoken.found)?.upload;
  return Object.assign(h("div", {}, source), {
    typed: () => source.value === "text",
    order: () =>
      source.value === "text"
        ? { text: text.value.trim(), ...(voice.value ? { voice: voice.value } : {}) }
        : { upload: upload() },
    lacks: () =>
      source.value === "text"
        ? (!text.value.trim() && "words to say") || (voice.none && "a voice")
        : !upload() && "a sound",
    put(words) {
      text.value = words;
      source.show("text");
      changed();
    },
    rest: () => spoken.rest(),
  });
}

/** The voices at hand; of the others what to do to have them. */
export function voices(changed) {
  const place = h("div", { class: "voices" });
  Object.assign(place, { value: "", none: false });
  get("/v1/voices")
    .then((all) => {
      const here = all.filter((one) => one.at_hand),
        absent = all.filter((one) => !one.at_hand);
      place.none = here.length === 0;
      const box =
        here.length > 0 &&
        list(
          here.map((one) => [one.name, nameOf(one)]),
          here[0].name,
          (value) => {
            place.value = value;
          },
        );
      place.value = here[0]?.name ?? "";
      const others =
        absent.length > 0 &&
        h(
          "details",
          {},
          h("summary", {}, here.length ? "More voices" : "How to get a voice"),
          h(
            "ul",
            { class: "notes" },
            absent.map((one) => h("li", {}, h("b", {}, one.name), ` ${one.remedy ?? ""}`)),
          ),
        );
      fill(
        place,
        box
          ? field("Voice", box)
          : h(
              "p",
              { class: "problem" },
              "No voice is installed on this machine. Get one as told below, or say it yourself.",
            ),
        others,
      );
      if (others && !here.length) others.open = true;
      changed();
    })
    .catch((error) => fill(place, problem(error)));
  return place;
}

const ENGINES = { command: "This machine's own program", openai: "Speech server", piper: "Piper" };

function nameOf(one) {
  const name = one.name.includes(":") && ENGINES[one.engine] ? ENGINES[one.engine] : one.name;
  return [name, one.language && `(${one.language})`].filter(Boolean).join(" ");
}

/** Record a sound with the microphone and send it. */
function dictaphone(changed) {
  const place = h("div", { class: "dictaphone" });
  const told = trouble();
  const sent = dropped({
    title: "",
    hint: "",
    accept: "audio/*",
    kinds: ["sound", "video"],
    taken: (found) => {
      place.found = found;
      changed();
    },
    gone: () => again(),
  });
  let stream = null,
    recording = null,
    timer = 0;
  const idle = () =>
    fill(
      place,
      h("p", {}, "Your voice drives the face; it is heard in the film as you said it."),
      button("Record", start, { kind: "main", sign: "mic" }),
      told,
    );
  function rest() {
    clearInterval(timer);
    if (recording) {
      recording.onstop = null;
      recording = null;
      idle();
    }
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
  }
  function again() {
    place.found = null;
    idle();
    changed();
  }
  async function start() {
    told.clear();
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false },
      });
    } catch {
      return told.say("the microphone gives nothing; expected one, and your permission; allow it beside the address");
    }
    const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one)),
      chunks = [],
      began = performance.now();
    recording = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 128000 });
    recording.ondataavailable = (event) => event.data.size && chunks.push(event.data);
    recording.onstop = async () => {
      recording = null;
      rest();
      const blob = new Blob(chunks, { type: (type ?? "audio/webm").split(";")[0] });
      fill(place, h("audio", { controls: true, src: URL.createObjectURL(blob), "aria-label": "What you said" }), sent);
      await sent.take(blob, `recording.${blob.type.includes("mp4") ? "m4a" : "webm"}`);
    };
    recording.start(500);
    const time = h("span", { class: "booth-time" }, "0:00");
    timer = setInterval(() => {
      time.textContent = clock((performance.now() - began) / 1000);
    }, 200);
    fill(
      place,
      h("p", { class: "recording-line" }, h("span", { class: "dot", "aria-hidden": "true" }), "Recording ", time),
      button("Finish", () => recording?.stop(), { kind: "main", sign: "stop" }),
    );
  }
  idle();
  return Object.assign(place, { rest, found: null });
}
