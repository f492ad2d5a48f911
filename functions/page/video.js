// @ts-check
/** The file of a job: played, and again when its address has expired; downloaded, with a sensible name. */

import {announce, fill, h, icon} from "./dom.js";
import {Refusal, get} from "./door.js";
import {thumbnailOf} from "./card.js";
import {phase} from "./jobs.js";
import {sentence, t} from "./words.js";

/** @typedef {import("./jobs.js").Job} Job */

/** Shows the video of a job, or how far it is. @param {HTMLElement} stage @param {Job} job @param {{label: string, autoplay: boolean}} how */
export async function showVideo(stage, job, {label, autoplay}) {
  stage.className = `stage ${phase(job)}`;
  if (job.state !== "succeeded") {
    const bar = phase(job) === "running" ? h("progress", {max: 100, value: job.progress, "aria-label": t("progress")}) : null;
    return fill(stage, icon({failed: "warning", cancelled: "close", waiting: "clock"}[phase(job)] || "film"), bar);
  }
  const video = h("video", {controls: true, playsinline: true, preload: "metadata", "aria-label": label});
  fill(stage, video);
  thumbnailOf(job).then((address) => address && !video.currentTime && (video.poster = address));
  await load(stage, video, job);
  if (autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) await video.play().catch(() => null);
}

/** Gives a video its address, and a new one when that has expired. @param {HTMLElement} stage @param {HTMLVideoElement} video @param {Job} job */
async function load(stage, video, job) {
  try {
    const {url} = await content(job, "");
    let at = Date.now();
    video.src = url;
    video.onerror = async () => {
      // The address is valid for an hour. Twice in a row within a minute, it is the file.
      if (Date.now() - at < 60_000) return fill(stage, h("p", {class: "fault"}, t("cannot_play")));
      at = Date.now();
      const {currentTime} = video;
      video.src = (await content(job, "")).url;
      video.currentTime = currentTime;
    };
  } catch (error) {
    fill(stage, problem(error));
  }
}

/** @param {Job} job @param {string} query @returns {Promise<{url: string, filename: string}>} */
async function content(job, query) {
  return (await get(`/v1/videos/${job.id}/content${query}`, {headers: {Accept: "application/json"}})).data;
}

/** @param {Job} job @param {HTMLElement} messages */
export async function download(job, messages) {
  try {
    const {url, filename} = await content(job, "?download=true");
    save(url, filename);
    announce(t("downloading", {name: filename}));
  } catch (error) {
    fill(messages, problem(error));
  }
}

/** Saves what is at an address. @param {string} address @param {string} filename */
export function save(address, filename) {
  const link = h("a", {href: address, download: filename});
  link.click();
}

/** Says what is wrong, and what to do. @param {unknown} error */
export function problem(error) {
  const text = error instanceof Refusal ? `${sentence(error.message)} ${error.remedy}` : t("unreachable");
  return h("p", {class: "fault"}, text);
}
