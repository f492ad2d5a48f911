// @ts-check
/** Faults beside the fields that they are about. The API says where: by JSON pointers such as `/images/0`. */

import {fill, h, newId} from "./dom.js";
import {isolated, sentence, t} from "./words.js";

/**
 * @typedef {import("./door.js").Fault} Fault
 * @typedef {object} Field
 * @property {HTMLElement} place where its faults are shown
 * @property {HTMLElement | null} control what has the fault, if one can type in it
 * @property {string} label
 */

/** @type {Map<string, Field>} */
const fields = new Map();

/** Makes the faults at a pointer, and below it, appear at a field. @param {string} pointer @param {Field} field */
export function register(pointer, field) {
  fields.set(pointer, field);
}

/** Removes all faults, or those at pointers. @param {(pointer: string) => boolean} [which] */
export function clearFaults(which = () => true) {
  for (const [pointer, field] of fields) {
    if (which(pointer)) show(field, []);
  }
}

/**
 * Shows faults, each beside its field; returns those that belong to none.
 * @param {Fault[]} faults @returns {Fault[]}
 */
export function showFaults(faults) {
  clearFaults();
  /** @type {Map<Field, Fault[]>} */
  const found = new Map();
  const others = [];
  for (const fault of faults) {
    const field = fieldAt(fault.pointer || "");
    if (field) found.set(field, [...(found.get(field) || []), fault]);
    else others.push(fault);
  }
  for (const [field, some] of found) show(field, some);
  return others;
}

/** Moves the focus to the first field with a fault; returns whether there is one. */
export function focusFault() {
  const first = document.querySelector('[aria-invalid="true"]');
  if (first instanceof HTMLElement) first.focus();
  else document.querySelector(".faults .fault")?.scrollIntoView({block: "center"});
  return Boolean(first);
}

/** Returns a fault as a sentence, with what to do. @param {Fault} fault @param {string} [label] */
export function textOf(fault, label = "") {
  const place = isolated(label || (fault.pointer || "").replace(/^\//, ""));
  return [sentence(t("fault", {place, detail: fault.detail})), sentence(fault.remedy || "")].filter(Boolean).join(" ");
}

/** @param {Field} field @param {Fault[]} faults */
function show(field, faults) {
  const {place, control, label} = field;
  fill(place, faults.map((fault) => h("p", {class: "fault"}, textOf(fault, label))));
  if (!control) return;
  place.id ||= newId("faults");
  const others = (control.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && id !== place.id);
  const described = faults.length ? [...others, place.id] : others;
  if (faults.length) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
  if (described.length) control.setAttribute("aria-describedby", described.join(" "));
  else control.removeAttribute("aria-describedby");
}

/** @param {string} pointer */
function fieldAt(pointer) {
  for (let at = pointer; at; at = at.slice(0, at.lastIndexOf("/"))) {
    const field = fields.get(at);
    if (field?.place.isConnected) return field;
  }
  return undefined;
}
