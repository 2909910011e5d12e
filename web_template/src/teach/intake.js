// How pictures come into a class: held, hands-free, or as files; what came together can be taken back together.
import { integer } from "../page/format.js";
import { fillCount, sayCamera, sayFailure, teachWords as words } from "../page/words.js";
import { countDown } from "./hands_free.js";
import { Recorder } from "./recorder.js";

/**
 * @typedef {import("./class_card.js").ClassCard} ClassCard
 * @typedef {import("./store.js").Example} Example
 *
 * @typedef {object} Surroundings
 * @property {import("./teach.js").Host} host
 * @property {import("./teaching_session.js").TeachingSession} session
 * @property {() => import("./hands_free.js").Settings} handsFree
 * @property {() => void} onChange there is another picture
 * @property {() => void} onRest what a class shows has changed, and its pictures have not
 * @property {(news: string) => void} onNews
 */

export class Intake {
  #at;
  #recorder;
  /** The countdown or take that goes on by itself. @type {{ card: ClassCard, call: AbortController } | undefined} */
  #alone;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#at = surroundings;
    const { camera, classifier } = surroundings.host;
    this.#recorder = new Recorder(camera, classifier.contract.input.crop);
  }

  /** For as long as the button is held. @param {ClassCard} card */
  async hold(card) {
    this.#alone?.call.abort();
    await this.#take(card);
  }

  /** @param {ClassCard} card */
  stop(card) {
    if (this.#alone?.card === card) this.#alone.call.abort();
    this.#recorder.stop(card);
  }

  /** Whatever is recorded or counted down ends. */
  stopAll() {
    this.#alone?.call.abort();
    this.#recorder.stop();
  }

  /** Counts down and records by itself; a second call ends it. @param {ClassCard} card */
  async toggleHandsFree(card) {
    const running = this.#alone;
    this.stopAll();
    if (running?.card === card || card.isRecording) return;
    const mine = { card, call: new AbortController() };
    this.#alone = mine;
    const { host, handsFree } = this.#at;
    const { wait, most, everyMs } = handsFree();
    try {
      card.setState({ kind: "starting" });
      if (!host.camera.running && !(await host.camera.start())) return;
      const onSecond = (/** @type {number} */ n) => {
        // Who switches it off does not want it switched on again.
        if (!host.camera.running) return mine.call.abort();
        card.setState({ kind: "countdown", n });
        host.tell(integer(n));
      };
      if (!(await countDown(wait, onSecond, mine.call.signal)) || !host.camera.running) return;
      await this.#take(card, { most, everyMs });
    } catch (error) {
      host.onMessage(sayCamera(error));
    } finally {
      if (this.#alone === mine) {
        this.#alone = undefined;
        host.tell();
      }
      card.setState({ kind: "waiting" });
      this.#at.onRest();
    }
  }

  /** @param {ClassCard} card @param {import("./recorder.js").Pace} [pace] */
  async #take(card, pace) {
    const { host, session } = this.#at;
    /** @type {Example[]} */
    const taken = [];
    const show = () => {
      card.setState({ kind: "recording", n: taken.length });
      host.tell(integer(taken.length));
    };
    card.setState({ kind: host.camera.running ? "recording" : "starting", n: 0 });
    try {
      const take = async (/** @type {Blob} */ picture) => {
        const example = await session.add(card.one, picture);
        if (example) taken.push(example);
        card.setLastTake(taken);
        show();
        this.#at.onChange();
      };
      await this.#recorder.record(card, take, show, pace);
    } catch (error) {
      host.onMessage(sayCamera(error));
    }
    // Another class may be recording by now, and says so itself.
    if (this.#recorder.isLast(card)) host.tell();
    card.setState({ kind: "waiting" });
    this.#at.onRest();
  }

  /**
   * @param {string} classId
   * @param {Blob} picture
   * @param {string} from which phone it comes from
   * @returns {Promise<"added" | "unreadable" | "gone">} gone: there is no such class any more
   * @throws where it is no matter of the picture: no other one would fare better
   */
  async takeFrom(classId, picture, from) {
    const { session, onChange } = this.#at;
    const one = session.classes.find(({ id }) => id === classId);
    if (!one) return "gone";
    try {
      await session.add(one, picture, { from });
    } catch (error) {
      if (/** @type {{ code?: unknown }} */ (error).code === "picture") return "unreadable";
      throw error;
    }
    onChange();
    return "added";
  }

  /**
   * @param {ClassCard} card
   * @param {Blob[]} pictures
   * @param {{ once?: boolean }} [options] once: a picture that the class has already is left out
   * @returns {Promise<{ added: number, unreadable: number }>}
   */
  async takeFiles(card, pictures, { once = false } = {}) {
    const { host, session, onChange, onNews } = this.#at;
    /** @type {Example[]} */
    const added = [];
    let unreadable = 0;
    for (const picture of pictures) {
      try {
        const taken = await session.add(card.one, picture, { once });
        if (taken) added.push(taken);
      } catch (error) {
        const { code } = /** @type {{ code?: unknown }} */ (error);
        if (typeof code === "string" && code !== "picture") {
          // It is no matter of the picture, and no other one would fare better.
          host.onMessage(sayFailure(error));
          break;
        }
        unreadable++;
      }
      card.setLastTake(added);
      onChange();
    }
    onNews(sayAdded(added.length, unreadable));
    return { added: added.length, unreadable };
  }
}

/** @param {number} added @param {number} skipped pictures that could not be read */
export const sayAdded = (added, skipped) =>
  [fillCount(words.added, added), ...(skipped ? [fillCount(words.unreadable, skipped)] : [])].join(" ");
