// @ts-check
/** One job, large: its video, what it was made from, its receipt, and what one can do with it. Or the variants of a group. */

import {button, fill, h, name, refill} from "./dom.js";
import {hintOf, newSeed, repeatOf} from "./again.js";
import {canBeCancelled, cancelButton} from "./cancel.js";
import {costText, stateText, whoseOf} from "./card.js";
import {get} from "./door.js";
import {entryOf, hasEnded, isWhole, job as known, learnView, members, news, phase} from "./jobs.js";
import {edit, makeJob} from "./make.js";
import {showVariants, updateVariants} from "./variants.js";
import {download, problem, save, showVideo} from "./video.js";
import {watchNow} from "./watch.js";
import {date, money, optional, sentence, size, t} from "./words.js";

const ID = /^#((?:job|grp)_[a-z2-7]{26})$/;

/** @typedef {import("./jobs.js").Job} Job */

const dialog = h("dialog", {class: "player"});
const stage = h("div", {class: "stage"});
const facts = h("div", {class: "facts"});
const state = h("p");
let shownId = "";
/** Whether the group is shown, and not only asked for. */
let isShown = false;
let isOperator = false;

// A click beside the dialog closes it.
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
news.addEventListener("change", (event) => {
  const {job, before} = /** @type {CustomEvent} */ (event).detail;
  if (!dialog.open) return;
  if (job.group?.id === shownId && isShown) updateVariants(shownId, facts);
  if (job.id !== shownId) return;
  if (!before || before.state !== job.state) showStage(job);
  showFacts(job);
});

/** Shows the job that the address names, now and when the address changes. @param {boolean} sees */
export function startPlaying(sees) {
  isOperator = sees;
  const close = button({icon: "close", class: "round", label: t("close"), onclick: () => dialog.close()});
  fill(dialog, close, stage, facts);
  dialog.addEventListener("close", closed);
  document.body.append(dialog);
  addEventListener("hashchange", open);
  open();
}

/** Stops; the address still names what was shown, for the next key. */
export function stopPlaying() {
  dialog.removeEventListener("close", closed);
  dialog.close();
  dialog.remove();
  fill(stage);
  removeEventListener("hashchange", open);
}

async function open() {
  const id = ID.exec(location.hash)?.[1] || "";
  if (!id) return dialog.open ? dialog.close() : undefined;
  [shownId, isShown] = [id, false];
  stage.className = "stage";
  fill(stage);
  refill(facts, "loading", () => [h("p", {class: "hint"}, t("loading"))]);
  const isGroup = id.startsWith("grp_");
  dialog.classList.toggle("wide", isGroup);
  dialog.append(...(isGroup ? [facts, stage] : [stage, facts]));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  try {
    const jobs = await jobsOf(id);
    if (id !== shownId) return;
    show(id, jobs);
    if (!jobs.every(hasEnded)) watchNow(entryOf(jobs[0]));
  } catch (error) {
    if (id === shownId) refill(facts, "problem", () => [problem(error)]);
  }
}

/** Returns a job, or all of a group. @param {string} id */
async function jobsOf(id) {
  const found = known(id) ? [known(id)] : isWhole(id) ? members(id) : [];
  if (found.length) return /** @type {Job[]} */ (found);
  return learnView((await get(`/v1/videos/${id}`)).data);
}

/** @param {string} id @param {Job[]} jobs */
function show(id, jobs) {
  if (id.startsWith("grp_")) {
    isShown = true;
    return showVariants(id, stage, facts, {sees: isOperator, close: () => dialog.close()});
  }
  showStage(jobs[0]);
  showFacts(jobs[0]);
}

function closed() {
  shownId = "";
  fill(stage); // Stops the video.
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
}

/** @param {Job} job */
function showStage(job) {
  showVideo(stage, job, {label: job.prompt.slice(0, 200) || t("video"), autoplay: true});
}

/** @param {Job} job */
function showFacts(job) {
  const bar = stage.querySelector("progress");
  if (bar) bar.value = job.progress;
  const error = job.error && h("p", {class: "fault"}, sentence(job.error.message), " ", job.error.remedy);
  state.className = `state ${phase(job)}`;
  fill(state, stateText(job), costText(job) && ` · ${costText(job)}`);
  // What moves all the time is in the line of the state; addresses are signed again with each answer.
  const any = /** @type {any} */ (job);
  const lasting = [job.id, job.state, job.cost, job.error, job.completed_at, job.video?.sha256, job.provenance, any.seed, any.notes];
  refill(facts, lasting, () => [
    h("h2", {class: "prompt", dir: "auto"}, job.prompt || t("no_prompt")),
    state,
    job.group && placeOf(job.group),
    isOperator && h("p", {class: "whose"}, ...whoseOf(job)),
    error, ...actions(job), receipt(job)]);
}

/** Says which variant a job is, and leads to all. @param {{id: string, place: number, size: number}} group */
function placeOf({id, ...group}) {
  return h("p", {class: "hint buttons"}, t("variant_of", group), button({text: t("all_variants", group), class: "quiet small", onclick: () => (location.hash = id)}));
}

/** @param {Job} job */
function actions(job) {
  const messages = h("div", {class: "messages", role: "alert"});
  const request = repeatOf(job);
  const buttons = h("div", {class: "buttons"},
    job.state === "succeeded" && button({icon: "download", text: t("download"), class: "primary", onclick: () => download(job, messages)}),
    hasEnded(job) && request && button({icon: "again", text: t("again", {price: money(job.estimated_cost)}), class: "quiet", onclick: () => again(request)}),
    request && button({icon: "edit", text: t("edit"), class: "quiet", onclick: () => (dialog.close(), edit(job))}),
    button({icon: "receipt", text: t("save_receipt"), class: "quiet", onclick: () => saveReceipt(job)}),
    canBeCancelled(job) && cancelButton(job));
  return [buttons, hasEnded(job) && hintOf(job), messages];
}

/** Makes the same video with another seed. @param {Record<string, unknown>} request */
function again(request) {
  dialog.close();
  makeJob({...request, seed: newSeed()});
}

/** @param {Job} job */
function saveReceipt(job) {
  const file = new Blob([`${JSON.stringify(job, null, 2)}\n`], {type: "application/json"});
  const address = URL.createObjectURL(file);
  save(address, `${job.id}.json`);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Lists what is known about a job. @param {Job} job */
function receipt(job) {
  const any = /** @type {any} */ (job);
  const rows = [
    ["fact_model", job.model],
    ["fact_size", [any.resolution, any.ratio, any.seconds && t("seconds", {count: Number(any.seconds)})].filter(Boolean).join(" · ")],
    ["fact_seed", any.seed],
    ["fact_cost", any.estimated_cost_detail?.formula],
    ["fact_created", date(job.created_at)],
    ["fact_completed", job.completed_at && date(job.completed_at)],
    ["fact_file", job.video && size(job.video.bytes)],
    ["fact_sha256", job.video?.sha256],
    ["fact_place", job.video?.s3],
    ["fact_id", job.id],
  ];
  const notes = any.notes?.length ? h("ul", {class: "noted"}, any.notes.map((/** @type {string} */ one) => h("li", {}, one))) : null;
  const provenance = job.provenance || (job.state === "succeeded" ? {ai_generated: true} : null);
  return h("details", {class: "receipt", open: hasEnded(job)}, h("summary", {}, t("receipt")), notes,
    h("dl", {}, rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([key, value]) => row(t(String(key)), value))),
    provenance && [h("h3", {}, t("provenance")), h("dl", {}, Object.entries(provenance).map(([key, value]) => row(optional(`provenance_${key}`, key.replaceAll("_", " ")), value)))]);
}

/** @param {string} label @param {any} value */
function row(label, value) {
  const text = value === true ? t("yes") : value === false ? t("no") : typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? t("none"));
  return h("div", {}, h("dt", {}, label), h("dd", {}, name(text)));
}
