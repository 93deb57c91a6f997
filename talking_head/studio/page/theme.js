// Light, dark, or as the system has it; set before the first paint, so a classic script in the head.
(() => {
  "use strict";
  const order = ["auto", "light", "dark"];
  const signs = {
    auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
    light:
      "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
    dark: "M19.5 14.5A8 8 0 0 1 9.5 4.500a8 8 0 1 0 10 10z",
  };
  const words = { auto: "Colours: system", light: "Colours: light", dark: "Colours: dark" };
  const kept = () => {
    try {
      return order.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto";
    } catch {
      return "auto"; // a browser that keeps nothing
    }
  };
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
  };
  set(kept());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const tell = () => {
      const theme = document.documentElement.dataset.theme;
      const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", signs[theme]);
      for (const [name, value] of [
        ["viewBox", "0 0 24 24"],
        ["class", `icon theme-${theme}`],
        ["aria-hidden", "true"],
      ])
        drawn.setAttribute(name, value);
      drawn.append(path);
      button.replaceChildren(drawn, words[theme]);
      button.setAttribute("aria-label", `Light or dark: ${theme === "auto" ? "as the system" : theme}`);
    };
    button.addEventListener("click", () => {
      const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
      set(next);
      try {
        localStorage.setItem("theme", next);
      } catch {
        /* shown now, not kept */
      }
      tell();
    });
    tell();
  });
})();
