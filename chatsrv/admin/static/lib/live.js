// One observer socket for the app that is looked at: everybody's presence as it changes.
import { useEffect } from "../vendor/htm-preact.js";
import { Watch } from "./watch.js";
import { useWatched } from "./store.js";

let current = null;

// The connection to an app. Looking at another app ends the one before.
export function liveOf(app) {
  if (current?.app !== app) {
    current?.close();
    current = new Watch(app);
  }
  return current;
}

export function stopWatching() {
  current?.close();
  current = null;
}

// {state, counts, version, on}: state is live | connecting | reconnecting | stale | refused. `on(fn)` hears
// {kind: "changes", changes} (once a frame of the screen), {kind: "counts", counts} {kind: "reset", isFirst} (read everything again;
// first: it had not watched before) and {kind: "end"}, and answers with what ends it.
export function useLive(app) {
  const live = liveOf(app);
  const status = useWatched(live.status.subscribe, live.status.get, [live]);
  return { ...status, on: live.on };
}

// What the socket or a list has told of somebody: {presence_status, text, emoji, devices, ...}, or undefined.
export function usePresence(app, username) {
  const live = liveOf(app);
  return useWatched(
    (listener) => live.people.subscribe(username, listener),
    () => live.people.get(username),
    [live, username],
  );
}

// Hears what the socket says for as long as the component stands. `hear` may be another function each time.
export function useHearing(app, hear, inputs) {
  const live = liveOf(app);
  useEffect(() => live.on(hear), [live, ...inputs]);
}
