// Recording a person in the page: a teleprompter with sentences that cover the language's phones, and a coach.

import { ask } from "./api.js";
import { coachSigns, nextPose, poseOf, SPOKEN_RMS } from "./coach.js";
import { fill, h } from "./dom.js";
import { button, dropped, trouble } from "./parts.js";
import { teleprompter } from "./teleprompter.js";
import { clock } from "./words.js";

const COACH_MS = 700; // between two pictures that the coach looks at
const COACH_PX = 480;
const TICK_MS = 100;
const LONGEST_TICK_S = 0.5;
const ENOUGH = { seconds: 45, phones: 0.85, poses: 4 };
const LEAST_S = 5;
const TYPES = ["video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];

/** The recorder: `.rest()` lets camera and microphone go; `.found` is what was recorded and sent. */
export function recorder({ taken, gone, sentence, agreed }) {
  const told = trouble();
  const stage = h("div", { class: "booth" });
  const whole = h("div", { class: "recorder" }, stage, told);
  const state = { stream: null, stop: [], found: null };
  const intro = () =>
    fill(
      stage,
      h(
        "div",
        { class: "booth-intro" },
        h(
          "p",
          {},
          "Sit at arm's length, with light on the face and quiet around. You read sentences aloud for about a minute, and a coach tells what to do better.",
        ),
        button("Turn camera and microphone on", on, { kind: "main", sign: "camera" }),
      ),
    );

  function rest() {
    state.stop.forEach((stop) => stop());
    state.stop = [];
    state.stream?.getTracks().forEach((track) => track.stop());
    state.stream = null;
    if (!whole.found) intro();
  }

  async function on() {
    told.clear();
    if (!navigator.mediaDevices?.getUserMedia)
      return told.say(
        "this browser gives no camera to pages that are not on this machine or behind TLS; open the studio as http://localhost or drop a file",
      );
    try {
      state.stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } },
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    } catch (error) {
      return told.say(
        error.name === "NotAllowedError"
          ? "the browser keeps camera and microphone back; expected your permission; allow them beside the address, then try again"
          : "no camera or microphone was found; expected both; plug them in, or drop a file",
      );
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
      title: "Drop a video here",
      hint: "",
      accept: "video/*",
      kinds: ["video"],
      taken: (found) => {
        whole.found = found;
        taken(found);
      },
      gone: () => again(),
      other: "Record again",
    });
    const film = h("video", {
      controls: true,
      playsinline: true,
      class: "film",
      src: URL.createObjectURL(blob),
      "aria-label": "What was recorded",
    });
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
  const picture = h("video", {
    class: "mirror",
    autoplay: true,
    muted: true,
    playsinline: true,
    "aria-label": "You, as in a mirror",
  });
  picture.srcObject = stream;
  const signs = coachSigns();
  const prompt = teleprompter(sentence, agreed);
  const time = h("span", { class: "booth-time" }, "0:00");
  const advice = h("p", { class: "advice", role: "status" }, "The coach is looking…");
  const record = button("Record", () => (recording ? stop() : start()), { kind: "main", sign: "camera" });
  const element = h(
    "div",
    { class: "booth-grid" },
    h(
      "div",
      { class: "mirror-frame" },
      picture,
      h("div", { class: "mirror-oval", "aria-hidden": "true" }),
      time,
      advice,
    ),
    prompt.element,
    signs.element,
    h("div", { class: "row" }, record, prompt.next, prompt.languages),
  );
  const seen = { poses: new Set() };
  let recording = null,
    started = 0,
    ticked = 0,
    chunks = [],
    timer = 0,
    ears = null;
  const watching = new AbortController();

  async function begin() {
    ears = await listening(stream);
    await prompt.load();
    look();
    timer = setInterval(tick, TICK_MS);
  }
  function start() {
    const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
    chunks = [];
    recording = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 6e6, audioBitsPerSecond: 160000 });
    recording.addEventListener("dataavailable", (event) => event.data.size && chunks.push(event.data));
    recording.addEventListener("stop", () =>
      finished(new Blob(chunks, { type: (type ?? "video/webm").split(";")[0] })),
    );
    recording.start(1000);
    started = ticked = performance.now();
    element.classList.add("recording");
    fill(record, "Finish");
  }
  function stop() {
    if (seconds() < LEAST_S)
      return failed(`${clock(seconds())} is recorded; expected ${LEAST_S} seconds at least; read on`);
    recording.stop();
    recording = null;
  }
  const seconds = () => (recording ? (performance.now() - started) / 1000 : 0);
  function tick() {
    const { rms, peak } = ears.level();
    signs.sound(rms, peak);
    if (!recording) return;
    const now = performance.now();
    if (rms > SPOKEN_RMS) prompt.heard(Math.min(LONGEST_TICK_S, (now - ticked) / 1000)); // ticks come late when busy
    ticked = now;
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
    if (!element.classList.contains("enough"))
      advice.textContent = view.advice?.[0] ?? (recording ? nextPose(seen.poses) : "Good. Press Record and read.");
  }
  function leave() {
    watching.abort();
    clearInterval(timer);
    ears?.close();
    if (recording) {
      recording.ondataavailable = null;
      recording = null;
    }
  }
  return { element, begin, leave };
}

async function pictureOf(video) {
  if (!video.videoWidth) return null;
  const scale = Math.min(1, COACH_PX / video.videoHeight);
  const canvas = h("canvas", {
    width: Math.round(video.videoWidth * scale),
    height: Math.round(video.videoHeight * scale),
  });
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
      let sum = 0,
        peak = 0;
      for (const sample of samples) {
        sum += sample * sample;
        peak = Math.max(peak, Math.abs(sample));
      }
      return { rms: Math.sqrt(sum / samples.length), peak };
    },
  };
}
