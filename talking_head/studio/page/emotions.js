// Choosing an emotion: none, one all through, or changing over time.

import { fill, h, s } from "./dom.js";
import { button, choice, field, list } from "./parts.js";
import { capital } from "./words.js";

/** Motion models that feel what they are asked for, the first by default. */
export const FEELING = ["emote", "karras2017"];
const PLAIN = ["neutral", "happy", "sad", "surprised", "fear", "disgusted", "angry", "contempt"];
const STRENGTH = 0.7;

/** The control: `.order()` gives `{}`, `{emotion}` or `{emotions}`; `.names(list)` says what can be asked for. */
export function emotions({ changed = () => {} } = {}) {
  let names = PLAIN;
  const rows = [
    { time_s: 0, emotion: "neutral", strength: STRENGTH },
    { time_s: 2, emotion: "happy", strength: STRENGTH },
  ];
  const one = { emotion: "happy", strength: STRENGTH };
  const inside = h("div", { class: "emotion-inside" });
  const kind = choice(
    "Emotion",
    [
      ["none", "As it comes"],
      ["one", "One feeling"],
      ["over", "Changing"],
    ],
    "none",
    {
      changed: () => {
        draw();
        changed();
      },
    },
  );
  const whole = h("div", { class: "emotions" }, kind, inside);

  const pick = (row, label) =>
    Object.assign(
      list(
        names.map((name) => [name, capital(name)]),
        row.emotion,
        (value) => {
          row.emotion = value;
          strip();
        },
      ),
      { ariaLabel: label },
    );
  const strength = (row, label) =>
    h("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.05,
      value: row.strength,
      "aria-label": label,
      oninput: (event) => {
        row.strength = Number(event.target.value);
        strip();
      },
    });
  const drawn = h("div", { class: "strip", "aria-hidden": "true" });

  function draw() {
    if (kind.value === "none") return fill(inside);
    if (kind.value === "one")
      return fill(
        inside,
        h(
          "div",
          { class: "pair" },
          field("Feeling", pick(one, "Feeling")),
          field("How strongly", strength(one, "How strongly")),
        ),
      );
    rows.sort((a, b) => a.time_s - b.time_s);
    fill(
      inside,
      h(
        "ul",
        { class: "moments" },
        rows.map((row, k) =>
          h(
            "li",
            {},
            h(
              "label",
              { class: "inline" },
              "From",
              h("input", {
                type: "number",
                min: 0,
                step: 0.1,
                value: row.time_s,
                class: "short",
                "aria-label": `Change ${k + 1}: from second`,
                onchange: (event) => {
                  row.time_s = Math.max(0, Number(event.target.value) || 0);
                  draw();
                },
              }),
              "s",
            ),
            pick(row, `Change ${k + 1}: feeling`),
            strength(row, `Change ${k + 1}: how strongly`),
            button(
              "",
              () => {
                rows.splice(k, 1);
                draw();
              },
              { kind: "quiet", sign: "cross", "aria-label": `Remove change ${k + 1}`, disabled: rows.length < 2 },
            ),
          ),
        ),
      ),
      drawn,
      h(
        "div",
        { class: "row" },
        button(
          "Add a change",
          () => {
            rows.push({ time_s: (rows.at(-1)?.time_s ?? 0) + 2, emotion: "neutral", strength: STRENGTH });
            draw();
          },
          { sign: "plus" },
        ),
      ),
    );
    strip();
    return inside;
  }
  function strip() {
    if (kind.value !== "over") return;
    const end = (rows.at(-1)?.time_s ?? 0) + 2;
    const parts = rows.map((row, k) => {
      const x = (100 * row.time_s) / end,
        width = (100 * ((rows[k + 1]?.time_s ?? end) - row.time_s)) / end;
      const bar = s("rect", {
        x,
        width,
        y: 12 - 12 * row.strength,
        height: 12 * row.strength + 1,
        class: `feeling feeling-${PLAIN.indexOf(row.emotion)}`,
      });
      return [bar];
    });
    fill(drawn, s("svg", { viewBox: "0 0 100 13", preserveAspectRatio: "none" }, parts));
  }
  return Object.assign(whole, {
    order() {
      if (kind.value === "one") return { emotion: `${one.emotion}:${one.strength}` };
      if (kind.value === "over") return { emotions: rows.map((row) => ({ ...row })) };
      return {};
    },
    names(all) {
      names = all?.length ? all : PLAIN;
      for (const row of [one, ...rows]) if (!names.includes(row.emotion)) row.emotion = names[0];
      draw();
    },
    wanted: () => kind.value !== "none",
    off() {
      kind.value = "none";
      draw();
    },
  });
}
