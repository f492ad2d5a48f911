// @ts-check
/** The variants of one request as one card: a picture of each, how they are together, and what they cost together. */

import {h, fill, refill} from "./dom.js";
import {answerTo, answersTo, canBeCancelled, cancelGroupButton} from "./cancel.js";
import {costText, layout, stateIcon, stateText, updateFrame} from "./card.js";
import {hasEnded, members, phase} from "./jobs.js";
import {money, sentence, t} from "./words.js";

/** @typedef {import("./jobs.js").Job} Job */

/** Makes the card of a group. @param {string} id @param {Job} first one of its jobs @param {boolean} isOperator */
export function groupCard(id, first, isOperator) {
  const parts = layout(id, first, isOperator, h("span", {class: "badge"}, t("group_of", {count: first.group?.size ?? 0})));
  const update = () => draw(parts, id, members(id));
  update();
  return {element: parts.element, update};
}

/** Returns how jobs are together: ready if one of them is. @param {Job[]} jobs */
export function groupPhase(jobs) {
  const phases = new Set(jobs.map(phase));
  if (!jobs.every(hasEnded)) return phases.has("running") || phases.has("succeeded") ? "running" : "waiting";
  return ["succeeded", "failed"].find((one) => phases.has(one)) || "cancelled";
}

/** Returns how jobs are together, as a line of text. @param {Job[]} jobs */
export function groupText(jobs) {
  const is = groupPhase(jobs);
  const values = {ready: jobs.filter((job) => job.state === "succeeded").length, size: jobs.length};
  if (is === "succeeded") return t("group_ready", values);
  if (is !== "running") return stateText(jobs.filter((job) => phase(job) === is).sort((a, b) => (a.queue_position ?? 0) - (b.queue_position ?? 0))[0]);
  const made = jobs.filter((job) => !["failed", "cancelled"].includes(job.state));
  const progress = made.reduce((sum, job) => sum + (hasEnded(job) ? 100 : job.progress), 0) / made.length;
  return t("group_running", {...values, progress: Math.floor(progress)});
}

/** Returns what jobs cost, or may cost, together. @param {Job[]} jobs */
export function groupCost(jobs) {
  const total = jobs.reduce((sum, job) => sum + (job.cost ?? (hasEnded(job) ? 0 : job.estimated_cost)), 0);
  if (!jobs.every(hasEnded)) return t("about", {price: money(total)});
  return jobs.some((job) => job.cost !== null) ? money(total) : costText(jobs[0]);
}

/** @param {ReturnType<typeof layout>} parts @param {string} id @param {Job[]} jobs */
function draw({element, frame, line, actions}, id, jobs) {
  const is = groupPhase(jobs);
  const [first] = jobs;
  element.className = `card group ${is}`;
  frame.className = `frame mosaic of-${jobs.length}`;
  frame.setAttribute("aria-label", t("show_group", {count: jobs.length, prompt: first.prompt.slice(0, 120)}));
  refill(frame, jobs.map((job) => job.id), () => jobs.map(() => h("span", {class: "cell"})));
  jobs.forEach((job, place) => updateFrame(/** @type {HTMLElement} */ (frame.children[place]), job));
  fill(line, h("span", {class: `state ${is}`}, stateIcon(is), groupText(jobs)), h("span", {class: "cost"}, groupCost(jobs)));
  const answers = answersTo(jobs);
  const faults = faultsOf(jobs);
  const isOpen = jobs.some((job) => canBeCancelled(job) && !answerTo(job));
  refill(actions, [faults, answers, isOpen], () => [
    ...faults.map((text) => h("p", {class: "fault"}, text)), ...answers.map((text) => h("p", {class: "note"}, text)), isOpen && cancelGroupButton(id, first)]);
}

/** Returns why variants were not made: once, if it is the same for all. @param {Job[]} jobs */
function faultsOf(jobs) {
  const failed = jobs.filter((job) => job.error && job.state === "failed");
  const texts = failed.map((job) => `${sentence(job.error?.message || "")} ${job.error?.remedy || ""}`);
  if (failed.length === jobs.length && new Set(texts).size === 1) return [texts[0]];
  return texts.map((answer, number) => t("variant_answer", {place: failed[number].group?.place ?? 0, answer}));
}
