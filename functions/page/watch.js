// @ts-check
/**
 * Watches the jobs that have not ended: asks for each, and for each group at once, when its last answer said so
 * (`Retry-After`), by its `ETag`, and not while the tab is hidden. With notifications on, a hidden tab asks on, slowly.
 */

import {Refusal, call, now, seconds} from "./door.js";
import {entryOf, hasEnded, isWhole, learnView, members, news} from "./jobs.js";
import {isWanted} from "./notices.js";

const AT_A_TIME = 2;
const USUAL_SECONDS = 10;
const HIDDEN_SECONDS = 30;
const TROUBLE_SECONDS = 15;

/** @typedef {{due: number, tag: string, isAsked: boolean}} Watched */

/** By the id of a job or a group. @type {Map<string, Watched>} */
const watched = new Map();
let timer = 0;
let asking = 0;
/** Nothing is asked before this time, in milliseconds of this device. */
let closedUntil = 0;
let isOn = false;

/** Starts to watch all jobs that have not ended. */
export function startWatching() {
  isOn = true;
  plan();
}

export function stopWatching() {
  isOn = false;
  watched.clear();
  clearTimeout(timer);
}

/** Asks for a job or a group now, and then as long as it has not ended. @param {string} id */
export function watchNow(id) {
  watch(id, 0);
  plan();
}

news.addEventListener("change", (event) => {
  const {job: found} = /** @type {CustomEvent} */ (event).detail;
  const id = entryOf(found);
  if (isOver(found)) watched.delete(id);
  else if (!watched.has(id)) watch(id, firstWait(found));
  plan();
});
for (const event of ["visibilitychange", "online", "offline"]) {
  addEventListener(event, plan);
  document.addEventListener(event, plan);
}

/** A group is over when all of it is known, and has ended. @param {import("./jobs.js").Job} found */
function isOver(found) {
  const {group} = found;
  return group ? isWhole(group.id) && members(group.id).every(hasEnded) : hasEnded(found);
}

/** @param {string} id @param {number} wait in seconds */
function watch(id, wait) {
  const before = watched.get(id);
  watched.set(id, {tag: before?.tag || "", isAsked: before?.isAsked || false, due: Date.now() + wait * 1000});
}

/** A job of a list was not asked for yet: the queue moves slowly, all else soon. @param {import("./jobs.js").Job} found */
function firstWait(found) {
  const start = found.estimated_start ? found.estimated_start - now() : 0;
  return Math.min(Math.max(start / 2, 2), 30);
}

function plan() {
  clearTimeout(timer);
  if (!isOn || !navigator.onLine || (document.hidden && !isWanted())) return;
  const next = soonest();
  if (next && asking < AT_A_TIME) timer = window.setTimeout(askNext, Math.max(0, next[1].due - Date.now(), closedUntil - Date.now()));
}

function soonest() {
  const idle = [...watched].filter(([, one]) => !one.isAsked);
  return idle.sort(([, a], [, b]) => a.due - b.due)[0];
}

async function askNext() {
  const next = soonest();
  if (!next) return;
  const [id, one] = next;
  one.isAsked = true;
  asking += 1;
  plan();
  const wait = await ask(id, one);
  asking -= 1;
  one.isAsked = false;
  one.due = Date.now() + Math.max(wait, document.hidden ? HIDDEN_SECONDS : 0) * 1000;
  plan();
}

/** Asks for a job or a group; returns the seconds until it is worth asking again. @param {string} id @param {Watched} one */
async function ask(id, one) {
  try {
    const {status, data, headers} = await call("GET", `/v1/videos/${id}`, {headers: one.tag ? {"If-None-Match": one.tag} : {}});
    one.tag = headers.get("etag") || one.tag;
    if (status !== 304) learnView(data);
    return seconds(headers) || USUAL_SECONDS;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) watched.delete(id);
    const pause = (error instanceof Refusal && error.retryAfter) || TROUBLE_SECONDS;
    closedUntil = error instanceof Refusal && error.isTemporary ? Date.now() + pause * 1000 : closedUntil;
    return pause;
  }
}
