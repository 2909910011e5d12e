// What both sides say to `pagesight serve --share`: requests with a token, and news as server-sent events.

/** Why the server did not take something: a word that collect.reasons has a sentence for. */
export class Refusal extends Error {
  /** @param {string} reason @param {number} wait seconds until it may be tried again; 0: no use in waiting */
  constructor(reason, wait) {
    super(reason);
    this.reason = reason;
    this.wait = wait;
  }
}

/**
 * @param {URL} address
 * @param {string} token
 * @param {RequestInit} [how]
 * @returns {Promise<Response>} a good one
 * @throws {Refusal} or TypeError, where there is no connection
 */
export async function ask(address, token, how) {
  // 'no-store' keeps the service worker out.
  const response = await fetch(address, { ...how, cache: "no-store", headers: { Authorization: `Bearer ${token}` } });
  if (response.ok) return response;
  const { reason = "failed", wait = 0 } = await response.json().catch(() => ({}));
  throw new Refusal(reason, wait);
}

/** The server says every ten seconds that it is still there: a connection that is silent for longer was cut, and nobody said so. */
const SILENT_MS = 25_000;

/**
 * @param {URL} address
 * @param {string} token
 * @returns {AsyncGenerator<any, void>} each event's data; ends when the stream does
 * @throws {Refusal} or another error, where the connection was cut or is silent
 */
export async function* news(address, token) {
  const call = new AbortController();
  const silent = () => setTimeout(() => call.abort(), SILENT_MS);
  let timer = silent();
  try {
    const { body } = await ask(address, token, { signal: call.signal });
    const reader = /** @type {ReadableStream<Uint8Array>} */ (body).getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      timer = silent();
      const events = (text += decoder.decode(value, { stream: true })).split("\n\n");
      text = /** @type {string} */ (events.pop());
      for (const event of events) if (event.startsWith("data: ")) yield JSON.parse(event.slice("data: ".length));
    }
  } finally {
    clearTimeout(timer);
    call.abort(); // who stops listening leaves no stream behind
  }
}

/** @param {number} seconds */
export const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
