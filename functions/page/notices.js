// @ts-check
/** What reaches a person who looks elsewhere: a notification, if allowed, and the title. And the banner: offline, a wrong clock. */

import {byId, fill, icon} from "./dom.js";
import {door, isClockWrong} from "./door.js";
import {hasEnded, news} from "./jobs.js";
import {t} from "./words.js";

const NAME = "gallop.notify";

let unseen = 0;

/** Returns whether the person wants notifications, and the browser allows them. */
export function isWanted() {
  return isPossible() && Notification.permission === "granted" && sessionStorage.getItem(NAME) === "yes";
}

export function isPossible() {
  return "Notification" in window;
}

/** Turns notifications on or off; returns whether they are on. @param {boolean} isOn */
export async function want(isOn) {
  const allowed = isOn && (await Notification.requestPermission()) === "granted";
  sessionStorage.setItem(NAME, allowed ? "yes" : "no");
  return allowed;
}

/** Shows the state of the network and of the clock in the banner, and the ends of jobs. */
export function showNotices() {
  for (const event of ["online", "offline"]) addEventListener(event, showBanner);
  door.addEventListener("clock", showBanner);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unseen = 0;
    document.title = t("title");
  });
  news.addEventListener("change", (event) => {
    const {job, before} = /** @type {CustomEvent} */ (event).detail;
    if (before && !hasEnded(before) && hasEnded(job)) noticeEnd(job);
  });
  document.title = t("title");
  showBanner();
}

function showBanner() {
  const banner = byId("banner");
  const text = !navigator.onLine ? t("offline") : isClockWrong() ? t("clock_wrong") : "";
  if (text === banner.textContent) return;
  banner.hidden = !text;
  fill(banner, text && icon(navigator.onLine ? "clock" : "offline"), text);
}

/** @param {import("./jobs.js").Job} job */
function noticeEnd(job) {
  if (!document.hidden) return;
  unseen += 1;
  document.title = t("title_unseen", {count: unseen});
  if (!isWanted()) return;
  const title = job.state === "succeeded" ? t("notice_ready") : t("notice_ended");
  try {
    const notice = new Notification(title, {body: job.prompt.slice(0, 120), tag: job.id, icon: "/app/icon.svg"});
    notice.onclick = () => {
      window.focus();
      location.hash = job.id;
      notice.close();
    };
  } catch {
    // Some browsers of phones allow notifications to installed programs only.
  }
}
