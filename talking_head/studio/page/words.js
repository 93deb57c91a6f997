// Numbers, in words that people use.

/** `0:07`, `12:30`, `1:02:03`. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds ?? 0));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** How long, roughly: `20 seconds`, `3 minutes`, `1 hour 10 minutes`. */
export function span(seconds) {
  if (seconds < 90) return many(Math.max(1, Math.round(seconds)), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return many(minutes, "minute");
  const rest = minutes % 60;
  return `${many(Math.floor(minutes / 60), "hour")}${rest ? ` ${many(rest, "minute")}` : ""}`;
}

/** How long it still takes, or nothing where nobody knows. */
export function left(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "";
  return seconds < 8 ? "a few seconds left" : `about ${span(seconds < 60 ? Math.ceil(seconds / 5) * 5 : seconds)} left`;
}

/** `Still missing: a name and the consent.`, or nothing where nothing is. */
export function stillMissing(lacks) {
  const names = lacks.filter(Boolean).join(", ");
  return names && `Still missing: ${names.replace(/, ([^,]*)$/, " and $1")}.`;
}

/** `1 film`, `3 films`. */
export function many(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** `6.7 MB`. */
export function size(bytes) {
  if (typeof bytes !== "number") return "";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** When it was: `today 14:05`, `yesterday 9:10`, `12 March`. Takes an ISO date or seconds since 1970. */
export function when(moment) {
  const date = new Date(typeof moment === "number" ? moment * 1000 : moment);
  if (Number.isNaN(date.getTime())) return "";
  const day = (one) => Math.floor((one.getTime() - one.getTimezoneOffset() * 60000) / 86400000);
  const ago = day(new Date()) - day(date);
  const time = date.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" });
  if (ago === 0) return `today ${time}`;
  if (ago === 1) return `yesterday ${time}`;
  return date.toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
}

/** A text as the id of a person: `Ana María` becomes `ana-maria`. */
export function plain(text) {
  const bare = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return bare
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, 64);
}

/** `sound_offset_s` becomes `Sound offset s`; for what has no words of its own. */
export function spoken(name) {
  const text = name.replaceAll("_", " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** First letter large. */
export function capital(text) {
  return text ? text.charAt(0).toUpperCase() + text.slice(1) : "";
}
