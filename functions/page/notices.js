// @ts-check
/** What reaches a person who looks elsewhere: a notification, if allowed, and the title. And the banner: offline, a wrong clock. */

import {byId, fill, icon} from "./dom.js";
import {door, isClockWrong} from "./door.js";
import {entryOf, hasEnded, isWhole, members, news} from "./jobs.js";
import {t} from "./words.js";

const NAME = "gallop.notify";

let unseen = 0;
/** The groups whose end was noticed: all their jobs may end in one answer. @type {Set<string>} */
const noticed = new Set();

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
    if (before && !hasEnded(before) && hasEnded(job) && isLast(job)) noticeEnd(job);
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

/** Returns whether the end of a job is that of its group, once. @param {import("./jobs.js").Job} job */
function isLast({group}) {
  if (!group) return true;
  if (noticed.has(group.id) || !isWhole(group.id) || !members(group.id).every(hasEnded)) return false;
  noticed.add(group.id);
  return true;
}

/** @param {import("./jobs.js").Job} job */
function noticeEnd(job) {
  if (!document.hidden) return;
  unseen += 1;
  document.title = t("title_unseen", {count: unseen});
  if (!isWanted()) return;
  const all = job.group ? members(job.group.id) : [job];
  const ready = all.filter((one) => one.state === "succeeded").length;
  const title = !ready ? t("notice_ended") : all.length > 1 ? t("notice_ready_of", {count: ready, size: all.length}) : t("notice_ready");
  try {
    const notice = new Notification(title, {body: job.prompt.slice(0, 120), tag: entryOf(job), icon: "/app/icon.svg"});
    notice.onclick = () => {
      window.focus();
      location.hash = entryOf(job);
      notice.close();
    };
  } catch {
    // Some browsers of phones allow notifications to installed programs only.
  }
}
