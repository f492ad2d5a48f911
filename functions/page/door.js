// @ts-check
/** The HTTPS door: requests with the key, refusals as they are, and patience where that costs nothing. */

import {key} from "./key.js";
import {t} from "./words.js";

const TIMEOUT_MS = 35_000; // API Gateway answers within 30 seconds, or never.
const TRIES = 6;
const API = document.querySelector('meta[name="gallop-api"]')?.getAttribute("content")?.replace(/\/$/, "") || "";

/** From this error on, the clock of this device is wrong. */
const CLOCK_MS = 300_000;
/** A clock that runs at another speed, as that of a testbed, is not a wrong one. */
const STEADY_MS = 3000;

/** How far the clock of this device is behind that of the API, in milliseconds, and since when. */
let skew = 0;
let skewSince = Date.now();

/** Dispatches `key-refused`, when the API no longer accepts the key, and `clock`, when `isClockWrong` may have changed. */
export const door = new EventTarget();

/**
 * @typedef {{pointer?: string, header?: string, detail: string, remedy?: string}} Fault
 * @typedef {{status: number, data: any, headers: Headers}} Answer
 */

/** The API refused a request: nothing was made, and nothing was charged. */
export class Refusal extends Error {
  /** @param {number} status @param {any} problem @param {number | null} retryAfter in seconds */
  constructor(status, problem, retryAfter) {
    // What API Gateway answers itself says neither what is wrong nor what to do.
    const isSilent = !problem.detail && !problem.title;
    super(isSilent ? t(status === 429 ? "too_many_requests" : "refused", {status}) : problem.detail || problem.title);
    this.status = status;
    this.code = String(problem.code || "");
    this.title = String(problem.title || "");
    this.remedy = String(problem.remedy || (isSilent ? t("refused_remedy") : ""));
    this.budget = problem.budget || null;
    /** @type {Fault[]} */
    this.faults = Array.isArray(problem.errors) ? problem.errors : [];
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed soon, without anybody doing anything. */
  get isTemporary() {
    return this.status === 429 || this.status === 503;
  }
}

/** There was no answer, or none that says whether the request was carried out. */
export class Unreachable extends Error {}

/** Returns the time of the API in seconds since the epoch: the clock of this device may be wrong. */
export function now() {
  return (Date.now() + skew) / 1000;
}

/** Returns whether the clock of this device is wrong, by minutes. */
export function isClockWrong() {
  return Math.abs(skew) > CLOCK_MS && Date.now() - skewSince > STEADY_MS;
}

/**
 * Sends a request, once.
 * @param {string} method @param {string} path
 * @param {{body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Answer>}
 */
export async function call(method, path, {body, headers = {}, signal} = {}) {
  const response = await sent(method, path, body, headers, signal);
  learnTime(response.headers);
  if (response.status === 304) return {status: 304, data: null, headers: response.headers};
  const data = await read(response);
  if (response.ok) return {status: response.status, data, headers: response.headers};
  if (response.status === 401) door.dispatchEvent(new Event("key-refused"));
  // What API Gateway answers itself, and what a function that died answers, says nothing about the request.
  if (response.status >= 500 && !data.code) throw new Unreachable(`HTTP ${response.status}`);
  if (response.status >= 500 && response.status !== 503) throw new Unreachable(data.detail || `HTTP ${response.status}`);
  throw new Refusal(response.status, data, seconds(response.headers));
}

/** @param {string} path @param {{headers?: Record<string, string>, signal?: AbortSignal}} [options] */
export async function get(path, options = {}) {
  return patiently(() => call("GET", path, options), {signal: options.signal});
}

/**
 * Repeats an action that may be repeated until it is answered: when the network is back, or the API has room again.
 * @template T
 * @param {() => Promise<T>} action
 * @param {{tries?: number, signal?: AbortSignal, onwait?: (error: unknown, seconds: number) => void}} [options]
 * @returns {Promise<T>}
 */
export async function patiently(action, {tries = TRIES, signal, onwait} = {}) {
  for (let number = 1; ; number += 1) {
    try {
      return await action();
    } catch (error) {
      const isWorthwhile = error instanceof Unreachable || (error instanceof Refusal && error.isTemporary);
      if (!isWorthwhile || number >= tries || signal?.aborted) throw error;
      const pause = pauseAfter(error, number);
      onwait?.(error, pause);
      await rest(pause, signal);
    }
  }
}

/** Waits, and longer while this device is offline. @param {number} pause in seconds @param {AbortSignal} [signal] */
export async function rest(pause, signal) {
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, pause * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve(null)), {once: true});
  });
  if (navigator.onLine || signal?.aborted) return;
  await new Promise((resolve) => {
    addEventListener("online", resolve, {once: true});
    signal?.addEventListener("abort", resolve, {once: true});
  });
}

/** @param {Headers} headers @returns {number | null} */
export function seconds(headers) {
  const text = headers.get("retry-after");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** @param {unknown} error @param {number} number of tries so far */
function pauseAfter(error, number) {
  const asked = error instanceof Refusal ? error.retryAfter : null;
  return asked === null ? Math.min(2 ** (number - 1), 20) : Math.min(Math.max(asked, 1), 60);
}

/**
 * @param {string} method @param {string} path @param {unknown} body @param {Record<string, string>} headers
 * @param {AbortSignal} [signal]
 */
async function sent(method, path, body, headers, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  /** @type {Record<string, string>} */
  const json = body === undefined ? {} : {"Content-Type": "application/json"};
  try {
    return await fetch(API + path, {
      method,
      headers: {Authorization: `Bearer ${key()}`, ...json, ...headers},
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(error instanceof Error ? error.message : String(error));
  }
}

/** @param {Response} response */
async function read(response) {
  try {
    const text = await response.text();
    const data = text ? JSON.parse(text) : {};
    return typeof data === "object" && data !== null ? data : {};
  } catch (error) {
    // An answer that breaks off may have been a success: only asking again shows it.
    if (response.ok) throw new Unreachable(String(error));
    return {};
  }
}

/** @param {Headers} headers */
function learnTime(headers) {
  const there = Date.parse(headers.get("date") || "");
  if (Number.isNaN(there)) return;
  // The header has whole seconds.
  if (Math.abs(there - Date.now() - skew) > 1500) [skew, skewSince] = [there - Date.now(), Date.now()];
  door.dispatchEvent(new Event("clock"));
}
