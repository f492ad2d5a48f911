// @ts-check
/** The jobs that this page knows, and how each was when it was last seen. */

/**
 * @typedef {object} Job A job as GET /v1/videos/{id} shows it.
 * @property {string} id
 * @property {string} state
 * @property {number} progress
 * @property {string} prompt
 * @property {string} model
 * @property {string | null} kind
 * @property {number} created_at
 * @property {number} updated_at
 * @property {number | null} completed_at
 * @property {number | null} queue_position
 * @property {number | null} estimated_start
 * @property {number} estimated_cost
 * @property {number | null} cost
 * @property {{code: string, message: string, remedy: string, vendor_message?: string} | null} error
 * @property {{field: string, source: string | null}[]} media
 * @property {string} [client]
 * @property {string} [door]
 * @property {string} [receipts]
 * @property {Record<string, any>} [provenance]
 * @property {Record<string, any>} [video]
 * @property {Record<string, any>} [thumbnail]
 */

/** Dispatches `change` with the job as its detail, and its former self. */
export const news = new EventTarget();

/** @type {Map<string, Job>} */
const known = new Map();

/** @param {string} id */
export function job(id) {
  return known.get(id);
}

/** Takes what the API showed; what is older than what is known changes nothing. @param {Job} found */
export function learn(found) {
  const before = known.get(found.id);
  if (before && (found.updated_at < before.updated_at || hasEnded(before) && !hasEnded(found))) return before;
  known.set(found.id, found);
  news.dispatchEvent(new CustomEvent("change", {detail: {job: found, before}}));
  return found;
}

export function forgetJobs() {
  known.clear();
}

/** @param {Job} one */
export function hasEnded(one) {
  return ["succeeded", "failed", "cancelled"].includes(one.state);
}

/** Returns the state in the words of people: several of Gallop's are one. @param {Job} one */
export function phase(one) {
  if (["queued", "submitting", "outcome_unknown"].includes(one.state)) return "waiting";
  return ["running", "storing"].includes(one.state) ? "running" : one.state;
}

/** Returns the fields of a request that makes the same video, or null if its files cannot be sent again. @param {Job} one */
export function requestOf(one) {
  const media = one.media || [];
  if (!media.every((medium) => medium.source)) return null;
  const parameters = ["resolution", "ratio", "duration", "watermark", "seed", "audio"];
  const set = parameters.map((name) => [name, /** @type {any} */ (one)[name]]).filter(([, value]) => value !== null && value !== undefined);
  const of = (/** @type {string} */ field) => media.filter((medium) => medium.field === field).map((medium) => medium.source);
  const [list, [frame], [video]] = [of("images"), of("first_frame"), of("video")];
  return {
    model: one.model,
    prompt: one.prompt,
    ...(list.length && {images: list}),
    ...(frame && {first_frame: frame}),
    ...(video && {video}),
    ...Object.fromEntries(set),
  };
}
