// @ts-check
/** Where a person makes a video: files, prompt, parameters, price, and one button. */

import {announce, button, fill, h, icon, newId} from "./dom.js";
import {Refusal, now} from "./door.js";
import {previews} from "./card.js";
import {body, change, changes, clear, draft, images, kind, medium, model, numberOf} from "./draft.js";
import {clearFaults, focusFault, register, showFaults, textOf} from "./faults.js";
import {showNew} from "./history.js";
import {learnView, placementOf} from "./jobs.js";
import {isSent, mediaPanel} from "./media.js";
import {parametersPanel} from "./parameters.js";
import {begin, discard, isSafe, send, unanswered} from "./pending.js";
import {askAgain, currentPrice, followPrice, prices} from "./price.js";
import {client, nearCap} from "./usage.js";
import {duration, money, sentence, t, time} from "./words.js";

/** The second click of a slow double click does not ask for a video of the next draft, which is empty. */
const DOUBLE_CLICK_MS = 1500;
const CHINESE = /[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u{20000}-\u{3ffff}]/gu;
const PARAMETERS = ["resolution", "ratio", "duration", "watermark", "seed", "audio"];

/** @typedef {import("./jobs.js").Job} Job */

const promptId = newId("prompt");
const prompt = h("textarea", {id: promptId, dir: "auto", rows: 3, placeholder: t("prompt_placeholder"), spellcheck: "true"});
const chips = h("div", {class: "chips", role: "group", "aria-label": t("insert")});
const counter = h("span", {class: "counter"});
const kindText = h("p", {class: "kind"});
const cost = h("p", {class: "cost", "aria-live": "off"});
const caps = h("p", {class: "caps"});
const messages = h("div", {class: "messages", role: "alert"});
const label = h("span", {}, t("make", {count: 1}));
const make = h("button", {type: "submit", class: "primary make"}, label);
/** Faults of the prompt are shown once a person has tried. */
let hasTried = false;
let lastAnswer = -DOUBLE_CLICK_MS;

prompt.addEventListener("input", () => change({prompt: prompt.value}));
prompt.addEventListener("keydown", (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && prompt.form?.requestSubmit());

/** Makes the panel. */
export function makePanel() {
  const {main, more} = parametersPanel();
  const faults = h("div", {class: "faults"});
  register("/prompt", {place: faults, control: prompt, label: t("prompt")});
  for (const field of ["images", "first_frame", "video"]) register(`/${field}`, {place: messages, control: null, label: t(field)});
  const form = h("form", {class: "composer", novalidate: true, "aria-labelledby": "make-heading"},
    h("h1", {id: "make-heading", class: "unseen", tabindex: "-1"}, t("make_heading")),
    mediaPanel(),
    h("div", {class: "writing"}, h("label", {for: promptId, class: "unseen"}, t("prompt")), prompt,
      h("div", {class: "under"}, chips, counter), faults),
    main,
    h("details", {class: "options"}, h("summary", {}, t("more_options")), more),
    h("div", {class: "bottom"}, h("div", {class: "why"}, kindText, cost, caps), make),
    messages);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  changes.addEventListener("change", render);
  prices.addEventListener("change", renderPrice);
  followPrice();
  render();
  resume();
  return form;
}

/** Fills the panel with what a job was made from. @param {Job} job @param {number} [n] how many variants */
export function edit(job, n = 1) {
  const any = /** @type {any} */ (job);
  const media = job.media.map((one, place) => medium({
    name: t(one.field === "images" ? "file_of_job" : one.field, {number: place + 1}),
    type: one.field === "video" ? "video/mp4" : "image/jpeg", source: one.source || "", state: "sent",
    thumb: job.media.length === 1 ? previews.get(job.id) || "" : "",
  }));
  const set = PARAMETERS.map((name) => [name, any[name]]).filter(([, value]) => value !== null && value !== undefined);
  change({n, prompt: job.prompt, media, model: job.model, role: job.kind === "i2v" ? "first_frame" : "references", parameters: Object.fromEntries(set), placement: placementOf(job)});
  prompt.value = job.prompt;
  prompt.focus();
  prompt.scrollIntoView({block: "center"});
}

/** Makes the video of a request, or its variants: once, also if this is done twice. @param {Record<string, unknown>} request */
export async function makeJob(request) {
  if (!begin(request, client())) return;
  await deliver();
}

async function submit() {
  const isUntouched = !draft.prompt && !draft.media.length;
  if (unanswered() || (isUntouched && performance.now() - lastAnswer < DOUBLE_CLICK_MS)) return;
  hasTried = true;
  clearFaults();
  fill(messages);
  const problem = localProblem();
  if (problem) return say(problem);
  await makeJob(body());
}

/** Returns what the API need not be asked about: it would refuse the same. */
function localProblem() {
  if (draft.media.some((one) => one.state === "failed" || one.state === "lost")) return t("files_failed");
  return isSent() ? "" : t("files_not_sent");
}

/** Takes up the request of before a reload. */
async function resume() {
  const pending = unanswered();
  if (!pending) return;
  if (pending.client === client() && isSafe(pending)) return deliver();
  // It may have been made, and would be made again: by another client, or after the API has forgotten its key.
  const why = pending.client === client() ? t("pending_old") : t("pending_of_other");
  const giveUp = button({text: t("discard"), class: "quiet", onclick: () => (discard(), fill(messages), renderButton())});
  fill(messages, h("div", {class: "note"}, h("p", {}, why), giveUp));
}

/** Sends the request until it is answered. */
async function deliver() {
  const isDraft = JSON.stringify(unanswered()?.body) === JSON.stringify(body());
  const first = images()[0]?.thumb || draft.media[0]?.thumb || "";
  fill(messages);
  renderButton();
  try {
    const made = await send((error, seconds) => fill(messages, waitingFor(error, seconds)));
    if (!made) return;
    lastAnswer = performance.now();
    const jobs = learnView(made);
    for (const job of jobs) if (isDraft && first) previews.set(job.id, first);
    fill(messages);
    if (isDraft) startAfresh();
    showNew(jobs);
    announce(t("made", {count: jobs.length}));
    askAgain(); // Less is left of the caps.
  } catch (error) {
    refused(error);
  } finally {
    renderButton();
  }
}

function startAfresh() {
  hasTried = false;
  clear();
  prompt.value = "";
  clearFaults();
}

/** Shows why nothing was made, or that nobody knows yet. @param {unknown} error */
function refused(error) {
  if (!(error instanceof Refusal)) {
    const again = button({icon: "again", text: t("try_again"), class: "quiet", onclick: deliver});
    const giveUp = button({text: t("discard"), class: "quiet", onclick: () => (discard(), fill(messages), renderButton())});
    return fill(messages, h("div", {class: "note"}, h("p", {}, t("not_answered")), again, giveUp));
  }
  if (error.status === 401) return;
  const others = showFaults(error.faults);
  const text = others.map((fault) => h("p", {class: "fault"}, textOf(fault)));
  fill(messages, text, error.faults.length === 0 && refusal(error));
  if (error.faults.length) announce(t("faults", {count: error.faults.length}));
  if (error.faults.length > others.length) focusFault();
  askAgain();
}

/** Says why the API refused, and what to do. @param {Refusal} error */
function refusal(error) {
  const {budget} = error;
  if (!budget) return h("p", {class: "fault"}, sentence(error.message), " ", error.remedy);
  const resets = Date.parse(budget.resets_at) / 1000;
  const values = {count: draft.n, cap: money(budget.cap), left: money(Math.max(0, budget.cap - budget.used)), price: money(budget.estimated_cost), time: time(resets, now())};
  const advice = t(budget.estimated_cost > budget.cap ? "cap_too_small" : "cap_resets", values);
  return h("p", {class: "fault"}, t(`cap_${budget.of}_${budget.period}`, values), " ", advice);
}

/** @param {unknown} error @param {number} seconds */
function waitingFor(error, seconds) {
  const why = error instanceof Refusal ? (error.status === 429 ? t("too_many_requests") : sentence(error.message)) : navigator.onLine ? t("no_answer") : t("offline_sending");
  return h("p", {class: "note"}, icon("clock"), why, " ", t("trying_again", {time: duration(seconds)}));
}

/** @param {string} text */
function say(text) {
  fill(messages, h("p", {class: "fault"}, text));
}

function render() {
  if (prompt.value !== draft.prompt && document.activeElement !== prompt) prompt.value = draft.prompt;
  const maximum = model()?.prompt.max_characters || 0;
  const length = weightOf(draft.prompt);
  counter.textContent = length > maximum * 0.8 ? t("characters", {length, maximum}) : "";
  kindText.textContent = t(`kind_${kind()}`);
  const numbered = draft.media.filter((one) => numberOf(one));
  fill(chips, numbered.length > 0 && h("span", {class: "hint"}, t("insert")),
    numbered.map((one) => button({text: `[Image ${numberOf(one)}]`, class: "chip", label: t("insert_image", {number: numberOf(one), name: one.name}), onclick: () => insert(`[Image ${numberOf(one)}]`)})));
  renderButton();
}

/** Counts characters as the API does: a Chinese one as two. @param {string} text */
function weightOf(text) {
  return [...text].length + (text.match(CHINESE) || []).length;
}

/** Writes a text where the cursor is, with a space on each side that needs one. @param {string} text */
function insert(text) {
  const {selectionStart: start, selectionEnd: end, value} = prompt;
  const before = start > 0 && !/\s$/.test(value.slice(0, start)) ? " " : "";
  const after = /^[\s.,;:!?)]/.test(value.slice(end)) ? "" : " ";
  prompt.setRangeText(before + text + after, start, end, "end");
  change({prompt: prompt.value});
  prompt.focus();
}

function renderPrice() {
  const {state, estimate, refusal: no} = currentPrice();
  cost.classList.toggle("asking", state === "asking");
  if (state === "asking" && !estimate) fill(cost, t("price_asked"));
  else if (state === "known") {
    const {formula} = estimate.estimated_cost_detail;
    fill(cost, estimate.n > 1 ? t("cost_of_several", {count: estimate.n, formula}) : formula);
    fill(caps, nearCap(estimate.budgets || [], estimate.estimated_cost));
  } else if (state === "none" || state === "refused") {
    fill(cost, draft.media.length && !isSent() ? t("price_after_upload") : "");
    fill(caps);
  } else if (state === "unreachable") fill(cost, t("price_unreachable"));
  if (state === "known" || state === "refused") renderFaults(no);
  renderButton();
}

/** Shows what the dry run found: what is wrong with files at once, the rest as well. @param {Refusal | null} no */
function renderFaults(no) {
  if (unanswered()) return;
  const faults = (no?.faults || []).filter((fault) => hasTried || fault.pointer !== "/prompt" || draft.prompt.trim());
  const others = showFaults(faults);
  if (hasTried || no) fill(messages, others.map((fault) => h("p", {class: "fault"}, textOf(fault))), no && !no.faults.length && refusal(no));
}

function renderButton() {
  const isBusy = Boolean(unanswered());
  const {state, estimate} = currentPrice();
  make.setAttribute("aria-disabled", String(isBusy));
  make.classList.toggle("busy", isBusy);
  label.textContent = isBusy ? t("making") : state === "known" ? t("make_for", {count: draft.n, price: money(estimate.estimated_cost)}) : t("make", {count: draft.n});
}

