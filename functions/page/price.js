// @ts-check
/** The price before the click: a dry run of the request, shortly after its last change. */

import {Refusal, Unreachable, call} from "./door.js";
import {body, changes, draft, kind, model} from "./draft.js";

const PAUSE_MS = 450;
const RETRY_MS = 5000;

/**
 * @typedef {object} Price
 * @property {"none" | "asking" | "known" | "refused" | "unreachable"} state
 * @property {any} estimate what the API answered, if it is known
 * @property {Refusal | null} refusal
 */

/** Dispatches `change` with a new price. */
export const prices = new EventTarget();

/** @type {Price} */
let price = {state: "none", estimate: null, refusal: null};

let asked = "";
let timer = 0;
let stop = new AbortController();

/** Returns what is known about the price of the draft. */
export function currentPrice() {
  return price;
}

/** Asks for the price of the draft now and after each change. */
export function followPrice() {
  changes.addEventListener("change", schedule);
  schedule();
}

/** Asks again, though nothing has changed. */
export function askAgain() {
  asked = "";
  schedule();
}

function schedule() {
  const request = priced();
  const text = JSON.stringify(request);
  if (text === asked) return;
  asked = text;
  stop.abort();
  clearTimeout(timer);
  if (request === null) return tell({state: "none", estimate: null, refusal: null});
  tell({...price, state: "asking"});
  timer = window.setTimeout(ask, PAUSE_MS, request);
}

/** @param {Record<string, unknown>} request */
async function ask(request) {
  stop = new AbortController();
  const {signal} = stop;
  try {
    const {data} = await call("POST", "/v1/videos", {body: {...request, dry_run: true}, signal});
    tell({state: "known", estimate: data, refusal: null});
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof Refusal && !error.isTemporary) return tell({state: "refused", estimate: null, refusal: error});
    tell({state: "unreachable", estimate: null, refusal: null});
    const seconds = (error instanceof Refusal && error.retryAfter) || 0;
    // A new key, or the network, may be back before.
    if (error instanceof Unreachable || seconds) timer = window.setTimeout(ask, Math.max(RETRY_MS, seconds * 1000), request);
  }
}

/**
 * Returns the request whose price is asked for: null while files are being sent. Of the prompt it has only what can be
 * wrong with it, because each dry run reads the files, and no word changes the price.
 */
function priced() {
  const found = model();
  if (!found || !draft.media.every((one) => one.state === "sent")) return null;
  const numbers = draft.prompt.match(/\[\s*image\s*\d+\s*\]/gi) || [];
  const isLong = draft.prompt.length > found.prompt.max_characters / 2;
  const stand_in = kind() === "i2v" ? "" : "-"; // A request without a prompt has no price.
  const prompt = isLong ? draft.prompt : [...new Set(numbers)].sort().join(" ") || stand_in;
  return {...body(), prompt};
}

/** @param {Price} found */
function tell(found) {
  price = found;
  prices.dispatchEvent(new Event("change"));
}
