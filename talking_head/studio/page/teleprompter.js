// The teleprompter: the consent first, then sentences that cover the sounds of a language.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { button, list } from "./parts.js";

const WORD_S = 0.3; // a word's time at an easy pace

/** Sentences to read aloud. sentence(): the consent, as it stands. agreed(): it was read. */
export function teleprompter(sentence, agreed) {
  const line = h("p", { class: "prompt-line" });
  const after = h("p", { class: "prompt-next", "aria-hidden": "true" });
  const element = h("div", { class: "prompt" }, line, after);
  const next = button("Next sentence", () => step());
  const languages = h("span", {});
  let all = [],
    at = 0,
    heardS = 0,
    wanted = new Set(),
    read = new Set();

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
    if (found.languages?.length > 1)
      fill(
        languages,
        h(
          "label",
          { class: "inline" },
          "Language ",
          list(
            found.languages.map((one) => [one.code, one.name]),
            language,
            (code) => load(code),
          ),
        ),
      );
    show();
  }
  return {
    element,
    next,
    languages,
    load,
    heard(spanS) {
      heardS += spanS;
      const one = all[at];
      if (one && heardS >= paceOf(one)) taken(one);
    },
    share: () => (wanted.size ? [...read].filter((phone) => wanted.has(phone)).length / wanted.size : 1),
  };
}
