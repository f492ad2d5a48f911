// @ts-check
/** Files that a person drops, pastes or picks: folders too, in the order of their names. */

const EDGE = 240;
const VIDEO_PATIENCE_MS = 5000;
/** What the API takes, and the endings of names that browsers give no type. */
const TYPES = {
  "image/jpeg": ["jpg", "jpeg", "jfif"], "image/png": ["png"], "image/webp": ["webp"], "image/bmp": ["bmp"],
  "image/tiff": ["tif", "tiff"], "image/gif": ["gif"], "image/heic": ["heic"], "image/heif": ["heif"],
  "image/avif": ["avif"], "video/mp4": ["mp4", "m4v"], "video/quicktime": ["mov", "qt"],
};
const NAMES = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});

/** What file inputs offer to pick. */
export const ACCEPTED = Object.entries(TYPES).flatMap(([type, endings]) => [type, ...endings.map((one) => `.${one}`)]).join();

/**
 * Returns the files of a drop or a paste, those in folders as well.
 * @param {DataTransfer} data @returns {Promise<File[]>}
 */
export async function filesOf(data) {
  // The entries exist only until the first await.
  const entries = [...data.items].map((item) => (item.kind === "file" ? item.webkitGetAsEntry?.() : null));
  if (!entries.some((entry) => entry?.isDirectory)) return [...data.files];
  const found = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
  return found.flat();
}

/** Returns files in the natural order of their names, without those that a computer adds. @param {File[]} files */
export function sorted(files) {
  return files.filter((file) => !/^(\.|thumbs\.db$|desktop\.ini$)/i.test(file.name)).sort((a, b) => NAMES.compare(pathOf(a), pathOf(b)));
}

/** Returns the media type of a file that the API takes, else an empty text. @param {File} file */
export function typeOf(file) {
  const ending = file.name.toLowerCase().split(".").pop() || "";
  if (file.type in TYPES) return file.type;
  return Object.entries(TYPES).find(([, endings]) => endings.includes(ending))?.[0] || "";
}

/** Returns whether a file holds the prompt of a folder, as at the S3 door. @param {File} file */
export function isPrompt(file) {
  return file.name.toLowerCase() === "prompt.txt" && file.size < 100_000;
}

/** Returns whether a file names itself the first frame, as at the S3 door. @param {File} file */
export function isFirstFrame(file) {
  return /^first[-_]frame\.\w+$/i.test(file.name);
}

/** Makes a small picture of a file as a data URL; empty if this browser cannot read it. @param {File} file @param {string} type */
export async function thumbnail(file, type) {
  try {
    return type.startsWith("video/") ? await ofVideo(file) : await ofImage(file);
  } catch {
    return "";
  }
}

/** @param {File} file */
async function ofImage(file) {
  const bitmap = await createImageBitmap(file);
  try {
    return drawn(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

/** @param {File} file */
async function ofVideo(file) {
  const video = document.createElement("video");
  const address = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      setTimeout(reject, VIDEO_PATIENCE_MS);
      video.onerror = reject;
      video.onseeked = resolve;
      video.onloadeddata = () => (video.currentTime = Math.min(0.2, video.duration / 2));
      Object.assign(video, {muted: true, preload: "auto", src: address});
    });
    return drawn(video, video.videoWidth, video.videoHeight);
  } finally {
    video.removeAttribute("src");
    URL.revokeObjectURL(address);
  }
}

/** @param {CanvasImageSource} source @param {number} width @param {number} height */
function drawn(source, width, height) {
  const scale = Math.min(1, EDGE / Math.min(width, height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, width * scale), Math.max(1, height * scale)];
  const context = canvas.getContext("2d");
  if (!context) return "";
  // A picture that is partly transparent gets a quiet ground: JPEG has none.
  context.fillStyle = "#888";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.75);
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesIn(entry) {
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    // A reader gives a hundred entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesIn))).flat();
}

/** @param {File} file */
function pathOf(file) {
  return file.webkitRelativePath || file.name;
}
