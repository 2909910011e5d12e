// Waiting that can be given up.

/**
 * @template T
 * @param {Promise<T>} promise goes on by itself, unheard, when the wait is given up
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>} refused with the signal's reason
 */
export function untilAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
