// @ts-check
/**
 * The list of jobs: newest first, page by page as one scrolls, filtered by state and time; new ones appear by themselves.
 * The variants of one request are one entry.
 */

import {button, fill, h, newId} from "./dom.js";
import {Refusal, get, now} from "./door.js";
import {card} from "./card.js";
import {groupCard} from "./group.js";
import {entryOf, learn, news} from "./jobs.js";
import {sentence, t} from "./words.js";

const PAGE = 20;
const REFRESH_SECONDS = 15;
const DAY = 86_400;
const PERIODS = {any: 0, day: DAY, week: 7 * DAY, month: 30 * DAY};
const STATES = ["", "queued", "in_progress", "completed", "failed"];

/** @typedef {import("./jobs.js").Job} Job */

/** By the id of a job or a group. @type {Map<string, ReturnType<typeof card>>} */
const cards = new Map();
/** @type {string[]} */
let order = [];
let isOperator = false;
let after = "";
let hasMore = true;
let loading = 0;
let refreshTimer = 0;
/** Answers of an earlier filter are dropped. */
let round = 0;

const ALL = {status: "", period: "any", from: "", to: "", client: "", door: ""};
const filters = {...ALL};
const list = h("div", {class: "cards", role: "feed", "aria-busy": "true"});
const end = h("div", {class: "end"});
const sight = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && more());

news.addEventListener("change", (event) => {
  const {job} = /** @type {CustomEvent} */ (event).detail;
  cards.get(entryOf(job))?.update(job);
});

/** Makes the list. @param {boolean} sees whether the key is an operator's */
export function historyPanel(sees) {
  isOperator = sees;
  Object.assign(filters, ALL);
  const heading = h("h2", {id: newId("heading")}, t(isOperator ? "all_videos" : "your_videos"));
  list.setAttribute("aria-labelledby", heading.id);
  return h("section", {class: "history"}, h("div", {class: "bar"}, heading, filterPanel()), list, end);
}

/** Reads the list from its beginning, and keeps it up to date. */
export async function startHistory() {
  document.addEventListener("visibilitychange", refreshSoon);
  addEventListener("online", refreshSoon);
  await reset();
}

export function stopHistory() {
  document.removeEventListener("visibilitychange", refreshSoon);
  removeEventListener("online", refreshSoon);
  clearTimeout(refreshTimer);
  round += 1;
}

/** Puts jobs that were just made at the beginning, and removes filters that would hide them. @param {Job[]} jobs */
export function showNew(jobs) {
  if (filters.status || filters.period !== "any" || filters.client || filters.door) clearFilters();
  insert(jobs);
  renderEnd();
}

async function reset() {
  round += 1;
  [order, after, hasMore, loading] = [[], "", true, 0];
  cards.clear();
  fill(list);
  sight.disconnect();
  await more();
  refreshSoon();
}

async function more() {
  if (loading || !hasMore) return;
  const mine = round;
  loading = 1;
  renderEnd();
  try {
    const {data} = await get(`/v1/videos?${query({after})}`);
    if (mine !== round) return;
    take(data.data);
    [after, hasMore, loading] = [data.last_id || after, data.has_more, 0];
    renderEnd();
  } catch (error) {
    if (mine !== round) return;
    loading = 0;
    renderEnd(error instanceof Refusal ? `${sentence(error.message)} ${error.remedy}` : t("list_unreachable"));
  }
}

/** Looks for jobs that others made: drops, programs, other tabs. */
async function refresh() {
  const mine = round;
  try {
    const {data} = await get(`/v1/videos?${query({})}`);
    if (mine !== round) return;
    const isGap = order.length > 0 && data.has_more && !data.data.some((/** @type {Job} */ one) => cards.has(entryOf(one)));
    if (isGap) return void reset();
    take(data.data);
    renderEnd();
  } catch {
    // The next time, or the job's own question, shows what is wrong.
  }
  refreshSoon();
}

function refreshSoon() {
  clearTimeout(refreshTimer);
  if (document.hidden || !navigator.onLine) return;
  refreshTimer = window.setTimeout(refresh, REFRESH_SECONDS * 1000);
}

/** @param {Job[]} jobs */
function take(jobs) {
  insert(jobs.map(learn));
}

/** Inserts jobs at their places, newest first. @param {Job[]} jobs */
function insert(jobs) {
  for (const job of jobs) {
    const id = entryOf(job);
    if (cards.has(id)) continue;
    const made = job.group ? groupCard(id, job, isOperator) : card(job, isOperator);
    cards.set(id, made);
    made.element.dataset.created = String(job.created_at);
    const next = order.findIndex((other) => isNewer(job, other));
    const place = next < 0 ? order.length : next;
    list.insertBefore(made.element, cards.get(order[place])?.element || null);
    order.splice(place, 0, id);
  }
}

/** Ids have their millisecond behind their kind. @param {Job} job @param {string} id */
function isNewer(job, id) {
  const created = Number(cards.get(id)?.element.dataset.created);
  return job.created_at > created || (job.created_at === created && job.id.slice(4) > id.slice(4));
}

/** @param {string} [problem] */
function renderEnd(problem) {
  list.setAttribute("aria-busy", String(Boolean(loading)));
  const isFiltered = Boolean(filters.status || filters.period !== "any" || filters.client || filters.door);
  const empty = !order.length && !hasMore && h("p", {class: "empty"}, t(isFiltered ? "nothing_found" : "nothing_yet"));
  const action = hasMore && !loading && button({text: t(problem ? "try_again" : "show_more"), class: "quiet", onclick: more});
  fill(end, problem && h("p", {class: "fault"}, problem), empty, loading ? h("p", {class: "hint"}, t("loading")) : null, action);
  sight.disconnect();
  if (hasMore && !loading && !problem) sight.observe(end);
}

/** @param {Record<string, string>} values */
function query(values) {
  const [since, until] = filters.period === "dates" ? [dayOf(filters.from, 0), dayOf(filters.to, 1)] : [sinceOf(filters.period), ""];
  const all = {limit: String(PAGE), status: filters.status, client: filters.client, door: filters.door, created_after: since, created_before: until, ...values};
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value)).toString();
}

/** @param {string} period */
function sinceOf(period) {
  const seconds = /** @type {Record<string, number>} */ (PERIODS)[period];
  return seconds ? String(Math.floor(now() - seconds)) : "";
}

/** Returns the beginning of a day of this device's calendar, or of a later one. @param {string} text @param {number} days */
function dayOf(text, days) {
  if (!text) return "";
  const [year, month, day] = text.split("-").map(Number);
  return String(Math.floor(new Date(year, month - 1, day + days).getTime() / 1000));
}

function filterPanel() {
  const dates = h("span", {class: "dates", hidden: true}, dateInput("from"), dateInput("to"));
  const changed = () => {
    dates.hidden = filters.period !== "dates";
    reset();
  };
  const status = select("status", STATES.map((one) => [one, t(one ? `filter_${one}` : "filter_all")]), changed);
  const period = select("period", [...Object.keys(PERIODS), "dates"].map((one) => [one, t(`period_${one}`)]), changed);
  for (const input of dates.querySelectorAll("input")) input.addEventListener("change", changed);
  const operator = isOperator && [
    select("door", ["", "https", "s3"].map((one) => [one, t(one ? `door_${one}` : "door_all")]), changed),
    clientInput(changed),
  ];
  return h("div", {class: "filters", role: "group", "aria-label": t("filters")}, operator, status, period, dates);
}

/** @param {"status" | "period" | "door"} name @param {string[][]} options @param {() => void} changed */
function select(name, options, changed) {
  const input = h("select", {"aria-label": t(`filter_by_${name}`), "data-filter": name}, options.map(([value, text]) => h("option", {value}, text)));
  input.addEventListener("change", () => {
    filters[name] = input.value;
    changed();
  });
  return input;
}

/** @param {"from" | "to"} name */
function dateInput(name) {
  const input = h("input", {type: "date", "aria-label": t(`date_${name}`)});
  input.addEventListener("change", () => (filters[name] = input.value));
  return input;
}

/** @param {() => void} changed */
function clientInput(changed) {
  const input = h("input", {type: "search", "aria-label": t("filter_by_client"), placeholder: t("any_client"), autocomplete: "off", spellcheck: "false"});
  input.addEventListener("change", () => {
    filters.client = input.value.trim();
    changed();
  });
  return input;
}

function clearFilters() {
  Object.assign(filters, ALL);
  for (const input of document.querySelectorAll(".filters select")) /** @type {HTMLSelectElement} */ (input).selectedIndex = 0;
  for (const input of document.querySelectorAll(".filters input")) /** @type {HTMLInputElement} */ (input).value = "";
  document.querySelector(".dates")?.setAttribute("hidden", "");
  reset();
}
