// The work under way: one stream of events for the whole page, since a browser opens few connections to one place.

import { get, post, remove } from "./api.js";

const jobs = new Map();
const watchers = new Set(); // functions of (job)
const POLL_MS = 1500;
let polling = false;

export const UNDER_WAY = new Set(["queued", "running"]);

/** Every job known, newest first. */
export function known() {
  return [...jobs.values()].sort((a, b) => b.made_at - a.made_at);
}

/** Hear of every change; returns how to stop. */
export function watch(heard) {
  watchers.add(heard);
  return () => watchers.delete(heard);
}

/** Hear of one job's changes, beginning with how it is now; returns how to stop. */
export function follow(id, heard) {
  const stop = watch((job) => job.job === id && heard(job));
  if (jobs.has(id)) heard(jobs.get(id));
  return stop;
}

/** Ask for work. Throws `Refused`. */
export async function start(order) {
  return take(await post("/v1/jobs", order));
}

/** Stop a job under way, or delete a finished one and its films. */
export async function drop(id) {
  const running = UNDER_WAY.has(jobs.get(id)?.state);
  await remove(`/v1/jobs/${encodeURIComponent(id)}`);
  if (running)
    take(await get(`/v1/jobs/${encodeURIComponent(id)}`).catch(() => ({ ...jobs.get(id), state: "cancelled" })));
  else forget(id);
}

/** Read all jobs anew. */
export async function refresh() {
  const all = await get("/v1/jobs");
  const there = new Set(all.map((job) => job.job));
  for (const id of [...jobs.keys()]) if (!there.has(id)) forget(id);
  all.forEach(take);
  return known();
}

function forget(id) {
  const gone = jobs.get(id);
  jobs.delete(id);
  if (gone) for (const heard of watchers) heard({ ...gone, state: "removed" });
}

export function take(job) {
  jobs.set(job.job, job);
  for (const heard of watchers) heard(job);
  if (polling && UNDER_WAY.has(job.state)) poll();
  return job;
}

/** Begin to listen; where the stream does not come, ask every little while. */
export function listen() {
  const stream = new EventSource("/v1/jobs/events");
  for (const kind of ["progress", "state"]) stream.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  stream.addEventListener("open", () => refresh().catch(() => {})); // what was missed meanwhile
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED || polling) return;
    polling = true;
    poll();
  });
}

let waiting = 0;
function poll() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    await refresh().catch(() => {});
    if (known().some((job) => UNDER_WAY.has(job.state))) poll();
  }, POLL_MS);
}
