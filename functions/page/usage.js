// @ts-check
/** What is spent of the caps; for an operator, also the queues, the slots and the spending of the whole stack. */

import {byId, fill, h, icon, name, button} from "./dom.js";
import {get} from "./door.js";
import {forget, isRemembered} from "./key.js";
import {news, hasEnded} from "./jobs.js";
import {isPossible, isWanted, want} from "./notices.js";
import {duration, money, t} from "./words.js";

const REFRESH_SECONDS = 60;
const SOON_SECONDS = 2;
/** From this share of a cap on, it is shown beside the price. */
export const NEAR = 0.8;

/**
 * @typedef {{of: string, period: string, cap: number | null, used: number | null, left: number | null, resets_at: string}} Budget
 * @typedef {{model: string, region: string, estimated_wait_seconds: number | null, waiting?: number | null, held?: number, slots?: number}} Queue
 * @typedef {{client: string, is_operator: boolean, jobs: {waiting: number, running: number}, budgets: Budget[], queues: Queue[], parked?: number}} Usage
 */

/** @type {Usage} */
let usage;
let timer = 0;
let isOn = false;
const meter = h("span", {class: "spent"});
const stack = h("section", {class: "stack", hidden: true});

news.addEventListener("change", (event) => {
  const {job, before} = /** @type {CustomEvent} */ (event).detail;
  if (!before || (hasEnded(job) && !hasEnded(before))) refreshIn(SOON_SECONDS);
});
document.addEventListener("visibilitychange", () => refreshIn(SOON_SECONDS));

/** Reads what the key may see. @returns {Promise<Usage>} */
export async function readUsage() {
  usage = (await get("/v1/usage")).data;
  return usage;
}

/** Returns the client that the key belongs to. */
export function client() {
  return usage.client;
}

/** Makes the menu of the account, and the panel of an operator. */
export function usagePanel() {
  const menu = h("div", {popover: "auto", class: "menu", id: "menu"});
  const open = button({icon: "key", class: "quiet", text: name(usage.client), label: undefined});
  open.setAttribute("popovertarget", "menu");
  open.setAttribute("aria-label", t("account", {client: usage.client}));
  fill(menu, h("p", {}, t("signed_in"), " ", name(usage.client)), h("p", {class: "hint"}, t(isRemembered() ? "key_on_device" : "key_in_tab")),
    isPossible() && notifyChoice(), button({icon: "leave", text: t("log_out"), class: "quiet", onclick: logOut}));
  fill(byId("account"), meter, open, menu);
  render();
  isOn = true;
  refreshIn(REFRESH_SECONDS);
  return stack;
}

export function stopUsage() {
  isOn = false;
  clearTimeout(timer);
}

/** Says how much is left of a cap that is near, or nothing. @param {Budget[]} budgets @param {number} cost */
export function nearCap(budgets, cost) {
  const near = budgets.filter((one) => one.cap !== null && one.used !== null && one.used + cost >= one.cap * NEAR);
  const [tightest] = near.sort((a, b) => (a.left ?? 0) - (b.left ?? 0));
  return tightest ? t(`near_${tightest.of}_${tightest.period}`, {left: money(tightest.left ?? 0), cap: money(tightest.cap ?? 0)}) : "";
}

/** @param {number} seconds */
function refreshIn(seconds) {
  clearTimeout(timer);
  if (!isOn || document.hidden) return;
  timer = window.setTimeout(refresh, seconds * 1000);
}

async function refresh() {
  try {
    await readUsage();
    render();
  } catch {
    // What was read last stays: the next time is near.
  }
  refreshIn(REFRESH_SECONDS);
}

function render() {
  const today = usage.budgets.find((one) => one.of === "client" && one.period === "day") || usage.budgets[0];
  fill(meter, today && spent(today));
  stack.hidden = !usage.is_operator;
  if (usage.is_operator) renderStack();
}

/** @param {Budget} budget */
function spent(budget) {
  if (budget.used === null) return t("spent_unknown");
  const text = t(budget.cap === null ? `spent_${budget.period}` : `spent_${budget.period}_of`, {used: money(budget.used), cap: money(budget.cap ?? 0)});
  const bar = budget.cap !== null && h("meter", {min: 0, max: budget.cap, high: budget.cap * NEAR, value: budget.used, "aria-label": text});
  return h("span", {class: "budget"}, text, bar);
}

function renderStack() {
  const budgets = usage.budgets.filter((one) => one.of === "stack");
  fill(stack, h("h2", {}, t("stack")),
    h("div", {class: "panels"},
      usage.queues.map((one) => h("div", {class: "panel"},
        h("h3", {}, name(one.model)),
        h("p", {}, t("slots", {held: one.held ?? 0, slots: one.slots ?? 0}), h("meter", {min: 0, max: one.slots, value: one.held, "aria-label": t("slots", {held: one.held ?? 0, slots: one.slots ?? 0})})),
        h("p", {class: "hint"}, one.waiting === null ? t("waiting_unknown") : t("waiting", {count: one.waiting ?? 0}),
          one.estimated_wait_seconds ? ` · ${t("wait", {time: duration(one.estimated_wait_seconds)})}` : ""))),
      h("div", {class: "panel"}, h("h3", {}, t("spending")), budgets.map((one) => h("p", {}, spent(one))),
        usage.parked ? h("p", {class: "hint"}, t("parked", {count: usage.parked})) : null)));
}

function notifyChoice() {
  const input = h("input", {type: "checkbox"});
  const note = h("span", {class: "hint"});
  input.checked = isWanted();
  input.addEventListener("change", async () => {
    const wanted = input.checked;
    input.checked = await want(wanted);
    note.textContent = wanted && !input.checked ? t("notify_blocked") : "";
  });
  return h("label", {class: "choice"}, input, icon("bell"), h("span", {}, t("notify")), note);
}

/** Forgets the key and all that this tab knows. */
function logOut() {
  forget();
  for (const name of Object.keys(sessionStorage)) if (name.startsWith("gallop.")) sessionStorage.removeItem(name);
  history.replaceState(null, "", location.pathname);
  location.reload();
}
