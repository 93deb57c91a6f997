// Recording a person in the page: a teleprompter with sentences that cover the language's phones, and a coach.

import { ask, get } from "./api.js";
import { fill, h, s } from "./dom.js";
import { button, dropped, list, trouble } from "./parts.js";
import { clock } from "./words.js";

const COACH_MS = 700; // between two pictures that the coach looks at
const COACH_PX = 480;
const SPOKEN_RMS = 0.012; // from which on somebody speaks; a quiet room is below a third of it
const LOUD = 0.9; // of full scale: it distorts
const SHARP = 0.5;
const ENOUGH = { seconds: 45, phones: 0.85, poses: 4 };
const LEAST_S = 5;
const POSES = [["front", "straight ahead"], ["left", "a little left"], ["right", "a little right"], ["up", "a little up"], ["down", "a little down"]];
const SIDE_DEG = 7, TILT_DEG = 5;
const TYPES = ["video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const WORD_S = 0.3; // a word's time at an easy pace

/** The recorder: `.rest()` lets camera and microphone go; `.found` is what was recorded and sent. */
export function recorder({ taken, gone, sentence, agreed }) {
  const told = trouble();
  const stage = h("div", { class: "booth" });
  const whole = h("div", { class: "recorder" }, stage, told);
  const state = { stream: null, stop: [], found: null };
  const intro = () => fill(stage, h("div", { class: "booth-intro" },
    h("p", {}, "Sit at arm's length, with light on the face and quiet around. You read sentences aloud for about a minute, and a coach tells what to do better."),
    button("Turn camera and microphone on", on, { kind: "main", sign: "camera" })));

  function rest() {
    state.stop.forEach((stop) => stop());
    state.stop = [];
    state.stream?.getTracks().forEach((track) => track.stop());
    state.stream = null;
    if (!whole.found) intro();
  }

  async function on() {
    told.clear();
    if (!navigator.mediaDevices?.getUserMedia) return told.say("this browser gives no camera to pages that are not on this machine or behind TLS; open the studio as http://localhost or drop a file");
    try {
      state.stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } },
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    } catch (error) {
      return told.say(error.name === "NotAllowedError" ? "the browser keeps camera and microphone back; expected your permission; allow them beside the address, then try again"
        : "no camera or microphone was found; expected both; plug them in, or drop a file");
    }
    try {
      const session = booth(state.stream, { sentence, agreed, finished, failed: (error) => told.say(error) });
      state.stop.push(session.leave);
      fill(stage, session.element);
      await session.begin();
    } catch (error) {
      rest();
      told.say(error);
    }
  }

  async function finished(blob) {
    rest();
    const name = `recording.${blob.type.includes("mp4") ? "mp4" : "webm"}`;
    const sent = dropped({
      title: "Drop a video here", hint: "", accept: "video/*", kinds: ["video"],
      taken: (found) => { whole.found = found; taken(found); },
      gone: () => again(), other: "Record again",
    });
    const film = h("video", { controls: true, playsinline: true, class: "film", src: URL.createObjectURL(blob), "aria-label": "What was recorded" });
    fill(stage, film, sent);
    await sent.take(blob, name);
  }

  function again() {
    whole.found = null;
    gone();
    intro();
    on();
  }

  intro();
  return Object.assign(whole, { rest, found: null });
}

/** Camera picture, coach and teleprompter, while somebody records. */
function booth(stream, { sentence, agreed, finished, failed }) {
  const picture = h("video", { class: "mirror", autoplay: true, muted: true, playsinline: true, "aria-label": "You, as in a mirror" });
  picture.srcObject = stream;
  const signs = coachSigns();
  const prompt = teleprompter(sentence, agreed);
  const time = h("span", { class: "booth-time" }, "0:00");
  const advice = h("p", { class: "advice", role: "status" });
  const record = button("Record", () => (recording ? stop() : start()), { kind: "main", sign: "camera" });
  const element = h("div", { class: "booth-grid" },
    h("div", { class: "mirror-frame" }, picture, h("div", { class: "mirror-oval", "aria-hidden": "true" }), time, advice),
    prompt.element, signs.element, h("div", { class: "row" }, record, prompt.next, prompt.languages));
  const seen = { poses: new Set(), voice: 0 };
  let recording = null, started = 0, chunks = [], timer = 0, ears = null;
  const watching = new AbortController();

  async function begin() {
    ears = await listening(stream);
    await prompt.load();
    look();
    timer = setInterval(tick, 100);
  }
  function start() {
    const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
    chunks = [];
    recording = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 6e6, audioBitsPerSecond: 160000 });
    recording.addEventListener("dataavailable", (event) => event.data.size && chunks.push(event.data));
    recording.addEventListener("stop", () => finished(new Blob(chunks, { type: (type ?? "video/webm").split(";")[0] })));
    recording.start(1000);
    started = performance.now();
    element.classList.add("recording");
    fill(record, "Finish");
  }
  function stop() {
    if (seconds() < LEAST_S) return failed(`${clock(seconds())} is recorded; expected ${LEAST_S} seconds at least; read on`);
    recording.stop();
    recording = null;
  }
  const seconds = () => (recording ? (performance.now() - started) / 1000 : 0);
  function tick() {
    const { rms, peak } = ears.level();
    signs.sound(rms, peak);
    if (!recording) return;
    if (rms > SPOKEN_RMS) { seen.voice += 0.1; prompt.heard(0.1); }
    time.textContent = clock(seconds());
    signs.covered(prompt.share(), seen.poses, seconds());
    const enough = seconds() >= ENOUGH.seconds && prompt.share() >= ENOUGH.phones && seen.poses.size >= ENOUGH.poses;
    element.classList.toggle("enough", enough);
    if (enough) advice.textContent = "That is enough. Finish, or read on for a better likeness.";
  }
  async function look() {
    while (!watching.signal.aborted) {
      try {
        const frame = await pictureOf(picture);
        if (frame) regard(await ask("POST", "/v1/coach", frame, { signal: watching.signal }));
      } catch (error) {
        if (watching.signal.aborted) return;
        advice.textContent = error.message;
      }
      await new Promise((resolve) => setTimeout(resolve, COACH_MS));
    }
  }
  function regard(view) {
    signs.regard(view);
    const pose = poseOf(view);
    if (pose && recording) seen.poses.add(pose);
    if (!element.classList.contains("enough")) advice.textContent = view.advice?.[0] ?? (recording ? nextPose(seen.poses) : "Good. Press Record and read.");
  }
  function leave() {
    watching.abort();
    clearInterval(timer);
    ears?.close();
    if (recording) { recording.ondataavailable = null; recording = null; }
  }
  return { element, begin, leave };
}

/** Which of the five poses a face is in, or nothing where no face was seen. */
export function poseOf(view) {
  if (!view?.face) return null;
  if (Math.abs(view.yaw_deg) >= SIDE_DEG) return view.yaw_deg < 0 ? "left" : "right";
  if (Math.abs(view.pitch_deg) >= TILT_DEG) return view.pitch_deg < 0 ? "up" : "down";
  return "front";
}

function nextPose(seen) {
  const missing = POSES.find(([name]) => !seen.has(name));
  return missing ? `Read on, and look ${missing[1]} now and then.` : "Good. Read on.";
}

async function pictureOf(video) {
  if (!video.videoWidth) return null;
  const scale = Math.min(1, COACH_PX / video.videoHeight);
  const canvas = h("canvas", { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}

/** The microphone's level, 0 to 1. */
async function listening(stream) {
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 2048;
  audio.createMediaStreamSource(stream).connect(analyser);
  await audio.resume();
  const samples = new Float32Array(analyser.fftSize);
  return {
    close: () => audio.close(),
    level() {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0, peak = 0;
      for (const sample of samples) { sum += sample * sample; peak = Math.max(peak, Math.abs(sample)); }
      return { rms: Math.sqrt(sum / samples.length), peak };
    },
  };
}

function coachSigns() {
  const sign = (name) => {
    const mark = h("span", { class: "sign-mark", "aria-hidden": "true" });
    const word = h("span", { class: "sign-word" }, "…");
    const line = h("li", { class: "sign" }, mark, h("span", {}, name), word);
    return Object.assign(line, { set(good, text) { line.dataset.good = String(good); word.textContent = text; } });
  };
  const [face, light, sharp] = ["Face", "Light", "Sharpness"].map(sign);
  const level = h("progress", { max: 1, value: 0, "aria-label": "Sound level" });
  const sound = sign("Sound");
  const phones = h("progress", { max: 1, value: 0, "aria-label": "Sounds of the language read so far" });
  const poses = poseMap();
  const element = h("ul", { class: "signs", "aria-label": "The coach" }, face, light, sharp, sound, h("li", { class: "sign-bar" }, level),
    h("li", { class: "sign" }, h("span", { class: "sign-mark" }), h("span", {}, "Sounds read"), phones), h("li", { class: "sign poses" }, h("span", {}, "Head turned"), poses.element));
  return {
    element,
    regard(view) {
      face.set(Boolean(view.face), view.face ? "seen" : "not seen");
      if (!view.face) return;
      const share = view.face_height_share;
      const small = share < 0.2, large = share > 0.75;
      face.set(!small && !large, small ? "too small" : large ? "too near" : "good size");
      light.set(view.light > 0.22 && view.light < 0.9, view.light <= 0.22 ? "too dark" : view.light >= 0.9 ? "too bright" : "good");
      sharp.set(view.sharpness >= SHARP, view.sharpness >= SHARP ? "good" : "blurred");
    },
    sound(rms, peak) {
      level.value = Math.min(1, rms * 6);
      if (peak > LOUD) sound.set(false, "too loud");
      else if (rms > SPOKEN_RMS) sound.set(true, "heard");
      else sound.set(sound.dataset.good === "true", sound.dataset.good === "true" ? "heard" : "quiet");
    },
    covered(share, seen) { phones.value = share; poses.show(seen); },
  };
}

/** Five dots, as the head may be turned; filled once seen. */
function poseMap() {
  const at = { front: [22, 22], left: [7, 22], right: [37, 22], up: [22, 7], down: [22, 37] };
  const dots = Object.fromEntries(Object.entries(at).map(([name, [cx, cy]]) => [name, s("circle", { cx, cy, r: 5, class: "pose" })]));
  const element = s("svg", { viewBox: "0 0 44 44", class: "pose-map", role: "img", "aria-label": "No pose seen yet" }, Object.values(dots));
  return {
    element,
    show(seen) {
      for (const [name, dot] of Object.entries(dots)) dot.classList.toggle("seen", seen.has(name));
      element.setAttribute("aria-label", `Seen: ${POSES.filter(([name]) => seen.has(name)).map(([, text]) => text).join(", ") || "no pose yet"}`);
    },
  };
}

function teleprompter(sentence, agreed) {
  const line = h("p", { class: "prompt-line" });
  const after = h("p", { class: "prompt-next", "aria-hidden": "true" });
  const element = h("div", { class: "prompt" }, line, after);
  const next = button("Next sentence", () => step());
  const languages = h("span", {});
  let all = [], at = 0, heardS = 0, wanted = new Set(), read = new Set();

  const show = () => {
    line.textContent = all[at]?.text ?? "That was all. Say something of your own, or begin again.";
    after.textContent = all[at + 1]?.text ?? "";
    heardS = 0;
  };
  const paceOf = (one) => WORD_S * one.text.split(/\s+/).length;
  const taken = (one) => {
    one.phones.forEach((phone) => read.add(phone));
    if (one === all[0]) agreed(); // the consent, which is read first
  };
  function step() {
    const one = all[at];
    if (one && heardS > 0.5 * paceOf(one)) taken(one);
    at = at >= all.length ? 0 : at + 1;
    show();
  }
  async function load(language = "en") {
    const found = await get(`/v1/teleprompter?language=${encodeURIComponent(language)}`);
    all = [{ text: sentence(), phones: [] }, ...found.sentences];
    wanted = new Set(found.phones ?? found.sentences.flatMap((one) => one.phones));
    [at, read] = [0, new Set()];
    if (found.languages?.length > 1) fill(languages, h("label", { class: "inline" }, "Language ", list(found.languages.map((one) => [one.code, one.name]), language, (code) => load(code))));
    show();
  }
  return {
    element, next, languages, load,
    heard(spanS) {
      heardS += spanS;
      const one = all[at];
      if (one && heardS >= paceOf(one)) taken(one);
    },
    share: () => (wanted.size ? [...read].filter((phone) => wanted.has(phone)).length / wanted.size : 1),
  };
}
