// Curves as they are edited: pulling at a point, lifting a stretch, undoing; no drawing, no network.

const SOFT_S = 0.12; // at the ends of a stretch, so that nothing jumps

/** A raised cosine: 1 in the middle, 0 from `reach` on. */
const bump = (distance, reach) => (distance >= reach ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach));

export class CurveModel {
  /** told: `{fps, names, labels, units, ranges, values}` as the server gives it. */
  constructor(told) {
    Object.assign(this, {
      fps: told.fps,
      names: told.names,
      labels: told.labels ?? {},
      units: told.units ?? {},
      ranges: told.ranges ?? {},
    });
    this.values = Object.fromEntries(told.names.map((name) => [name, Float64Array.from(told.values[name])]));
    this.frames = this.values[told.names[0]]?.length ?? 0;
    [this.past, this.future] = [[], []];
  }

  get seconds() {
    return this.frames / this.fps;
  }

  /** Lowest and highest value that a curve may have; where the server says nothing, a little more than it has. */
  range(name) {
    if (this.ranges[name]) return this.ranges[name];
    let [low, high] = [Infinity, -Infinity];
    for (const value of this.values[name]) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const room = 0.15 * (high - low) || 1;
    this.ranges[name] = [low - room, high + room];
    return this.ranges[name];
  }

  /** Weights of the frames that an edit touches: `[first, weights]`. stretch: `[from_s, to_s]` or null: around `at_s`. */
  touched(at_s, reach_s, stretch) {
    const [from_s, to_s] = stretch ? [stretch[0] - SOFT_S, stretch[1] + SOFT_S] : [at_s - reach_s, at_s + reach_s];
    const first = Math.max(0, Math.ceil(from_s * this.fps)),
      last = Math.min(this.frames - 1, Math.floor(to_s * this.fps));
    const weights = [];
    for (let frame = first; frame <= last; frame += 1) {
      const time = frame / this.fps;
      const outside = stretch ? Math.max(0, stretch[0] - time, time - stretch[1]) : Math.abs(time - at_s);
      weights.push(bump(outside, stretch ? SOFT_S : Math.max(reach_s, 0.5 / this.fps)));
    }
    return [first, weights];
  }

  /** A curve with something done to it where the weights are: `change(value)` is what it becomes where they are 1. */
  bent(name, first, weights, change) {
    const [low, high] = this.range(name);
    return weights.map((weight, k) => {
      const value = this.values[name][first + k];
      return Math.min(high, Math.max(low, value + weight * (change(value) - value)));
    });
  }

  /** Put values in; returns the change as the server takes it, or null where nothing changed. */
  put(name, first, values) {
    const before = Array.from(this.values[name].subarray(first, first + values.length));
    if (values.every((value, k) => value === before[k])) return null;
    this.values[name].set(values, first);
    this.past.push({ name, first, before, after: values });
    this.future = [];
    return { name, from: first, values };
  }

  undo() {
    return this.#step(this.past, this.future, "before");
  }

  redo() {
    return this.#step(this.future, this.past, "after");
  }

  #step(from, to, side) {
    const edit = from.pop();
    if (!edit) return null;
    this.values[edit.name].set(edit[side], edit.first);
    to.push(edit);
    return { name: edit.name, from: edit.first, values: edit[side] };
  }

  /** The mean of its neighbours, three frames to each side. */
  smoothed(name, first, weights) {
    const all = this.values[name];
    return weights.map((weight, k) => {
      const frame = first + k;
      let [sum, count] = [0, 0];
      for (let near = Math.max(0, frame - 3); near <= Math.min(this.frames - 1, frame + 3); near += 1)
        [sum, count] = [sum + all[near], count + 1];
      return all[frame] + weight * (sum / count - all[frame]);
    });
  }
}
