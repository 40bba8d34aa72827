// A value that several parts of the page look at, and the hooks that draw anew when it changes.
import { useEffect, useReducer, useRef } from "../vendor/htm-preact.js";

export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

// `read` is asked again whenever `subscribe` tells of a change; only another answer draws anew.
export function useWatched(subscribe, read, inputs) {
  const [, draw] = useReducer((count) => count + 1, 0);
  const value = read();
  const drawn = useRef(value);
  drawn.current = value;
  useEffect(() => {
    const check = () => {
      if (!Object.is(read(), drawn.current)) draw();
    };
    check(); // it may have changed between the drawing and now
    return subscribe(check);
  }, inputs);
  return value;
}

export const useStore = (store) => useWatched(store.subscribe, store.get, [store]);
