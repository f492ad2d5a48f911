// @ts-check
/** The first thing that a person sees: what this is, and where the key goes. */

import {button, fill, h, icon, newId} from "./dom.js";
import {Refusal} from "./door.js";
import {cleaned, forget, isSendable, use} from "./key.js";
import {unanswered} from "./pending.js";
import {sentence, t} from "./words.js";

/**
 * Makes the welcome.
 * @param {{message: string, enter: () => Promise<void>}} options `enter` throws if the key does not open the door
 */
export function welcome({message, enter}) {
  const id = newId("key");
  const faults = h("div", {class: "faults", id: newId("faults"), role: "alert"}, message && h("p", {class: "fault"}, message));
  const input = h("input", {id, type: "password", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: t("key_placeholder"), "aria-describedby": faults.id});
  const remember = h("input", {type: "checkbox"});
  const show = button({text: t("show"), class: "quiet small", label: t("show_key"), onclick: () => {
    const isHidden = input.type === "password";
    input.type = isHidden ? "text" : "password";
    show.setAttribute("aria-pressed", String(isHidden));
  }});
  show.setAttribute("aria-pressed", "false");
  const go = h("button", {type: "submit", class: "primary"}, t("enter"));
  const form = h("form", {class: "key", novalidate: true},
    h("label", {for: id}, t("key")),
    h("div", {class: "field"}, input, show),
    faults,
    h("label", {class: "choice"}, remember, h("span", {}, t("remember"), h("span", {class: "hint"}, t("remember_hint")))),
    go, h("p", {class: "hint"}, t("key_hint")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    const problem = await opened(cleaned(input.value), remember.checked, enter);
    go.disabled = false;
    fill(faults, problem && h("p", {class: "fault"}, problem));
    if (problem) input.focus();
  });
  const waiting = unanswered() && h("p", {class: "note"}, icon("clock"), t("pending_needs_key"));
  return h("section", {class: "welcome"},
    h("div", {class: "hero"}, h("h1", {}, t("headline")), h("p", {class: "lead"}, t("lead")),
      h("ol", {class: "steps"}, ["step_key", "step_files", "step_watch"].map((one) => h("li", {}, t(one))))),
    h("div", {class: "panel"}, waiting, form));
}

/** Tries a key; returns what is wrong. @param {string} text @param {boolean} remember @param {() => Promise<void>} enter */
async function opened(text, remember, enter) {
  if (!text) return t("key_missing");
  if (!isSendable(text)) return t("key_unsendable");
  use(text, false);
  try {
    await enter();
    use(text, remember);
    document.querySelector("h1")?.focus(); // The field that had the focus is gone.
    return "";
  } catch (error) {
    forget();
    if (error instanceof Refusal) return error.status === 401 ? t("key_refused") : `${sentence(error.message)} ${error.remedy}`;
    return t("unreachable");
  }
}
