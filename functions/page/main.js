// @ts-check
/** Opens the page: with a key, or with the question for one. */

import {byId, fill, h} from "./dom.js";
import {Unreachable, door, get} from "./door.js";
import {restore, setModels} from "./draft.js";
import {historyPanel, startHistory, stopHistory} from "./history.js";
import {forgetJobs} from "./jobs.js";
import {forget, recall} from "./key.js";
import {makePanel} from "./make.js";
import {showNotices} from "./notices.js";
import {startPlaying, stopPlaying} from "./play.js";
import {readUsage, stopUsage, usagePanel} from "./usage.js";
import {startWatching, stopWatching} from "./watch.js";
import {welcome} from "./welcome.js";
import {t} from "./words.js";

const page = byId("page");
let isOpen = false;

/** Opens the page for the key. @throws the API refuses the key, or cannot be reached */
async function enter() {
  const [{data: models}, usage] = await Promise.all([get("/v1/models"), readUsage()]);
  setModels(models.data);
  isOpen = true;
  const stack = usagePanel();
  const history = historyPanel(usage.is_operator);
  fill(page, makePanel(), stack, history);
  document.body.className = "open";
  startWatching();
  startPlaying(usage.is_operator);
  startHistory();
}

/** Asks for a key. @param {string} [message] */
function ask(message = "") {
  document.body.className = "closed";
  fill(byId("account"));
  fill(page, welcome({message, enter}));
}

/** The key was revoked, or has expired, while the page was open: the draft and what is under way stay. */
function close() {
  if (!isOpen) return;
  isOpen = false;
  forget();
  stopWatching();
  stopHistory();
  stopPlaying();
  stopUsage();
  forgetJobs();
  ask(t("key_refused_midway"));
}

door.addEventListener("key-refused", close);
restore();
showNotices();
if (recall()) {
  enter().catch((error) => {
    if (error instanceof Unreachable) return fill(page, h("p", {class: "plain"}, t("unreachable"), " ", h("a", {href: location.pathname}, t("try_again"))));
    forget();
    return ask(t("key_refused"));
  });
} else ask();
