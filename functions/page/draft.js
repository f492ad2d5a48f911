// @ts-check
/** What a person is about to request: prompt, files and parameters. It outlives a reload of this tab, not the tab. */

const NAME = "gallop.draft";

/**
 * @typedef {"waiting" | "sending" | "paused" | "sent" | "failed" | "lost"} MediumState
 * @typedef {object} Medium A picture or a video.
 * @property {number} id
 * @property {string} name
 * @property {string} type its media type
 * @property {number} size in bytes
 * @property {string} thumb a data URL, or empty
 * @property {MediumState} state
 * @property {string} source what a request names it by, once it is sent
 * @property {number} progress of its upload, from 0 to 1
 * @property {string} problem
 * @property {File | null} file
 *
 * @typedef {object} Model A row of GET /v1/models.
 * @property {string} id
 * @property {string} kind
 * @property {boolean} is_default
 * @property {{is_required: boolean, max_characters: number}} prompt
 * @property {{field: string, noun: string, minimum: number, maximum: number, limits: any}[]} media
 * @property {Record<string, any>} parameters
 */

/** Dispatches `change` after each change. */
export const changes = new EventTarget();

export const draft = {
  prompt: "",
  /** Whether the pictures are references, or the first one is the first frame. @type {"references" | "first_frame"} */
  role: "references",
  /** The model that was chosen; empty for the default of its kind. */
  model: "",
  /** @type {Record<string, unknown>} */
  parameters: {},
  /** Where it may run, if it repeats a video: `account` and `tags`. @type {Record<string, unknown>} */
  placement: {},
  /** How many variants. */
  n: 1,
  /** @type {Medium[]} */
  media: [],
};

/** @type {Model[]} */
let models = [];
let lastId = 0;

/** @param {Model[]} found */
export function setModels(found) {
  models = found;
}

/** Changes the draft, keeps it, and notifies all who show it. @param {Partial<typeof draft>} [values] */
export function change(values = {}) {
  Object.assign(draft, values);
  keep();
  changes.dispatchEvent(new Event("change"));
}

/** Makes a new medium. @param {Partial<Medium>} values @returns {Medium} */
export function medium(values) {
  lastId += 1;
  const empty = {name: "", type: "image/jpeg", size: 0, thumb: "", source: "", progress: 0, problem: "", file: null};
  return {...empty, state: "waiting", ...values, id: lastId};
}

export function clear() {
  change({prompt: "", role: "references", model: "", parameters: {}, placement: {}, n: 1, media: []});
}

/** Takes the draft from before a reload; a file that was not sent by then is gone. */
export function restore() {
  let kept;
  try {
    kept = JSON.parse(sessionStorage.getItem(NAME) || "null");
  } catch {
    kept = null;
  }
  if (!kept) return;
  const media = kept.media.map((/** @type {Medium} */ one) => medium({...one, state: one.source ? "sent" : "lost"}));
  Object.assign(draft, {...kept, media});
}

/** @param {Medium} one */
export function isVideo(one) {
  return one.type.startsWith("video/");
}

/** Returns the request's field of a medium. @param {Medium} one */
export function fieldOf(one) {
  if (isVideo(one)) return "video";
  return kind() === "i2v" && images()[0] === one ? "first_frame" : "images";
}

export function images() {
  return draft.media.filter((one) => !isVideo(one));
}

/** Returns the kind of video that the files make. */
export function kind() {
  if (draft.media.some(isVideo)) return "video-edit";
  if (!images().length) return "t2v";
  return draft.role === "first_frame" ? "i2v" : "r2v";
}

/** Returns the models of the kind. */
export function choices() {
  return models.filter((one) => one.kind === kind());
}

/** Returns the model: the chosen one if it is of the kind, else the kind's default. */
export function model() {
  const found = choices();
  return found.find((one) => one.id === draft.model) || found.find((one) => one.is_default) || found[0];
}

/** Returns how many pictures the request may have. */
export function maximumImages() {
  const field = model()?.media.find((one) => one.field === (kind() === "i2v" ? "first_frame" : "images"));
  // Pictures change the kind of a text alone.
  return field ? field.maximum : Math.max(0, ...models.flatMap((one) => one.media.filter((it) => it.field === "images").map((it) => it.maximum)));
}

/** Returns the pointer of a medium in the body of the request. @param {Medium} one */
export function pointerOf(one) {
  const field = fieldOf(one);
  return field === "images" ? `/images/${images().filter((it) => fieldOf(it) === "images").indexOf(one)}` : `/${field}`;
}

/** Returns the number of a medium in the prompt, or 0 if it has none. @param {Medium} one */
export function numberOf(one) {
  return fieldOf(one) === "images" ? images().filter((it) => fieldOf(it) === "images").indexOf(one) + 1 : 0;
}

/** Returns the body of the request; only the parameters that its model has. @returns {Record<string, unknown>} */
export function body() {
  const found = model();
  const wanted = Object.entries(draft.parameters).filter(([name, value]) => found && name in found.parameters && value !== "");
  const sources = (/** @type {string} */ field) => draft.media.filter((one) => fieldOf(one) === field).map((one) => one.source);
  const [list, [frame], [video]] = [sources("images"), sources("first_frame"), sources("video")];
  return {
    ...(found && {model: found.id}),
    prompt: draft.prompt,
    ...(list.length && {images: list}),
    ...(frame !== undefined && {first_frame: frame}),
    ...(video !== undefined && {video}),
    ...Object.fromEntries(wanted),
    ...draft.placement,
    ...(draft.n > 1 && {n: draft.n}),
  };
}

function keep() {
  const media = draft.media.map(({name, type, size, thumb, source}) => ({name, type, size, thumb, source}));
  try {
    sessionStorage.setItem(NAME, JSON.stringify({...draft, media}));
  } catch {
    // Without storage, or without room in it, a reload loses the draft.
  }
}
