// @ts-check
/** Makes elements. Texts only ever become text: there is no way here to write HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, any>} Attributes
 */

/**
 * Makes an element. A function is a listener (`onclick`), a boolean is present or absent, null is left out, and
 * properties such as `value` are set as properties.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  element.append(...shown(children));
  return element;
}

/** Replaces what an element contains. @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
}

/**
 * Replaces what an element contains if it shows something else than before: so the focus, and what is open, stay.
 * @param {HTMLElement} element @param {unknown} shows what decides about the content @param {() => (Child | Child[])[]} make
 */
export function refill(element, shows, make) {
  const signature = JSON.stringify(shows);
  if (element.dataset.signature === signature) return;
  element.dataset.signature = signature;
  fill(element, ...make());
}

/** @param {Element} element @param {Attributes} attributes */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (name === "value" || name === "checked") /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, String(value));
  }
}

/** Makes an icon of index.html, which says nothing to a screen reader. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  set(svg, {class: "icon", "aria-hidden": "true", focusable: "false"});
  svg.append(use);
  return svg;
}

/**
 * Makes a button with an icon, a text, or both; without a text, `label` names it.
 * @param {{icon?: string, text?: Child, label?: string, class?: string, onclick?: (event: MouseEvent) => void,
 *   disabled?: boolean, title?: string}} options
 */
export function button(options) {
  const {icon: name, text, label, class: kind = "", onclick, disabled = false, title = label} = options;
  const attributes = {type: "button", class: kind || null, "aria-label": label, title, disabled, ...(onclick && {onclick})};
  return h("button", attributes, name && icon(name), text === undefined ? null : h("span", {}, text));
}

/** Makes a name that others chose: its direction of writing changes nothing around it. @param {string} text */
export function name(text) {
  return h("bdi", {class: "name", title: text}, text);
}

/** Finds an element of index.html. @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Says something to a screen reader, politely. @param {string} text */
export function announce(text) {
  const place = byId("announcements");
  // The same text again is said again.
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

let last = 0;

/** Returns an id that no other element has. @param {string} kind */
export function newId(kind) {
  last += 1;
  return `${kind}-${last}`;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function shown(children) {
  const all = /** @type {Child[]} */ (children.flat());
  return all.filter((one) => one !== null && one !== undefined && one !== false && one !== "")
    .map((one) => (one instanceof Node ? one : String(one)));
}
