// @ts-check
/** A job as a card, which moves with it: its place in the queue, its progress, its thumbnail, or what went wrong. */

import {fill, h, icon, name, refill} from "./dom.js";
import {answerTo, canBeCancelled, cancelButton} from "./cancel.js";
import {Refusal, get, now, rest} from "./door.js";
import {hasEnded, phase} from "./jobs.js";
import {date, money, sentence, t, time} from "./words.js";

const THUMBNAILS_AT_A_TIME = 3;
const THUMBNAIL_TRIES = 8;
const THUMBNAIL_SECONDS = 4;

/** @typedef {import("./jobs.js").Job} Job */

/** The first pictures of jobs that were made in this tab, until they have a thumbnail. @type {Map<string, string>} */
export const previews = new Map();
/** The addresses of thumbnails, by job. @type {Map<string, string>} */
const thumbnails = new Map();
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
  const parts = layout(job.id, job, isOperator);
  update(parts, job);
  return {element: parts.element, update: (/** @type {Job} */ found) => update(parts, found)};
}

/**
 * Makes an empty card of a job, or of a group.
 * @param {string} id @param {Job} job @param {boolean} isOperator @param {HTMLElement | null} [badge]
 */
export function layout(id, job, isOperator, badge = null) {
  const element = h("article", {class: "card", id: `card-${id}`});
  const frame = h("a", {class: "frame", href: `#${id}`});
  const title = h("h3", {class: "prompt", dir: "auto", id: `prompt-${id}`}, job.prompt || t("no_prompt"));
  const [line, actions] = [h("div", {class: "line"}), h("div", {class: "actions"})];
  const created = h("time", {datetime: new Date(job.created_at * 1000).toISOString(), title: date(job.created_at)}, time(job.created_at, now()));
  element.setAttribute("aria-labelledby", title.id);
  const meta = h("div", {class: "meta"}, h("span", {class: "whose"}, badge, isOperator && whoseOf(job)), created);
  element.append(frame, h("div", {class: "about"}, title, line, meta, actions));
  return {element, frame, line, actions};
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

/** @param {ReturnType<typeof layout>} parts @param {Job} job */
function update({element, frame, line, actions}, job) {
  const is = phase(job);
  element.className = `card ${is}`;
  frame.setAttribute("aria-label", is === "succeeded" ? t("play_which", {prompt: job.prompt.slice(0, 120)}) : t("show_which", {prompt: job.prompt.slice(0, 120)}));
  updateFrame(frame, job);
  fill(line, h("span", {class: `state ${is}`}, stateIcon(is), stateText(job)), h("span", {class: "cost"}, costText(job)));
  const answer = answerTo(job);
  const error = job.error && job.state === "failed" && h("p", {class: "fault"}, sentence(job.error.message), " ", job.error.remedy);
  refill(actions, [job.error, answer, canBeCancelled(job)], () => [error, answer && h("p", {class: "note"}, answer), canBeCancelled(job) && !answer && cancelButton(job)]);
}

/** Shows the thumbnail of a job in a frame, or how far it is. @param {HTMLElement} frame @param {Job} job */
export function updateFrame(frame, job) {
  const is = phase(job);
  if (frame.dataset.phase !== is) {
    frame.dataset.phase = is;
    drawFrame(frame, job);
  }
  const bar = frame.querySelector("progress");
  if (bar && is === "running") bar.value = job.progress;
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

/** @param {string} is how a job is, in the words of people */
export function stateIcon(is) {
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
