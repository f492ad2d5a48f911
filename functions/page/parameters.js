// @ts-check
/** The parameters of the chosen model, and no others: controls from the schemas of GET /v1/models. */

import {fill, h, newId} from "./dom.js";
import {change, changes, choices, draft, kind, model} from "./draft.js";
import {register} from "./faults.js";
import {optional, t} from "./words.js";

/** What most people decide; everything else is under "More options". */
const MAIN = ["resolution", "ratio", "duration", "audio"];
/** A range that a slider can show. */
const SLIDER_STEPS = 100;
const MAX_VARIANTS = 4;

/** @typedef {{type: string, enum?: (string | number)[], minimum?: number, maximum?: number, default?: any, description?: string}} Schema */

const main = h("div", {class: "parameters"});
const more = h("div", {class: "parameters more"});
let drawn = "";

/** Makes the controls: the main ones, and the others. */
export function parametersPanel() {
  changes.addEventListener("change", render);
  render();
  return {main, more};
}

function render() {
  const found = model();
  const signature = JSON.stringify([found?.id, choices().map((one) => one.id), kind()]);
  if (found && drawn !== signature) {
    drawn = signature;
    const names = Object.keys(found.parameters);
    const controls = (/** @type {string[]} */ some) => some.map((one) => control(one, found.parameters[one]));
    fill(main, controls(MAIN.filter((one) => names.includes(one))), variants());
    fill(more, modelControl(), controls(names.filter((one) => !MAIN.includes(one))));
  }
  for (const one of [...main.children, ...more.children]) one.dispatchEvent(new Event("refresh"));
}

/** @param {string} name @param {Schema} schema */
function control(name, schema) {
  const id = newId(name);
  const label = optional(`parameter_${name}`, name);
  const made = controlOf(id, name, schema);
  const faults = h("div", {class: "faults"});
  const hint = optional(`hint_${name}`, "");
  const hintId = hint && newId("hint");
  if (hint) made.input.setAttribute("aria-describedby", hintId);
  const element = h("div", {class: `parameter ${made.kind}`},
    h("label", {for: id}, label, made.kind === "slider" && made.output), made.shown, hint && h("p", {class: "hint", id: hintId}, hint), faults);
  register(`/${name}`, {place: faults, control: made.input, label});
  element.addEventListener("refresh", () => made.refresh(draft.parameters[name] ?? schema.default ?? ""));
  return element;
}

/** @param {string} id @param {string} name @param {Schema} schema */
function controlOf(id, name, schema) {
  if (schema.enum) return select(id, name, schema);
  if (schema.type === "boolean") return checkbox(id, name, schema);
  const steps = (schema.maximum ?? Infinity) - (schema.minimum ?? -Infinity);
  return steps <= SLIDER_STEPS ? slider(id, name, schema) : number(id, name, schema);
}

/** @param {string} name @param {unknown} value */
function setParameter(name, value) {
  change({parameters: {...draft.parameters, [name]: value}});
}

/** @param {string} id @param {string} name @param {Schema} schema */
function select(id, name, schema) {
  const values = schema.enum || [];
  const input = h("select", {id}, values.map((value) => h("option", {value: String(value)}, optionText(name, String(value)))));
  input.addEventListener("change", () => setParameter(name, values[input.selectedIndex]));
  return {kind: "select", input, shown: input, output: null, refresh: (/** @type {unknown} */ value) => (input.value = String(value))};
}

/** @param {string} id @param {string} name @param {Schema} schema */
function checkbox(id, name, schema) {
  const input = h("input", {id, type: "checkbox"});
  input.addEventListener("change", () => setParameter(name, input.checked));
  const refresh = (/** @type {unknown} */ value) => (input.checked = Boolean(value === "" ? schema.default : value));
  return {kind: "checkbox", input, shown: input, output: null, refresh};
}

/** @param {string} id @param {string} name @param {Schema} schema */
function slider(id, name, schema) {
  const output = h("span", {class: "value", "aria-hidden": "true"}); // A screen reader has it from the slider.
  const input = h("input", {id, type: "range", min: schema.minimum, max: schema.maximum, step: 1});
  input.addEventListener("input", () => setParameter(name, input.valueAsNumber));
  const refresh = (/** @type {any} */ value) => {
    input.value = String(value);
    output.textContent = optional(`unit_${name}`, "") ? t(`unit_${name}`, {count: Number(value)}) : String(value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  return {kind: "slider", input, shown: input, output, refresh};
}

/** @param {string} id @param {string} name @param {Schema} schema */
function number(id, name, schema) {
  const placeholder = optional(`placeholder_${name}`, "");
  const input = h("input", {id, type: "number", inputmode: "numeric", min: schema.minimum, max: schema.maximum, step: 1, placeholder});
  input.addEventListener("input", () => setParameter(name, input.value === "" ? "" : input.valueAsNumber));
  const refresh = (/** @type {unknown} */ value) => {
    if (document.activeElement !== input) input.value = String(value);
  };
  return {kind: "number", input, shown: input, output: null, refresh};
}

function modelControl() {
  const id = newId("model");
  const faults = h("div", {class: "faults"});
  const input = h("select", {id}, choices().map((one) => h("option", {value: one.id}, one.id)));
  input.addEventListener("change", () => change({model: input.value}));
  register("/model", {place: faults, control: input, label: t("model")});
  const element = h("div", {class: "parameter select"}, h("label", {for: id}, t("model")), input, faults);
  element.addEventListener("refresh", () => (input.value = model()?.id || ""));
  return element;
}

/** Makes the choice of how many videos one request makes. */
function variants() {
  const id = newId("n");
  const faults = h("div", {class: "faults"});
  const inputs = [...Array(MAX_VARIANTS).keys()].map((place) => h("input", {type: "radio", name: id, value: String(place + 1)}));
  const choices = inputs.map((input) => h("label", {}, input, h("span", {}, input.value)));
  for (const input of inputs) input.addEventListener("change", () => change({n: Number(input.value)}));
  const element = h("div", {class: "parameter", role: "radiogroup", "aria-labelledby": id},
    h("span", {id, class: "legend"}, t("variants")), h("div", {class: "roles"}, choices), faults);
  register("/n", {place: faults, control: inputs[0], label: t("variants")});
  element.addEventListener("refresh", () => (inputs[draft.n - 1].checked = true));
  return element;
}

/** Says what a shape looks like. @param {string} name @param {string} value */
function optionText(name, value) {
  const [width, height] = value.split(":").map(Number);
  if (name !== "ratio" || !height) return optional(`${name}_${value}`, value);
  return t(width > height ? "landscape" : width < height ? "portrait" : "square", {ratio: value});
}
