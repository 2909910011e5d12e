// The phone's side: a code, consent, a class, and a button to hold.
import { Camera } from "../input/camera.js";
import { byId, button, make, write } from "../page/elements.js";
import { integer } from "../page/format.js";
import { fill, fillCount, sayCamera } from "../page/words.js";
import { Recorder } from "../teach/recorder.js";
import { RecordButton } from "../teach/record_button.js";
import { small } from "../teach/teaching_session.js";
import { ENDS, Outbox } from "./outbox.js";
import { ask, news, pause, Refusal } from "./requests.js";

/** @typedef {{ id: string, name: string }} Class */

const { collect: words } = /** @type {Pick<typeof import("../../words/en.json"), "collect">} */ (
  JSON.parse(byId("words", HTMLScriptElement).text)
);
const here = new URL(".", location.href);
/** Where this visit's token is kept, for a reload. */
const KEY = "pagesight:collect";
const APART_MS = 200;

const main = byId("phone", HTMLElement);
const notice = byId("notice", HTMLElement);

/** @param {string} reason */
const sayRefused = (reason) => /** @type {Record<string, string>} */ (words.reasons)[reason] ?? words.reasons.failed;

/** @param {string} [text] */
function say(text = "") {
  notice.textContent = text;
  notice.hidden = text === "";
}

/** Asks for consent, and for the code where the address holds none. */
function showJoin() {
  const code = document.createElement("input");
  Object.assign(code, { id: "code", autocapitalize: "characters", autocomplete: "off", spellcheck: false, dir: "ltr" });
  // A code is letters and digits: nothing in it is escaped.
  code.value = location.hash.slice(1, 13);
  const label = make("label", "phone-code", words.code);
  label.append(code);
  const agree = button("button button-primary", words.agree);
  const form = document.createElement("form");
  form.append(make("p", "", words.phoneConsent), label, agree);
  agree.type = "submit";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    agree.disabled = true;
    try {
      const body = JSON.stringify({ code: code.value });
      const joined = await ask(new URL("join", here), "", { method: "POST", body });
      const { token, number } = await joined.json();
      keepVisit({ token, number });
      history.replaceState(undefined, "", here);
      void showRecording(token, number);
    } catch (error) {
      say(error instanceof Refusal ? sayRefused(error.reason) : words.reasons.offline);
      agree.disabled = false;
      code.focus();
      code.select();
    }
  });
  main.replaceChildren(form);
}

/** @param {string} token @param {number} number */
async function showRecording(token, number) {
  const { input } = await contract();
  say();
  const phone = new Phone(token, number, input?.crop ?? "center-square");
  main.replaceChildren(phone.element);
  phone.focus();
  await phone.follow();
}

/** Without it nobody knows what the model looks at: it is asked for until it is there. */
async function contract() {
  for (;;) {
    try {
      return await (await fetch("../contract.json")).json();
    } catch {
      say(words.reasons.offline);
      await pause(1);
    }
  }
}

/** @param {{ token: string, number: number }} [visit] nothing: it is over */
function keepVisit(visit) {
  try {
    if (visit) sessionStorage.setItem(KEY, JSON.stringify(visit));
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing joins again after a reload.
  }
}

/** @returns {{ token: string, number: number } | undefined} */
function keptVisit() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "") || undefined;
  } catch {
    return undefined;
  }
}

class Phone {
  #token;
  #outbox;
  #camera;
  #recorder;
  /** @type {Class[]} */
  #classes = [];
  /** @type {string | undefined} */
  #chosen;
  #video = document.createElement("video");
  #list = make("div", "phone-classes");
  #status = make("p", "phone-status");
  #record;
  #choose = button("button", words.choose);
  #recording = false;
  /** @type {Promise<boolean> | undefined} */
  #starting;
  #heading = make("h2", "", words.whichClass);
  element = make("div", "phone");

  /** @param {string} token @param {number} number @param {"center-square" | "squash"} crop */
  constructor(token, number, crop) {
    this.#token = token;
    this.#outbox = new Outbox(here, token, () => this.#show());
    Object.assign(this.#video, { muted: true, playsInline: true });
    const video = this.#video;
    this.#camera = new Camera(video, () => {
      this.#rest();
      say(sayCamera({ name: "CameraLost" }).text);
    });
    this.#restInBackground();
    const { camera } = this;
    this.#recorder = new Recorder(/** @type {any} */ (camera), crop);
    this.#record = new RecordButton(words.hold, {
      start: () => void this.#hold(),
      stop: () => this.#recorder.stop(this),
    });
    this.#record.element.classList.add("button-primary");
    this.#status.setAttribute("role", "status");
    this.#list.setAttribute("role", "group");
    this.#list.setAttribute("aria-label", words.whichClass);
    this.#listenForFiles();
    const ways = make("div", "phone-ways");
    ways.append(this.#record.element, this.#choose);
    this.#heading.tabIndex = -1;
    this.element.append(
      this.#heading,
      this.#list,
      video,
      ways,
      this.#status,
      make("p", "phone-who", fill(words.youAre, { n: integer(number) })),
    );
    this.#show();
  }

  /** What had the focus is gone. */
  focus() {
    this.#heading.focus();
  }

  /** A camera that shows nothing any more must not go on: its last picture would be sent again and again. */
  #rest() {
    this.#recorder.stop(this);
    this.#camera.stop();
  }

  /** A phone in a pocket, or one that takes a call, gives its camera away. */
  #restInBackground() {
    let wasRunning = false;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        wasRunning = this.#camera.running;
        this.#rest();
      } else if (wasRunning && !this.#outbox.over) this.#startCamera();
    });
  }

  #startCamera() {
    void this.camera.start().catch((error) => say(sayCamera(error).text));
  }

  /** What the recorder needs of a camera: one that starts still has no picture yet, and is waited for. */
  get camera() {
    const [camera, video] = [this.#camera, this.#video];
    const isStarting = () => this.#starting !== undefined;
    const start = async () => {
      const started = await camera.start();
      video.classList.toggle("mirrored", camera.mirrored);
      return started;
    };
    return {
      video,
      get running() {
        return camera.running && !isStarting();
      },
      start: () => (this.#starting ??= start().finally(() => (this.#starting = undefined))),
    };
  }

  /** Takes up what the teacher changes, until it is over. */
  async follow() {
    while (!this.#outbox.over) {
      try {
        for await (const told of news(new URL("news", here), this.#token)) {
          this.#outbox.connected = true;
          if ("over" in told) this.#outbox.over = told.over;
          else this.#classes = told.classes;
          this.#show();
        }
      } catch (error) {
        if (error instanceof Refusal && ENDS.includes(error.reason)) this.#outbox.over = error.reason;
        this.#outbox.connected = error instanceof Refusal;
        this.#show();
      }
      await pause(1);
    }
  }

  async #hold() {
    const one = this.#chosen;
    if (one === undefined) return;
    this.#recording = true;
    this.#show();
    try {
      const take = async (/** @type {Blob} */ picture) => {
        this.#outbox.add(one, picture);
        if (this.#outbox.full || this.#outbox.over) this.#recorder.stop(this);
      };
      await this.#recorder.record(this, take, () => say(), { everyMs: APART_MS });
    } catch (error) {
      say(sayCamera(error).text);
    }
    this.#recording = false;
    this.#record.ended();
    this.#show();
  }

  #listenForFiles() {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: "image/*", multiple: true });
    input.addEventListener("change", async () => {
      const one = this.#chosen;
      let unreadable = 0;
      for (const file of input.files ?? []) {
        // Always written anew, as the model sees it: where a photograph was taken stays on the phone.
        const picture = await small(file, 0).catch(() => undefined);
        if (picture && one !== undefined) this.#outbox.add(one, picture);
        else unreadable++;
      }
      input.value = "";
      say(unreadable ? words.reasons["no-picture"] : "");
    });
    this.#choose.addEventListener("click", () => input.click());
  }

  #show() {
    const { waiting, sent, connected, refused, over, full } = this.#outbox;
    this.#showClasses();
    const can = this.#chosen !== undefined && !over;
    this.#record.element.disabled = !can || (full && !this.#recording);
    this.#record.element.textContent = this.#recording ? words.recording : words.hold;
    this.#record.element.classList.toggle("button-recording", this.#recording);
    this.#choose.disabled = !can;
    const parts = [fillCount(words.sent, sent)];
    if (waiting) parts.push(fillCount(words.waiting, waiting));
    // Nobody listens to a number that changes many times a second.
    this.#status.setAttribute("aria-live", this.#recording ? "off" : "polite");
    write(this.#status, parts.join(" · "));
    if (over) this.#end(over);
    else if (!connected) say(words.reasons.offline);
    else if (refused) say(sayRefused(refused));
    else if (notice.textContent === words.reasons.offline) say();
  }

  #showClasses() {
    if (!this.#classes.some(({ id }) => id === this.#chosen)) this.#chosen = undefined;
    if (this.#list.dataset.shown !== JSON.stringify(this.#classes)) {
      this.#list.dataset.shown = JSON.stringify(this.#classes);
      const focused = this.#list.querySelector("button:focus");
      const buttons = this.#classes.map(({ id, name }) => {
        const choice = button("button phone-class", name);
        choice.dir = "auto";
        choice.dataset.id = id;
        choice.addEventListener("click", () => {
          this.#chosen = id;
          this.#show();
          if (!this.#camera.running) this.#startCamera();
        });
        return choice;
      });
      this.#list.replaceChildren(...buttons);
      const id = focused instanceof HTMLElement && focused.dataset.id;
      if (id) buttons.find((choice) => choice.dataset.id === id)?.focus();
    }
    for (const choice of this.#list.querySelectorAll("button"))
      choice.setAttribute("aria-pressed", String(choice.dataset.id === this.#chosen));
  }

  /** @param {string} reason */
  #end(reason) {
    this.#rest();
    keepVisit();
    const { waiting } = this.#outbox;
    say([sayRefused(reason), ...(waiting ? [fillCount(words.notSent, waiting)] : [])].join(" "));
    this.element.classList.add("phone-over");
  }
}

const kept = keptVisit();
if (kept && location.hash.length < 2) void showRecording(kept.token, kept.number);
else showJoin();
