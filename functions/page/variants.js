// @ts-check
/** The variants of one request, side by side: to compare, play together, download, and go on with the best one's seed. */

import {button, fill, h, icon, refill} from "./dom.js";
import {hintOf, repeatOf} from "./again.js";
import {answerTo, answersTo, canBeCancelled, cancelButton, cancelGroupButton} from "./cancel.js";
import {costText, stateIcon, stateText, whoseOf} from "./card.js";
import {groupCost, groupPhase, groupText} from "./group.js";
import {hasEnded, members, phase} from "./jobs.js";
import {edit, makeJob} from "./make.js";
import {download, showVideo} from "./video.js";
import {money, sentence, t} from "./words.js";

const PATIENCE_MS = 5000;

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {{figure: HTMLElement, stage: HTMLElement, line: HTMLElement, actions: HTMLElement, state: string}} Shown */

const grid = h("div", {class: "variants"});
const state = h("p");
const playAll = button({icon: "play", text: t("play_all"), class: "primary", onclick: toggleAll});
/** @type {Map<string, Shown>} */
const shown = new Map();
let isOperator = false;
let leave = () => {};

/**
 * Shows a group from its beginning. @param {string} id @param {HTMLElement} stage @param {HTMLElement} facts
 * @param {{sees: boolean, close: () => void}} options whether the key is an operator's, and what closes the view
 */
export function showVariants(id, stage, facts, {sees, close}) {
  [isOperator, leave] = [sees, close];
  shown.clear();
  stage.className = "stage several";
  fill(grid);
  fill(stage, grid);
  updateVariants(id, facts);
}

/** Shows what is new of a group. @param {string} id @param {HTMLElement} facts */
export function updateVariants(id, facts) {
  const jobs = members(id);
  grid.className = `variants of-${jobs.length}`;
  for (const job of jobs) updateVariant(job);
  state.className = `state ${groupPhase(jobs)}`;
  fill(state, stateIcon(groupPhase(jobs)), `${groupText(jobs)} · ${groupCost(jobs)}`);
  playAll.hidden = videos().length < 2;
  const [first] = jobs;
  const lasting = [id, jobs.map((job) => [job.state, job.cost]), answersTo(jobs)];
  refill(facts, lasting, () => [
    h("h2", {class: "prompt", dir: "auto"}, first.prompt || t("no_prompt")),
    state,
    isOperator && h("p", {class: "whose"}, ...whoseOf(first)),
    buttonsOf(id, jobs), jobs.every(hasEnded) && hintOf(first)]);
}

/** @param {string} id @param {Job[]} jobs */
function buttonsOf(id, jobs) {
  const request = repeatOf(jobs[0]);
  const n = jobs.length;
  const {seed, ...again} = /** @type {any} */ (request || {});
  const price = money(jobs.reduce((sum, job) => sum + job.estimated_cost, 0));
  return h("div", {class: "buttons"}, playAll,
    jobs.every(hasEnded) && request && button({icon: "again", text: t("again_variants", {count: n, price}), class: "quiet", onclick: () => (leave(), makeJob(n > 1 ? {...again, n} : again))}),
    request && button({icon: "edit", text: t("edit"), class: "quiet", onclick: () => (leave(), edit(/** @type {any} */ ({...jobs[0], seed: null}), n))}),
    jobs.some((job) => canBeCancelled(job) && !answerTo(job)) && cancelGroupButton(id, jobs[0]));
}

/** @param {Job} job */
function updateVariant(job) {
  const place = job.group?.place ?? 0;
  const one = shown.get(job.id) || begin(job, place);
  if (one.state !== job.state) {
    one.state = job.state;
    showVideo(one.stage, job, {label: t("variant", {place}), autoplay: false}).then(() => (playAll.hidden = videos().length < 2));
  }
  const bar = one.stage.querySelector("progress");
  if (bar) bar.value = job.progress;
  fill(one.line, h("span", {class: `state ${phase(job)}`}, stateIcon(phase(job)), stateText(job)), h("span", {class: "cost"}, costText(job)));
  const answer = answerTo(job);
  refill(one.actions, [job.state, job.error, answer], () => actionsOf(job, place, answer));
}

/** @param {Job} job @param {number} place */
function begin(job, place) {
  const {seed} = /** @type {any} */ (job);
  const [stage, line, actions] = [h("div", {class: "stage"}), h("div", {class: "line"}), h("div", {class: "facts"})];
  const heading = h("h3", {id: `variant-${place}`}, t("variant", {place}));
  const known = seed !== null && seed !== undefined && h("span", {class: "hint"}, `${t("fact_seed")} ${seed}`);
  const figure = h("section", {class: "variant", "aria-labelledby": heading.id}, stage, h("div", {class: "bar"}, heading, known), line, actions);
  const made = {figure, stage, line, actions, state: ""};
  shown.set(job.id, made);
  const next = [...shown.entries()].map(([id]) => id).sort();
  grid.insertBefore(figure, shown.get(next[next.indexOf(job.id) + 1])?.figure || null);
  return made;
}

/** @param {Job} job @param {number} place @param {string | undefined} answer */
function actionsOf(job, place, answer) {
  const messages = h("div", {class: "messages", role: "alert"});
  const request = repeatOf(job);
  return [
    job.error && h("p", {class: "fault"}, sentence(job.error.message), " ", job.error.remedy),
    answer && h("p", {class: "note"}, answer),
    h("div", {class: "buttons"},
      job.state === "succeeded" && button({icon: "download", text: t("download"), title: t("download_which", {place}), class: "quiet small", onclick: () => download(job, messages)}),
      job.state === "succeeded" && request && button({icon: "again", text: t("again_this_seed"), class: "quiet small", onclick: () => (leave(), edit(job))}),
      button({icon: "receipt", text: t("details"), title: t("details_which", {place}), class: "quiet small", onclick: () => (location.hash = job.id)}),
      canBeCancelled(job) && !answer && cancelButton(job)),
    messages];
}

function videos() {
  return [...grid.querySelectorAll("video")];
}

/** Plays all videos from the same moment, with the sound of the first; or stops all at the same moment. */
async function toggleAll() {
  const all = videos();
  const [first] = all;
  const isPlaying = all.some((video) => !video.paused && !video.ended);
  const at = first.ended && !isPlaying ? 0 : first.currentTime;
  all.forEach((video, number) => {
    video.pause();
    Object.assign(video, {preload: "auto", muted: number > 0, currentTime: at});
  });
  if (isPlaying) return;
  await Promise.all(all.map(isReady));
  for (const video of all) video.play().catch(() => null);
}

/** Waits until a video can play, but not for ever. @param {HTMLVideoElement} video */
async function isReady(video) {
  if (video.readyState >= video.HAVE_FUTURE_DATA) return;
  await new Promise((resolve) => {
    video.addEventListener("canplay", resolve, {once: true});
    setTimeout(resolve, PATIENCE_MS);
  });
}

for (const event of ["play", "pause", "ended"]) {
  grid.addEventListener(event, () => {
    const isPlaying = videos().some((video) => !video.paused && !video.ended);
    fill(playAll, icon(isPlaying ? "pause" : "play"), h("span", {}, t(isPlaying ? "pause_all" : "play_all")));
  }, true);
}
