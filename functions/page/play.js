// @ts-check
/** One job, large: its video, what it was made from, its receipt, and what one can do with it. */

import {announce, button, fill, h, icon, name, refill} from "./dom.js";
import {Refusal, get} from "./door.js";
import {canBeCancelled, cancelButton, costText, stateText, thumbnailOf, whoseOf} from "./card.js";
import {hasEnded, job as known, learn, news, phase, requestOf} from "./jobs.js";
import {edit, makeJob} from "./make.js";
import {client} from "./usage.js";
import {watchNow} from "./watch.js";
import {date, money, optional, sentence, size, t} from "./words.js";

const ID = /^#(job_[a-z2-7]{26})$/;
const SEEDS = 2 ** 31;

/** @typedef {import("./jobs.js").Job} Job */

const dialog = h("dialog", {class: "player"});
const stage = h("div", {class: "stage"});
const facts = h("div", {class: "facts"});
const state = h("p");
let shownId = "";
let isOperator = false;

dialog.addEventListener("close", closed);
// A click beside the dialog closes it.
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
news.addEventListener("change", (event) => {
  const {job, before} = /** @type {CustomEvent} */ (event).detail;
  if (job.id !== shownId || !dialog.open) return;
  if (!before || before.state !== job.state) showStage(job);
  showFacts(job);
});

/** Shows the job that the address names, now and when the address changes. @param {boolean} sees */
export function startPlaying(sees) {
  isOperator = sees;
  const close = button({icon: "close", class: "round", label: t("close"), onclick: () => dialog.close()});
  fill(dialog, close, stage, facts);
  document.body.append(dialog);
  addEventListener("hashchange", open);
  open();
}

export function stopPlaying() {
  dialog.remove();
  removeEventListener("hashchange", open);
}

async function open() {
  const id = ID.exec(location.hash)?.[1] || "";
  if (!id) return dialog.open ? dialog.close() : undefined;
  shownId = id;
  fill(stage);
  refill(facts, "loading", () => [h("p", {class: "hint"}, t("loading"))]);
  if (!dialog.open) dialog.showModal();
  try {
    const found = known(id) || learn((await get(`/v1/videos/${id}`)).data);
    if (id !== shownId) return;
    showStage(found);
    showFacts(found);
    if (!hasEnded(found)) watchNow(id);
  } catch (error) {
    refill(facts, "problem", () => [problem(error)]);
  }
}

function closed() {
  shownId = "";
  fill(stage); // Stops the video.
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
}

/** @param {Job} job */
async function showStage(job) {
  stage.className = `stage ${phase(job)}`;
  if (job.state !== "succeeded") {
    const bar = phase(job) === "running" ? h("progress", {max: 100, value: job.progress, "aria-label": t("progress")}) : null;
    return fill(stage, icon({failed: "warning", cancelled: "close", waiting: "clock"}[phase(job)] || "film"), bar);
  }
  const video = h("video", {controls: true, playsinline: true, preload: "metadata", "aria-label": job.prompt.slice(0, 200) || t("video")});
  fill(stage, video);
  await load(video, job);
  thumbnailOf(job).then((address) => address && !video.currentTime && (video.poster = address));
}

/** Gives a video its address, and a new one when that has expired. @param {HTMLVideoElement} video @param {Job} job */
async function load(video, job) {
  try {
    const {url} = await content(job, "");
    let at = Date.now();
    video.src = url;
    video.onerror = async () => {
      // The address is valid for an hour. Twice in a row within a minute, it is the file.
      if (Date.now() - at < 60_000) return fill(stage, h("p", {class: "fault"}, t("cannot_play")));
      at = Date.now();
      const {currentTime} = video;
      video.src = (await content(job, "")).url;
      video.currentTime = currentTime;
    };
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) await video.play().catch(() => null);
  } catch (error) {
    fill(stage, problem(error));
  }
}

/** @param {Job} job @param {string} query @returns {Promise<{url: string, filename: string}>} */
async function content(job, query) {
  return (await get(`/v1/videos/${job.id}/content${query}`, {headers: {Accept: "application/json"}})).data;
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
    isOperator && h("p", {class: "whose"}, ...whoseOf(job)),
    error, ...actions(job), receipt(job)]);
}

/** @param {Job} job */
function actions(job) {
  const messages = h("div", {class: "messages", role: "alert"});
  // An upload belongs to the client that sent it.
  const request = job.client === client() ? requestOf(job) : null;
  const buttons = h("div", {class: "buttons"},
    job.state === "succeeded" && button({icon: "download", text: t("download"), class: "primary", onclick: () => download(job, messages)}),
    hasEnded(job) && request && button({icon: "again", text: t("again", {price: money(job.estimated_cost)}), class: "quiet", onclick: () => again(request)}),
    request && button({icon: "edit", text: t("edit"), class: "quiet", onclick: () => (dialog.close(), edit(job))}),
    button({icon: "receipt", text: t("save_receipt"), class: "quiet", onclick: () => saveReceipt(job)}),
    canBeCancelled(job) && cancelButton(job));
  return [buttons, hasEnded(job) && !request && h("p", {class: "hint"}, t(job.door === "s3" ? "again_by_drop" : "again_impossible")), messages];
}

/** Makes the same video with another seed. @param {Record<string, unknown>} request */
function again(request) {
  dialog.close();
  makeJob({...request, seed: Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * SEEDS)});
}

/** @param {Job} job @param {HTMLElement} messages */
async function download(job, messages) {
  try {
    const {url, filename} = await content(job, "?download=true");
    save(url, filename);
    announce(t("downloading", {name: filename}));
  } catch (error) {
    fill(messages, problem(error));
  }
}

/** @param {Job} job */
function saveReceipt(job) {
  const file = new Blob([`${JSON.stringify(job, null, 2)}\n`], {type: "application/json"});
  const address = URL.createObjectURL(file);
  save(address, `${job.id}.json`);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** @param {string} address @param {string} filename */
function save(address, filename) {
  const link = h("a", {href: address, download: filename});
  link.click();
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

/** @param {unknown} error */
function problem(error) {
  const text = error instanceof Refusal ? `${sentence(error.message)} ${error.remedy}` : t("unreachable");
  return h("p", {class: "fault"}, text);
}
