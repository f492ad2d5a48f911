// @ts-check
/** Cancels a job, or all of a group, after a second click; the answers stay beside the jobs. */

import {announce, button, fill, h} from "./dom.js";
import {Refusal, call} from "./door.js";
import {hasEnded, learn, learnView, members} from "./jobs.js";
import {t} from "./words.js";

/** @typedef {import("./jobs.js").Job} Job */

/** What was answered to a cancel, by job. @type {Map<string, string>} */
const answers = new Map();

/** Returns what was answered to the cancel of a job. @param {Job} job */
export function answerTo(job) {
  return answers.get(job.id);
}

/** Returns what was answered to cancels within a group: once, if all got the same. @param {Job[]} jobs */
export function answersTo(jobs) {
  const answered = jobs.filter((job) => answers.has(job.id));
  const all = answered.map((job) => answers.get(job.id) || "");
  if (all.length === jobs.length && new Set(all).size === 1) return [all[0]];
  return answered.map((job, number) => t("variant_answer", {place: job.group?.place ?? 0, answer: all[number]}));
}

/** Returns whether it is worth trying to cancel a job: one that is being saved is made. @param {Job} job */
export function canBeCancelled(job) {
  return !hasEnded(job) && job.state !== "storing";
}

/** Makes the button that cancels a job. @param {Job} job */
export function cancelButton(job) {
  return inTwoClicks(t("cancel"), t("cancel_which", {prompt: job.prompt.slice(0, 60)}), t("cancel_sure"), () => cancel(job));
}

/** Makes the button that cancels all jobs of a group. @param {string} id @param {Job} first */
export function cancelGroupButton(id, first) {
  return inTwoClicks(t("cancel_group"), t("cancel_group_which", {prompt: first.prompt.slice(0, 60)}), t("cancel_group_sure"), () => cancelGroup(id));
}

/** @param {string} text @param {string} label @param {string} sureText @param {() => Promise<void>} action */
function inTwoClicks(text, label, sureText, action) {
  const place = h("span", {class: "cancel"});
  const first = () => fill(place, button({text, class: "quiet small", label, onclick: second}));
  const second = () => {
    const sure = button({text: sureText, class: "danger small", onclick: () => (fill(place, t("cancelling")), action())});
    fill(place, sure, button({text: t("keep"), class: "quiet small", onclick: () => (first(), place.querySelector("button")?.focus())}));
    sure.focus();
  };
  first();
  return place;
}

/** @param {Job} job */
async function cancel(job) {
  try {
    const {data} = await call("POST", `/v1/videos/${job.id}/cancel`);
    answers.set(job.id, data.cancel.message);
    announce(data.cancel.message);
    learn(data);
  } catch (error) {
    failed([job], error);
  }
}

/** @param {string} id */
async function cancelGroup(id) {
  const open = members(id).filter((job) => !hasEnded(job));
  try {
    const {data} = await call("POST", `/v1/videos/${id}/cancel`);
    const asked = data.data.filter((/** @type {Job} */ one) => open.some((job) => job.id === one.id));
    for (const one of asked) answers.set(one.id, one.cancel.message);
    announce(answersTo(asked).join(" "));
    learnView(data);
  } catch (error) {
    failed(open, error);
  }
}

/** Says that a cancel was refused, or lost. @param {Job[]} jobs @param {unknown} error */
function failed(jobs, error) {
  const text = error instanceof Refusal ? `${error.message} ${error.remedy}` : t("cancel_unreachable");
  for (const job of jobs) answers.set(job.id, text);
  announce(text);
  for (const job of jobs) learn({...job});
}
