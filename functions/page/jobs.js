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
 * @property {{account: string | null, tags: Record<string, string>} | null} [placement] where it may run
 * @property {{id: string, place: number, size: number}} [group] which variant of a request it is
 */

/** Dispatches `change` with the job as its detail, and its former self. */
export const news = new EventTarget();

/** @type {Map<string, Job>} */
const known = new Map();
/** The ids of the jobs of groups. @type {Map<string, Set<string>>} */
const groups = new Map();
/** The groups of which all jobs that exist are known. @type {Set<string>} */
const whole = new Set();

/** @param {string} id */
export function job(id) {
  return known.get(id);
}

/** Takes what the API showed; what is older than what is known changes nothing. @param {Job} found */
export function learn(found) {
  return learnAll([found])[0];
}

/** Takes a job, or a group with all its jobs; returns the jobs. @param {any} view @returns {Job[]} */
export function learnView(view) {
  if (view.object !== "video.group") return [learn(view)];
  whole.add(view.id);
  return learnAll(view.data);
}

/** Takes jobs, and then reports what is new of them: of a group, all of one answer. @param {Job[]} found */
function learnAll(found) {
  const changes = found.filter(isNews).map((job) => ({job, before: known.get(job.id)}));
  for (const {job} of changes) keep(job);
  for (const detail of changes) news.dispatchEvent(new CustomEvent("change", {detail}));
  return found.map((one) => known.get(one.id) || one);
}

/** @param {Job} found */
function isNews(found) {
  const before = known.get(found.id);
  return !before || !(found.updated_at < before.updated_at || (hasEnded(before) && !hasEnded(found)));
}

/** @param {Job} found */
function keep(found) {
  known.set(found.id, found);
  if (!found.group) return;
  const ids = groups.get(found.group.id) || new Set();
  groups.set(found.group.id, ids.add(found.id));
}

/** Returns the id of what lists show for a job: its group, or itself. @param {Job} one */
export function entryOf(one) {
  return one.group?.id || one.id;
}

/** Returns the known jobs of a group in their order. @param {string} id */
export function members(id) {
  const found = [...(groups.get(id) || [])].map((one) => /** @type {Job} */ (known.get(one)));
  return found.sort((a, b) => (a.group?.place ?? 0) - (b.group?.place ?? 0));
}

/** Returns whether all jobs of a group are known. @param {string} id */
export function isWhole(id) {
  const found = members(id);
  return whole.has(id) || (found.length > 0 && found.length === found[0].group?.size);
}

export function forgetJobs() {
  for (const one of [known, groups, whole]) one.clear();
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
    ...placementOf(one),
  };
}

/** Returns the fields of a request that may run only where this job may. @param {Job} one */
export function placementOf(one) {
  const {account, tags} = one.placement || {account: null, tags: {}};
  return {...(account && {account}), ...(Object.keys(tags).length && {tags})};
}
