// @ts-check
/**
 * The request that is on its way. Its Idempotency-Key is made once, and kept in this tab until the API has answered: so
 * a double click, a reload and a lost answer make one job.
 */

import {Refusal, Unreachable, call, patiently} from "./door.js";

const NAME = "gallop.pending";
/** The API knows an Idempotency-Key for 24 hours. */
const SAFE_MS = 23 * 3600 * 1000;
const TRIES = 8;

/**
 * @typedef {object} Pending
 * @property {string} key
 * @property {string} client
 * @property {Record<string, unknown>} body
 * @property {number} began
 */

/** @type {Pending | null} */
let pending = null;
let isBeingSent = false;

/** Returns the request that has no answer yet: this tab's, or that of before its reload. @returns {Pending | null} */
export function unanswered() {
  if (!pending) {
    try {
      pending = JSON.parse(sessionStorage.getItem(NAME) || "null");
    } catch {
      pending = null;
    }
  }
  return pending;
}

/** Returns whether the API still knows the request, if it has had it. @param {Pending} one */
export function isSafe(one) {
  return Date.now() - one.began < SAFE_MS;
}

/** Begins a request, if none is on its way. @param {Record<string, unknown>} body @param {string} client */
export function begin(body, client) {
  if (unanswered()) return false;
  keep({key: `page-${randomText()}`, client, body, began: Date.now()});
  return true;
}

/**
 * Sends the request until it is answered; returns the job, or null if it is being sent already.
 * @param {(error: unknown, seconds: number) => void} onwait
 * @returns {Promise<any>}
 * @throws {Refusal} nothing was made
 * @throws {Unreachable} there is no answer yet, and the request is kept
 */
export async function send(onwait) {
  const one = unanswered();
  if (!one || isBeingSent) return null;
  isBeingSent = true;
  try {
    const create = () => call("POST", "/v1/videos", {body: one.body, headers: {"Idempotency-Key": one.key}});
    const {data} = await patiently(create, {tries: TRIES, onwait});
    keep(null);
    return data;
  } catch (error) {
    // Without a key that is valid there is no answer yet: the next key gets it.
    if (error instanceof Refusal && error.status !== 401) keep(null);
    throw error;
  } finally {
    isBeingSent = false;
  }
}

/** Gives the request up, though it may have made a job. */
export function discard() {
  keep(null);
}

/** @param {Pending | null} one */
function keep(one) {
  pending = one;
  try {
    if (one) sessionStorage.setItem(NAME, JSON.stringify(one));
    else sessionStorage.removeItem(NAME);
  } catch {
    // Without storage, a reload forgets the request; a double click and a lost answer are as safe as ever.
  }
}

function randomText() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}
