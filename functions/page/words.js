// @ts-check
/** Texts, numbers, money and times as people read them. A translation is another `texts.<language>.js`. */

import {texts} from "./texts.en.js";

const plural = new Intl.PluralRules(texts.language);
const dates = new Intl.DateTimeFormat(texts.language, {dateStyle: "medium", timeStyle: "short"});
const clock = new Intl.DateTimeFormat(texts.language, {timeStyle: "short"});
const numbers = new Intl.NumberFormat(texts.language, {maximumFractionDigits: 1});

document.documentElement.lang = texts.language;
document.documentElement.dir = texts.direction;

/**
 * Returns a text with its values. With a `count`, a text has a form for each plural of its language.
 * @param {string} name @param {Record<string, string | number>} [values] @returns {string}
 */
export function t(name, values = {}) {
  const found = /** @type {Record<string, any>} */ (texts)[name];
  if (found === undefined) throw new Error(`There is no text "${name}".`);
  const form = typeof found === "string" ? found : found[plural.select(Number(values.count))] ?? found.other;
  return form.replace(/\{(\w+)\}/g, (/** @type {string} */ whole, /** @type {string} */ one) => {
    const value = values[one];
    return value === undefined ? whole : typeof value === "number" ? numbers.format(value) : value;
  });
}

/** Returns a text if there is one, else the fallback. @param {string} name @param {string} fallback */
export function optional(name, fallback) {
  return name in texts ? t(name) : fallback;
}

/** @param {number} amount in USD */
export function money(amount) {
  // Prices have thousandths where a second costs less than a cent.
  const digits = Math.abs(amount * 100 - Math.round(amount * 100)) < 1e-6 ? 2 : 4;
  const style = {style: /** @type {const} */ ("currency"), currency: "USD", minimumFractionDigits: 2};
  return new Intl.NumberFormat(texts.language, {...style, maximumFractionDigits: digits}).format(amount);
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? t("kilobytes", {size: Math.max(1, Math.round(bytes / 1e3))}) : t("megabytes", {size: bytes / 1e6});
}

/** @param {number} seconds since the epoch */
export function date(seconds) {
  return dates.format(seconds * 1000);
}

/** Returns the time of a day, with its date if it is another day than `now`. @param {number} seconds @param {number} now */
export function time(seconds, now) {
  const isToday = new Date(seconds * 1000).toDateString() === new Date(now * 1000).toDateString();
  return isToday ? clock.format(seconds * 1000) : date(seconds);
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return t("seconds", {count: Math.max(1, Math.round(seconds))});
  if (seconds < 5400) return t("minutes", {count: Math.round(seconds / 60)});
  return t("hours", {count: Math.round(seconds / 360) / 10});
}

/** Returns a text with its full stop. @param {string} text */
export function sentence(text) {
  const trimmed = text.trim();
  return !trimmed || /[.!?。]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** Returns a name within a text, whose direction of writing turns nothing around it. @param {string} text */
export function isolated(text) {
  return `\u2068${text}\u2069`;
}
