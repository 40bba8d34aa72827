// Who is signed in, and the ways in and out.
import { admin, forgetTokens, onSessionOver } from "./api.js";
import { stopWatching } from "./live.js";
import { createStore, useStore } from "./store.js";

// {state: "unknown" | "in" | "out", app_id, key, expires_at, why, isCalm}: app_id null means all apps; `isCalm`: what
// `why` says went as it should.
const session = createStore({ state: "unknown", why: "" });
export const useSession = () => useStore(session);

const OVER = "Your session is over: its time had come, or its key was revoked. Sign in again.";

function leave(why, isCalm = false) {
  stopWatching();
  forgetTokens();
  session.set({ state: "out", why, isCalm });
}

function enter(answer) {
  session.set({ state: "in", why: "", ...answer });
}

onSessionOver(() => {
  if (session.get().state === "in") leave(OVER);
});

// Of an address /signin#token the token goes at once: it works once, and need not be in anybody's history.
function takeLink() {
  const token = location.pathname === "/signin" ? location.hash.slice(1) : "";
  if (location.pathname !== "/") history.replaceState(null, "", "/");
  return token;
}

const link = takeLink();

export async function begin() {
  let why = "";
  if (link) {
    try {
      return enter(await admin.post("session", { link }));
    } catch (problem) {
      why = problem.message; // who was signed in before still is
    }
  }
  const answer = await admin.get("session");
  return answer.signed_in ? enter(answer) : leave(why);
}

export async function signInByKey(key) {
  enter(await admin.post("session", { key }));
}

export async function signOut() {
  await admin.del("session");
  leave("You have signed out.", true);
}
