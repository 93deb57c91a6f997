// What the page asks of its server: all of it is HTTP under /v1, the same that programs use.

/** What went wrong, in one sentence: what came, what was expected, what to do; nothing where nothing is told. */
export function sentence({ received, expected, remedy } = {}) {
  return [received, expected && `expected ${expected}`, remedy].filter(Boolean).join("; ");
}

/** The server refused. */
export class Refused extends Error {
  constructor({ received = "something unexpected", expected, remedy } = {}, status = 0) {
    super(sentence({ received, expected, remedy }));
    this.status = status;
  }
}

const GONE = {
  received: "the studio does not answer",
  expected: "talking-head studio to be running",
  remedy: "start it again",
};

/** Parsed JSON of an answer. body: an object is sent as JSON, a Blob as it is. Throws `Refused`. */
export async function ask(method, path, body, { signal } = {}) {
  const raw = body instanceof Blob;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers:
        body === undefined
          ? {}
          : { "Content-Type": raw ? body.type || "application/octet-stream" : "application/json" },
      body: body === undefined || raw ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(GONE);
  }
  return read(answer.status, answer.ok, await answer.text());
}

function read(status, good, text) {
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    content = null;
  }
  if (good) return content;
  const told = content?.error ?? { received: `answer ${status}`, expected: "another one", remedy: "try again" };
  throw new Refused(told, status);
}

export const get = (path, options) => ask("GET", path, undefined, options);
export const post = (path, body, options) => ask("POST", path, body ?? {}, options);
export const patch = (path, body, options) => ask("PATCH", path, body, options);
export const remove = (path, options) => ask("DELETE", path, undefined, options);

/** Whether a file is there already; false while it is being made. Throws `Refused`. */
export async function ready(path) {
  const answer = await fetch(path, { headers: { Range: "bytes=0-0" } }).catch(() => {
    throw new Refused(GONE);
  });
  const text = answer.ok && answer.status !== 202 ? "" : await answer.text();
  if (!answer.ok) read(answer.status, false, text);
  return answer.status !== 202;
}

/** Send a file; told(share) hears how far it is. Resolves to `{upload, bytes, kind, seconds}`. Throws `Refused`. */
export function upload(file, name, told = () => {}, signal = undefined) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how much was sent
    request.open("POST", "/v1/uploads");
    request.setRequestHeader("X-File-Name", encodeURIComponent(name));
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.addEventListener("progress", (event) => event.lengthComputable && told(event.loaded / event.total));
    request.addEventListener("load", () => {
      try {
        resolve(read(request.status, request.status >= 200 && request.status < 300, request.responseText));
      } catch (error) {
        reject(error);
      }
    });
    request.addEventListener("error", () => reject(new Refused(GONE)));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

export const person = (id, rest = "") => `/v1/people/${encodeURIComponent(id)}${rest}`;
export const jobFile = (job, name) => `/v1/jobs/${encodeURIComponent(job)}/files/${encodeURIComponent(name)}`;
