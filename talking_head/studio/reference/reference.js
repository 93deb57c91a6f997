// Shows what /openapi.json tells: routes, what they take and what they answer.

const METHODS = ["get", "post", "put", "patch", "delete"];

/** An element with text or children. */
function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

/** A schema in a line or a nested object, references followed, each once. */
function shape(schema, all, seen = []) {
  if (!schema) return "anything";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return seen.includes(name) ? name : shape(all[name], all, [...seen, name]);
  }
  const some = schema.anyOf ?? schema.oneOf;
  if (some) {
    const shapes = some.map((one) => shape(one, all, seen));
    return shapes.every((one) => typeof one === "string") ? shapes.join(" | ") : shapes;
  }
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return [shape(schema.items, all, seen)];
  if (schema.type === "object" && schema.properties) {
    const needed = schema.required ?? [];
    return Object.fromEntries(Object.entries(schema.properties).map(
      ([name, value]) => [needed.includes(name) ? name : `${name}?`, shape(value, all, seen)]));
  }
  return "default" in schema ? `${schema.type}, ${JSON.stringify(schema.default)}` : schema.type ?? "anything";
}

/** One route. */
function route(path, method, told, all) {
  const made = element("details", element("summary", element("b", method.toUpperCase()), ` ${path}  `, told.summary ?? ""));
  if (told.description) made.append(element("p", told.description));
  if (told.parameters) {
    const rows = told.parameters.map((one) => element("tr", element("td", one.name), element("td", one.in),
      element("td", JSON.stringify(shape(one.schema, all)))));
    made.append(element("table", ...rows));
  }
  const body = told.requestBody?.content?.["application/json"]?.schema;
  if (body) made.append(element("p", "takes"), element("pre", JSON.stringify(shape(body, all), null, 2)));
  for (const [status, answer] of Object.entries(told.responses ?? {})) {
    const schema = answer.content?.["application/json"]?.schema;
    made.append(element("p", `${status}: ${answer.description}`));
    if (schema && status < "300") made.append(element("pre", JSON.stringify(shape(schema, all), null, 2)));
  }
  return made;
}

const told = await (await fetch("/openapi.json")).json();
const all = told.components?.schemas ?? {};
document.querySelector("#about").textContent = `${told.info.title} ${told.info.version}. ${told.info.description}`;
const groups = new Map();
for (const [path, methods] of Object.entries(told.paths)) {
  for (const method of METHODS.filter((name) => name in methods)) {
    const group = methods[method].tags?.[0] ?? "others";
    if (!groups.has(group)) groups.set(group, element("section", element("h2", group)));
    groups.get(group).append(route(path, method, methods[method], all));
  }
}
document.querySelector("#routes").replaceChildren(...groups.values());
