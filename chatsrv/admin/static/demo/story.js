// What one has just seen, in a sentence or two. Pure: names, words and milliseconds come in, a text goes out.
import { INVISIBLE, OFFLINE, presenceWord } from "../lib/format.js";

const SHOWN = ["is offline", "is online", "is invisible", "is away", "does not want to be disturbed"];

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const soon = (ms) => (ms < 1_000 ? `${Math.max(1, Math.round(ms))} ms` : seconds(ms));

const DONE = {
  cut: "has lost the connection",
  logout: "has logged out",
  hide: "hides",
  set: "says something else",
};

// At the moment of the act itself; "" where the other one's client will have more to tell in a moment.
// `hears`: the other one is connected. `isHidden`: to the other one they were offline already.
export function tellAct(act, me, other, hears, isHidden) {
  if (!hears) return `${me} ${DONE[act]}. ${other} is not connected, and hears nothing; coming back, ${other} is told how things stand.`;
  if (isHidden && (act === "cut" || act === "logout"))
    return `${me} ${DONE[act]}, and ${other}'s client is told nothing: to ${other}, ${me} was offline already.`;
  if (act === "cut")
    return `The wire of ${me} was cut without a word, as when a lid is shut. ${other} still sees ${me} as before: that is the grace, which keeps a reload or a tunnel from flapping.`;
  return "";
}

// `act` was `ms` ago, and now the other one's client has heard {presence_status, text, emoji}.
export function tellHeard(act, me, other, change, ms) {
  const status = change.presence_status;
  switch (act) {
    case "connect":
      return `${me} connected, and ${other}'s client heard of it ${soon(ms)} later.`;
    case "cut":
      return status === OFFLINE
        ? `The grace was over after ${seconds(ms)}, and ${me} had not come back: only now ${other} is told.`
        : "";
    case "logout":
      return `${me} logged out. That is said on purpose, so there is no grace: ${other}'s client heard it ${soon(ms)} later.`;
    case "hide":
      return `${other}'s client was told, ${soon(ms)} later, that ${me} is offline. ${me}'s own client knows the truth: invisible, and connected.`;
    case "set":
      return `${other}'s client heard ${soon(ms)} later that ${me} ${SHOWN[status]}${said(change)}.`;
    default:
      return `${other}'s client was told that ${me} ${SHOWN[status]}${said(change)}.`;
  }
}

function said({ text, emoji }) {
  const words = [emoji, text].filter(Boolean).join(" ");
  return words && `, and says “${words}”`;
}

export function tellBack(me, other) {
  return `${me} is back within the grace. ${other}'s client was told nothing at all, for to ${other} nothing had changed.`;
}

export const tellCoalesced = (me) =>
  `${me} has said more than five things within twenty seconds. The server keeps the last one, and tells it at the end of that time.`;

// A line of the log, for each thing that a client heard or went through.
export function tellLine(kind, detail, other) {
  switch (kind) {
    case "hello":
      return detail.resumed ? "is let in again, within the grace" : "is let in";
    case "looked":
      return detail ? `sees how ${other} stands: ${word(detail)}` : `looks for ${other}`;
    case "heard":
      return `hears of ${other}: ${word(detail.change)}`;
    case "self":
      return `hears of itself: ${word(detail.change)}`;
    case "disconnect":
      return `is disconnected (${detail.reason})`;
    case "closed":
      return `is told why the server ends it: ${detail.reason}`;
    default:
      return kind;
  }
}

function word(presence) {
  const state = presenceWord(presence.presence_status).toLowerCase();
  return `${state}${presence.presence_status === INVISIBLE ? " (to others offline)" : ""}${said(presence)}`;
}
