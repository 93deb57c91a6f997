// Building elements: text is always text, so nothing that somebody typed becomes markup.

/** An element. Properties: `class`, `on…` functions, `data-…` and attributes; null and false are left out. */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same in SVG. */
export function s(tag, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "muted") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let counter = 0;

/** An id that no other element has. */
export function fresh(name) {
  counter += 1;
  return `${name}-${counter}`;
}

const ICONS = {
  play: "M8 5.5v13l10-6.500z",
  pause: "M8 5.500v13M16 5.500v13",
  plus: "M12 5v14M5 12h14",
  down: "M12 4v11m0 0-4.5-4.500M12 15l4.5-4.500M5 20h14",
  up: "M12 16V5m0 0L7.5 9.500M12 5l4.5 4.500M5 20h14",
  bin: "M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.5 10.500v5.500M13.5 10.500v5.5",
  camera: "M3 7.500h11.500v9.500H3zM14.5 11l6-3v8.500l-6-3",
  check: "m5 12.5 4.5 4.500L19 7.5",
  cross: "M6 6l12 12M18 6 6 18",
  dice: "M5 5h14v14H5zM9 9h.01M15 15h.01M12 12h.01M15 9h.01M9 15h.01",
  mic: "M12 3.500a2.5 2.5 0 0 1 2.5 2.500v5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.500zM6 11a6 6 0 0 0 12 0M12 17v3.5",
  stop: "M7 7h10v10H7z",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  undo: "M8 6 4 10l4 4M4 10h9.500a5.5 5.5 0 0 1 0 11H11",
  redo: "m16 6 4 4-4 4M20 10h-9.500a5.5 5.5 0 0 0 0 11H13",
};

/** A drawn sign beside a word; screen readers pass over it. */
export function icon(name) {
  return s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}

/** Replace all that is inside. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}
