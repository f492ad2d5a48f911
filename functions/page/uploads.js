// @ts-check
/** Sends files straight to S3 with a signed form: with progress, and again after a break of the network. */

import {Refusal, Unreachable, call, now, patiently} from "./door.js";
import {t} from "./words.js";

const AT_A_TIME = 3;
/** A form must be valid until the last byte has arrived. */
const SPARE_SECONDS = 300;
const FORMS = 3;
/** A wait for the network may be long: the file is there, and nothing has been charged. */
const TRIES = 60;

let free = AT_A_TIME;
/** @type {(() => void)[]} */
const waiting = [];

/** @typedef {{id: string, url: string, fields: Record<string, string>, expires_at: number, max_bytes: number}} Form */

/** S3 no longer takes a form: another one is needed. */
class FormRefused extends Error {}

/**
 * Sends a file; returns the id that a request names it by.
 * @param {File} file @param {string} type
 * @param {{signal: AbortSignal, onprogress: (share: number) => void, onwait: () => void}} options
 * @returns {Promise<string>}
 */
export async function upload(file, type, {signal, onprogress, onwait}) {
  await room();
  try {
    /** @type {Form | null} */
    let form = null;
    let forms = 0;
    const once = async () => {
      if (!form || form.expires_at - now() < SPARE_SECONDS) form = await formFor(type, signal);
      if (file.size > form.max_bytes) throw new Refusal(413, {detail: t("file_too_large", {size: form.max_bytes / 1e6})}, null);
      try {
        await send(form, file, signal, onprogress);
      } catch (error) {
        if (!(error instanceof FormRefused)) throw error;
        // The clock of the signature, or the session that signed it, has run out: a new form has new ones.
        form = null;
        forms += 1;
        if (forms >= FORMS) throw new Refusal(403, {detail: t("upload_refused")}, null);
        throw new Unreachable(error.message);
      }
      return form.id;
    };
    return await patiently(once, {tries: TRIES, signal, onwait});
  } finally {
    leave();
  }
}

/** @param {string} type @param {AbortSignal} signal @returns {Promise<Form>} */
async function formFor(type, signal) {
  return (await call("POST", "/v1/uploads", {body: {content_type: type}, signal})).data;
}

/**
 * Sends the form. Only this old interface shows the progress of what is sent.
 * @param {Form} form @param {File} file @param {AbortSignal} signal @param {(share: number) => void} onprogress
 * @returns {Promise<void>}
 */
function send(form, file, signal, onprogress) {
  const data = new FormData();
  for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
  data.append("file", file, "file"); // Its own name is nobody's business.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.url);
    request.upload.onprogress = (event) => onprogress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => (request.status < 300 ? resolve() : reject(refused(request)));
    request.onerror = async () => reject(await isReadable(file) ? new Unreachable(t("upload_interrupted")) : new Refusal(400, {detail: t("file_changed")}, null));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), {once: true});
    if (signal.aborted) request.abort();
    else request.send(data);
  });
}

/** Returns whether the browser can still read a file: not if it was changed, moved or removed on the device. @param {File} file */
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** @param {XMLHttpRequest} request */
function refused(request) {
  const code = /<Code>(\w+)<\/Code>/.exec(request.responseText)?.[1] || "";
  if (request.status >= 500 || code === "RequestTimeout") return new Unreachable(`HTTP ${request.status}`);
  if (code === "EntityTooSmall") return new Refusal(400, {detail: t("file_empty")}, null);
  if (code === "EntityTooLarge") return new Refusal(413, {detail: t("upload_refused")}, null);
  return new FormRefused(code);
}

function room() {
  if (free > 0) {
    free -= 1;
    return Promise.resolve();
  }
  return /** @type {Promise<void>} */ (new Promise((resolve) => waiting.push(resolve)));
}

function leave() {
  const next = waiting.shift();
  if (next) next();
  else free += 1;
}
