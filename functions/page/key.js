// @ts-check
/** The API key: in the memory of this tab, and on this device only if the person chose so. */

const NAME = "gallop.key";

let current = "";

/** Returns the key, or an empty text. */
export function key() {
  return current;
}

/** Takes the key that this device remembers; returns whether there is one. */
export function recall() {
  current = remembered();
  return Boolean(current);
}

/** Returns whether this device remembers a key. */
export function isRemembered() {
  return Boolean(remembered());
}

/** Uses a key. @param {string} text @param {boolean} remember */
export function use(text, remember) {
  current = text;
  if (remember) attempt(() => localStorage.setItem(NAME, text));
}

/** Forgets the key, here and on this device. */
export function forget() {
  current = "";
  attempt(() => localStorage.removeItem(NAME));
}

/** What mail programs and chats put between the characters of a key: spaces, and characters of no width. */
const BETWEEN = /[\s\u200b-\u200d\u2060\ufeff]+/g;

/** Returns what a person pasted without what came with it: spaces, quotes, or the whole header. @param {string} text */
export function cleaned(text) {
  const found = text.trim().replace(/^authorization:\s*/i, "").replace(/^bearer\s+/i, "").replace(/^["'“„]|["'”“]$/g, "").trim();
  return found.startsWith("gallop_") ? found.replace(BETWEEN, "") : found;
}

/** Returns whether a text can be sent as a key at all. @param {string} text */
export function isSendable(text) {
  return /^[\x21-\x7e]{1,512}$/.test(text);
}

function remembered() {
  return attempt(() => localStorage.getItem(NAME)) || "";
}

/** A browser may refuse to store anything. @template T @param {() => T} action @returns {T | undefined} */
function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}
