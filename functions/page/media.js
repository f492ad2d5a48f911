// @ts-check
/** Pictures and a video: dropped, pasted or picked; sent at once; put in order by drag or by keyboard. */

import {announce, button, fill, h, icon, name} from "./dom.js";
import {Refusal} from "./door.js";
import {change, changes, draft, fieldOf, images, isVideo, kind, maximumImages, medium, numberOf, pointerOf} from "./draft.js";
import {register} from "./faults.js";
import {ACCEPTED, filesOf, isFirstFrame, isPrompt, sorted, thumbnail, typeOf} from "./files.js";
import {upload} from "./uploads.js";
import {size, t} from "./words.js";

const MAX_BYTES = 100 * 1024 * 1024;
const DRAG_PIXELS = 6;

/** @typedef {import("./draft.js").Medium} Medium */

/** @type {Map<number, {tile: HTMLElement, stop: AbortController}>} */
const shown = new Map();
const tiles = h("ol", {class: "tiles", "aria-label": t("media")});
const notes = h("div", {class: "notes", role: "alert"});
const roles = h("fieldset", {class: "roles", hidden: true});

/** Makes the place for files. */
export function mediaPanel() {
  const files = picker({multiple: true, accept: ACCEPTED});
  const folder = picker({webkitdirectory: true});
  const pick = button({icon: "add", text: t("add_files"), class: "quiet", onclick: () => files.click()});
  const whole = button({icon: "folder", text: t("add_folder"), class: "quiet", onclick: () => folder.click()});
  const hint = h("p", {class: "hint"}, t("drop_hint"));
  const zone = h("div", {class: "zone"}, h("div", {class: "invitation"}, icon("picture"), hint), h("div", {class: "picks"}, pick, whole));
  fill(roles, h("legend", {class: "unseen"}, t("role")), radio("references"), radio("first_frame"));
  render();
  return h("div", {class: "media"}, h("div", {class: "strip"}, tiles, zone), files, folder, roles, notes);
}

/** Adds files that were dropped, pasted or picked. @param {File[]} files */
export async function add(files) {
  const problems = [];
  const before = draft.media.length;
  const all = sorted(files);
  const prompt = all.find(isPrompt);
  if (prompt && !draft.prompt.trim()) change({prompt: (await prompt.text()).trim()});
  for (const file of all.filter((one) => one !== prompt)) {
    const problem = problemOf(file);
    if (problem) problems.push([file.name, problem]);
    else accept(file, all.length);
  }
  fill(notes, problems.slice(0, 3).map(([one, problem]) => h("p", {class: "fault"}, name(one), " ", problem)),
    problems.length > 3 && h("p", {class: "fault"}, t("more_left_out", {count: problems.length - 3})));
  const count = draft.media.length - before;
  if (count) announce(t("added", {count}));
}

/** Returns whether all files are sent. */
export function isSent() {
  return draft.media.every((one) => one.state === "sent");
}

/** @param {File} file */
function problemOf(file) {
  const type = typeOf(file);
  if (!type) return t("file_unsupported");
  if (!file.size) return t("file_empty");
  if (file.size > MAX_BYTES) return t("file_too_large", {size: MAX_BYTES / 1024 / 1024});
  if (type.startsWith("video/")) return draft.media.some(isVideo) ? t("second_video") : "";
  return images().length >= maximumImages() ? t("too_many_images", {count: maximumImages()}) : "";
}

/** @param {File} file @param {number} together how many files came with it */
function accept(file, together) {
  const type = typeOf(file);
  const one = medium({name: file.name, type, size: file.size, file});
  const role = isFirstFrame(file) && together <= 2 ? "first_frame" : draft.role;
  change({media: [...draft.media, one], role});
  send(one);
  thumbnail(file, type).then((thumb) => {
    one.thumb = thumb;
    change();
  });
}

/** @param {Medium} one */
async function send(one) {
  const stop = new AbortController();
  shown.set(one.id, {...tileOf(one), stop});
  const update = (/** @type {Partial<Medium>} */ values) => (Object.assign(one, values), renderTile(one));
  update({state: "sending", progress: 0, problem: ""});
  try {
    const source = await upload(/** @type {File} */ (one.file), one.type, {
      signal: stop.signal,
      onprogress: (progress) => update({state: "sending", progress}),
      onwait: () => update({state: "paused"}),
    });
    Object.assign(one, {source, state: "sent", progress: 1});
    if (draft.media.includes(one)) change();
  } catch (error) {
    if (stop.signal.aborted) return;
    update({state: "failed", problem: error instanceof Refusal ? error.message : t("upload_interrupted")});
    change();
  }
}

/** @param {Medium} one */
function remove(one) {
  shown.get(one.id)?.stop.abort();
  const place = draft.media.indexOf(one);
  fill(notes);
  change({media: draft.media.filter((it) => it !== one)});
  announce(t("removed", {name: one.name}));
  const next = draft.media[Math.min(place, draft.media.length - 1)];
  const focus = next ? shown.get(next.id)?.tile.querySelector(".remove") : document.querySelector(".picks button");
  /** @type {HTMLElement | null | undefined} */ (focus)?.focus();
}

/** Moves a medium to another place. @param {Medium} one @param {number} to */
function move(one, to) {
  const media = draft.media.filter((it) => it !== one);
  media.splice(Math.max(0, Math.min(to, media.length)), 0, one);
  if (media.every((it, place) => it === draft.media[place])) return;
  change({media});
  const number = numberOf(one);
  announce(number ? t("moved", {name: one.name, number}) : t("moved_first", {name: one.name}));
}

function render() {
  const kept = new Set(draft.media.map((one) => one.id));
  for (const [id, {tile, stop}] of shown) {
    if (kept.has(id)) continue;
    stop.abort();
    tile.remove();
    shown.delete(id);
  }
  draft.media.forEach((one, place) => {
    const {tile} = tileOf(one);
    if (tiles.children[place] !== tile) tiles.insertBefore(tile, tiles.children[place] || null);
    renderTile(one);
  });
  tiles.hidden = !draft.media.length;
  tiles.closest(".media")?.classList.toggle("filled", draft.media.length > 0);
  roles.hidden = !["r2v", "i2v"].includes(kind());
  for (const input of roles.querySelectorAll("input")) input.checked = input.value === draft.role;
}

/** @param {Medium} one */
function tileOf(one) {
  const found = shown.get(one.id);
  if (found) return found;
  const tile = h("li", {class: "tile"});
  const made = {tile, stop: new AbortController()};
  shown.set(one.id, made);
  drag(tile, one);
  return made;
}

/** @param {Medium} one */
function renderTile(one) {
  const tile = shown.get(one.id)?.tile;
  if (!tile) return;
  const place = draft.media.indexOf(one);
  const signature = JSON.stringify([one.state, one.thumb.length, one.problem, fieldOf(one), numberOf(one), place, draft.media.length]);
  if (tile.dataset.signature !== signature) {
    tile.dataset.signature = signature;
    draw(tile, one, place);
  }
  const bar = tile.querySelector("progress");
  if (bar) bar.value = one.progress;
}

/** @param {HTMLElement} tile @param {Medium} one @param {number} place */
function draw(tile, one, place) {
  const active = tile.contains(document.activeElement) ? document.activeElement?.className : "";
  const picture = one.thumb ? h("img", {src: one.thumb, alt: "", draggable: "false"}) : icon(isVideo(one) ? "film" : "picture");
  const faults = h("div", {class: "faults"});
  const state = {sending: t("sending"), paused: t("upload_paused"), waiting: t("sending"), lost: t("file_lost"), failed: one.problem, sent: ""}[one.state];
  tile.className = `tile ${one.state}`;
  const tools = h("div", {class: "tools"},
    button({icon: "before", class: "before", label: t("move_before", {name: one.name}), title: t("earlier"), disabled: place === 0, onclick: () => step(one, -1)}),
    button({icon: "after", class: "after", label: t("move_after", {name: one.name}), title: t("later"), disabled: place === draft.media.length - 1, onclick: () => step(one, 1)}),
    one.state === "failed" && one.file && button({icon: "again", class: "retry", label: t("send_again", {name: one.name}), title: t("try_again"), onclick: () => send(one)}),
    button({icon: "close", class: "remove", label: t("remove_file", {name: one.name}), title: t("remove"), onclick: () => remove(one)}));
  fill(tile,
    h("div", {class: "picture"}, picture, h("span", {class: "label"}, labelOf(one)), tools,
      one.state === "sending" && h("progress", {max: 1, value: one.progress, "aria-label": t("sending_file", {name: one.name})})),
    h("div", {class: "caption"}, name(one.name), one.size > 0 && h("span", {class: "size"}, size(one.size))),
    state && h("p", {class: one.state === "failed" || one.state === "lost" ? "fault" : "state"}, state),
    faults);
  register(pointerOf(one), {place: faults, control: null, label: one.name});
  if (active) focusTool(tile, active);
}

/** @param {HTMLElement} tile @param {string} kind the class of the button that had the focus */
function focusTool(tile, kind) {
  const wanted = /** @type {HTMLButtonElement | null} */ (tile.querySelector(`.${kind}`));
  const found = wanted && !wanted.disabled ? wanted : /** @type {HTMLButtonElement | null} */ (tile.querySelector(".tools button:not(:disabled)"));
  found?.focus();
}

/** @param {Medium} one @param {number} by */
function step(one, by) {
  const focused = document.activeElement?.className || "";
  move(one, draft.media.indexOf(one) + by);
  // A moved element loses its focus.
  const tile = shown.get(one.id)?.tile;
  if (tile) focusTool(tile, focused);
}

/** @param {Medium} one */
function labelOf(one) {
  const field = fieldOf(one);
  return field === "images" ? t("image_number", {number: numberOf(one)}) : t(field);
}

/** Lets a tile be dragged to another place, by mouse, pen or finger. @param {HTMLElement} tile @param {Medium} one */
function drag(tile, one) {
  tile.addEventListener("pointerdown", (down) => {
    if (down.button || !(down.target instanceof Element) || down.target.closest("button")) return;
    const moving = (/** @type {PointerEvent} */ event) => {
      const isFar = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG_PIXELS;
      if (!tile.classList.contains("moving") && !isFar) return;
      tile.setPointerCapture(down.pointerId);
      tile.classList.add("moving");
      const to = placeAt(event.clientX, event.clientY);
      if (to !== draft.media.indexOf(one)) move(one, to);
    };
    const stop = () => {
      tile.classList.remove("moving");
      tile.removeEventListener("pointermove", moving);
    };
    tile.addEventListener("pointermove", moving);
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) tile.addEventListener(end, stop, {once: true});
  });
}

/** Returns the place of the tile that is nearest to a point. @param {number} x @param {number} y */
function placeAt(x, y) {
  const distances = [...tiles.children].map((tile) => {
    const box = tile.getBoundingClientRect();
    return Math.hypot(x - box.x - box.width / 2, y - box.y - box.height / 2);
  });
  return distances.indexOf(Math.min(...distances));
}

/** Takes files that are dropped anywhere on the page, or pasted. */
function listen() {
  const isFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  const isOpen = () => Boolean(tiles.isConnected && !document.querySelector("dialog[open]"));
  let depth = 0;
  const show = (/** @type {number} */ by) => {
    depth = Math.max(0, depth + by);
    document.body.classList.toggle("dropping", depth > 0 && isOpen());
  };
  addEventListener("dragenter", (event) => isFiles(event) && show(1));
  addEventListener("dragleave", (event) => isFiles(event) && show(-1));
  // Without this, a browser leaves the page and opens the file.
  addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!isFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    show(-depth);
    if (isOpen()) add(await filesOf(event.dataTransfer));
  });
  addEventListener("paste", async (event) => {
    if (!event.clipboardData?.files.length || !isOpen()) return;
    event.preventDefault();
    add(await filesOf(event.clipboardData));
  });
}

// Once: the page opens again, in the same tab, after another key.
changes.addEventListener("change", render);
listen();

/** @param {Record<string, any>} attributes */
function picker(attributes) {
  const input = h("input", {type: "file", hidden: true, ...attributes});
  input.addEventListener("change", () => {
    add([...(input.files || [])]);
    input.value = "";
  });
  return input;
}

/** @param {"references" | "first_frame"} role */
function radio(role) {
  const input = h("input", {type: "radio", name: "role", value: role});
  input.addEventListener("change", () => change({role}));
  return h("label", {}, input, h("span", {}, t(`role_${role}`)));
}
