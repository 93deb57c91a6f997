// Drawing of lanes: waveform, curves, the chosen stretch, the line. `view` is what is shown: see `Lanes`.

export const LANE_PX = 84;
export const WAVE_PX = 64;
const MARGIN_PX = 6;

/** The page's colours as they are now, light or dark. */
export function colours(probe) {
  const names = ["ink", "soft", "line", "accent", "tint", "focus"];
  return Object.fromEntries(
    names.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
}

/** A clean canvas of the screen's own pixels: its pen and its width. */
function paper(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, canvas.clientWidth);
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return [pen, width];
}

const across = (view, width) => (time) => ((time - view.from) / (view.to - view.from)) * width;

function drawStretch(pen, view, x, height, colour) {
  if (!view.stretch) return;
  pen.fillStyle = colour.tint;
  pen.fillRect(x(view.stretch[0]), 0, x(view.stretch[1]) - x(view.stretch[0]), height);
}

function drawLine(pen, view, x, height, colour) {
  pen.fillStyle = colour.focus;
  pen.fillRect(x(view.at) - 0.75, 0, 1.5, height);
}

export function drawWave(canvas, view, colour) {
  const [pen, width] = paper(canvas, WAVE_PX);
  const x = across(view, width);
  drawStretch(pen, view, x, WAVE_PX, colour);
  pen.fillStyle = colour.soft;
  const { peaks } = view;
  for (let k = 0; k < width; k += 2) {
    const time = view.from + (k / width) * (view.to - view.from);
    const peak = peaks[Math.min(peaks.length - 1, Math.floor((time / view.model.seconds) * peaks.length))] ?? 0;
    const tall = Math.max(1, peak * (WAVE_PX - 8));
    pen.fillRect(k, (WAVE_PX - tall) / 2, 1.2, tall);
  }
  drawLine(pen, view, x, WAVE_PX, colour);
}

/** Draw a curve; returns its value at the line. */
export function drawCurve(canvas, view, name, colour) {
  const [pen, width] = paper(canvas, LANE_PX);
  const x = across(view, width);
  const [low, high] = view.model.range(name);
  const y = (value) => MARGIN_PX + (1 - (value - low) / (high - low)) * (LANE_PX - 2 * MARGIN_PX);
  drawStretch(pen, view, x, LANE_PX, colour);
  if (low < 0 && high > 0) {
    pen.fillStyle = colour.line;
    pen.fillRect(0, y(0), width, 1);
  }
  const curve = view.model.values[name];
  const draft = view.draft?.name === name ? view.draft : null;
  const now = (frame) => draft?.values[frame - draft.first] ?? curve[frame];
  if (draft) stroke(pen, view, x, y, (frame) => curve[frame], colour.line);
  stroke(pen, view, x, y, now, name === view.lane ? colour.accent : colour.ink);
  drawLine(pen, view, x, LANE_PX, colour);
  return now(Math.round(view.at * view.model.fps)) ?? 0;
}

function stroke(pen, view, x, y, valueAt, style) {
  Object.assign(pen, { strokeStyle: style, lineWidth: 1.8, lineJoin: "round" });
  pen.beginPath();
  const { fps, frames } = view.model;
  const last = Math.min(frames - 1, Math.ceil(view.to * fps));
  for (let frame = Math.max(0, Math.floor(view.from * fps)); frame <= last; frame += 1) {
    pen.lineTo(x(frame / fps), y(valueAt(frame)));
  }
  pen.stroke();
}
