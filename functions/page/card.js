// @ts-check
/** A job as a card, which moves with it: its place in the queue, its progress, its thumbnail, or what went wrong. */

import {announce, button, fill, h, icon, name, refill} from "./dom.js";
import {Refusal, call, get, now, rest} from "./door.js";
import {hasEnded, learn, phase} from "./jobs.js";
import {date, money, sentence, t, time} from "./words.js";

const THUMBNAILS_AT_A_TIME = 3;
const THUMBNAIL_TRIES = 8;
const THUMBNAIL_SECONDS = 4;

/** @typedef {import("./jobs.js").Job} Job */

/** The first pictures of jobs that were made in this tab, until they have a thumbnail. @type {Map<string, string>} */
export const previews = new Map();
/** The addresses of thumbnails, by job. @type {Map<string, string>} */
const thumbnails = new Map();
/** What was answered to a cancel, by job. @type {Map<string, string>} */
const answers = new Map();
/** @type {WeakMap<Element, () => void>} */
const onsight = new WeakMap();
/** @type {(() => Promise<void>)[]} */
const queue = [];
let busy = 0;

const sight = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    onsight.get(target)?.();
  }
}, {rootMargin: "200px"});

/** Makes the card of a job. @param {Job} job @param {boolean} isOperator */
export function card(job, isOperator) {
  const element = h("article", {class: "card", id: `card-${job.id}`});
  const frame = h("a", {class: "frame", href: `#${job.id}`});
  const about = h("div", {class: "about"});
  const title = h("h3", {class: "prompt", dir: "auto", id: `prompt-${job.id}`}, job.prompt || t("no_prompt"));
  const line = h("div", {class: "line"});
  const created = h("time", {datetime: new Date(job.created_at * 1000).toISOString(), title: date(job.created_at)}, time(job.created_at, now()));
  const actions = h("div", {class: "actions"});
  element.setAttribute("aria-labelledby", title.id);
  about.append(title, line, h("div", {class: "meta"}, h("span", {class: "whose"}, isOperator && whoseOf(job)), created), actions);
  element.append(frame, about);
  update({element, frame, line, actions}, job);
  return {element, update: (/** @type {Job} */ found) => update({element, frame, line, actions}, found)};
}

/** Returns whose a job is, for an operator: its client, and its drop. @param {Job} job */
export function whoseOf(job) {
  const drop = job.door === "s3" && job.receipts ? [" · ", h("span", {class: "badge"}, t("drop")), " ", name(job.receipts)] : [];
  return [name(job.client || ""), ...drop];
}

/** Returns how a job is, as a line of text. @param {Job} job */
export function stateText(job) {
  if (job.state === "storing") return t("storing");
  if (job.state === "outcome_unknown") return t("outcome_unknown");
  if (phase(job) === "running") return t("running", {progress: job.progress});
  if (phase(job) !== "waiting") return t(`state_${job.state}`);
  if (!job.queue_position) return t("starting");
  const place = t("place", {count: job.queue_position});
  const start = job.estimated_start;
  return start && start > now() ? t("place_and_start", {place, time: time(start, now())}) : place;
}

/** Returns what a job costs or may cost, as text. @param {Job} job */
export function costText(job) {
  if (job.cost !== null) return money(job.cost);
  if (!hasEnded(job)) return t("about", {price: money(job.estimated_cost)});
  return job.state === "cancelled" ? t("not_charged") : "";
}

/**
 * Returns the address of a job's thumbnail, as soon as there is one; an empty text if there never is.
 * @param {Job} job @returns {Promise<string>}
 */
export async function thumbnailOf(job) {
  for (let number = 0; number < THUMBNAIL_TRIES && !thumbnails.has(job.id); number += 1) {
    try {
      const {data} = await get(`/v1/videos/${job.id}/content?variant=thumbnail`, {headers: {Accept: "application/json"}});
      thumbnails.set(job.id, data.url);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "not_ready") break;
      await rest(THUMBNAIL_SECONDS);
    }
  }
  return thumbnails.get(job.id) || "";
}

/** Returns whether it is worth trying to cancel a job: one that is being saved is made. @param {Job} job */
export function canBeCancelled(job) {
  return !hasEnded(job) && job.state !== "storing";
}

/** Makes the button that cancels a job, after a second click. @param {Job} job */
export function cancelButton(job) {
  const place = h("span", {class: "cancel"});
  const first = () => fill(place, button({text: t("cancel"), class: "quiet small", label: t("cancel_which", {prompt: job.prompt.slice(0, 60)}), onclick: second}));
  const second = () => {
    const sure = button({text: t("cancel_sure"), class: "danger small", onclick: () => (fill(place, t("cancelling")), cancel(job))});
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
    answers.set(job.id, error instanceof Refusal ? `${error.message} ${error.remedy}` : t("cancel_unreachable"));
    announce(answers.get(job.id) || "");
    learn({...job});
  }
}

/** @param {{element: HTMLElement, frame: HTMLElement, line: HTMLElement, actions: HTMLElement}} parts @param {Job} job */
function update({element, frame, line, actions}, job) {
  const is = phase(job);
  element.className = `card ${is}`;
  frame.setAttribute("aria-label", is === "succeeded" ? t("play_which", {prompt: job.prompt.slice(0, 120)}) : t("show_which", {prompt: job.prompt.slice(0, 120)}));
  if (frame.dataset.phase !== is) {
    frame.dataset.phase = is;
    drawFrame(frame, job);
  }
  const bar = frame.querySelector("progress");
  if (bar && is === "running") bar.value = job.progress;
  fill(line, h("span", {class: `state ${is}`}, stateIcon(is), stateText(job)), h("span", {class: "cost"}, costText(job)));
  const answer = answers.get(job.id);
  const error = job.error && job.state === "failed" && h("p", {class: "fault"}, sentence(job.error.message), " ", job.error.remedy);
  refill(actions, [job.error, answer, canBeCancelled(job)], () => [error, answer && h("p", {class: "note"}, answer), canBeCancelled(job) && !answer && cancelButton(job)]);
}

/** @param {HTMLElement} frame @param {Job} job */
function drawFrame(frame, job) {
  const is = phase(job);
  const preview = previews.get(job.id);
  const image = h("img", {alt: "", src: preview || null, hidden: !preview});
  const symbol = {succeeded: "play", failed: "warning", cancelled: "close", waiting: "clock", running: "film"}[is] || "film";
  const bar = is === "running" && h("progress", {max: 100, value: job.progress, "aria-label": t("progress")});
  fill(frame, image, h("span", {class: "symbol"}, icon(symbol)), bar);
  if (is !== "succeeded") return;
  onsight.set(frame, () => later(async () => {
    const address = await thumbnailOf(job);
    if (!address) return;
    image.onload = () => (image.hidden = false);
    image.src = address;
  }));
  sight.observe(frame);
}

/** @param {string} is */
function stateIcon(is) {
  return is === "running" ? h("span", {class: "pulse", "aria-hidden": "true"}) : icon({waiting: "clock", succeeded: "done", failed: "warning", cancelled: "close"}[is] || "clock");
}

/** Does something, when not too much else is done. @param {() => Promise<void>} action */
async function later(action) {
  queue.push(action);
  while (busy < THUMBNAILS_AT_A_TIME && queue.length) {
    busy += 1;
    await queue.shift()?.();
    busy -= 1;
  }
}
