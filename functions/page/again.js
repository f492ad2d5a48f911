// @ts-check
/** Videos made once more: whether that is possible, and with which seed. */

import {h} from "./dom.js";
import {requestOf} from "./jobs.js";
import {client} from "./usage.js";
import {isolated, t} from "./words.js";

const SEEDS = 2 ** 31;

/** @typedef {import("./jobs.js").Job} Job */

/** Returns the request that makes the same video for this key, or null: an upload belongs to the client that sent it. @param {Job} job */
export function repeatOf(job) {
  const isForAll = job.client === client() || (job.media || []).every((one) => one.source?.startsWith("https:"));
  return isForAll ? requestOf(job) : null;
}

/** Says why a video cannot be made again, or for whom it would be; else nothing. @param {Job} job */
export function hintOf(job) {
  const whose = isolated(job.client || "");
  const isOwn = job.client === client();
  if (repeatOf(job)) return isOwn ? null : h("p", {class: "hint"}, t("again_as_you", {client: whose}));
  if (job.door === "s3") return h("p", {class: "hint"}, t("again_by_drop"));
  return h("p", {class: "hint"}, isOwn ? t("again_impossible") : t("again_of_other", {client: whose}));
}

export function newSeed() {
  return Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * SEEDS);
}
