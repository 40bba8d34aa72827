// What happens, as it happens: to follow, to hold, and to pick from.
import { html, useMemo, useState } from "../vendor/htm-preact.js";
import { choose, feedOf, KEPT } from "../lib/feed.js";
import { number, plural, PRESENCE_WORDS } from "../lib/format.js";
import { useLive } from "../lib/live.js";
import { useTitle } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Button, Empty, Field, Select, Time, useClock } from "../lib/ui.js";
import { FeedLine } from "./feed_line.js";

const ANY = { kind: "", who: "", status: "" };
const KINDS = [
  ["", "Everything"],
  ["coming", "Coming and going"],
  ["state", "States and words"],
  ["acts", "Administrative acts"],
];
const STATES = [["", "Any state"], ...Object.entries(PRESENCE_WORDS)];
const CALM_MS = 10_000;
const CALM_MOST = 5; // of more lines in ten seconds no screen reader could tell

export function EventsView({ app }) {
  const feed = feedOf(app);
  const lines = useStore(feed.lines);
  const [held, setHeld] = useState(null); // the lines as they were when it was paused
  const [wanted, setWanted] = useState(ANY);
  useTitle("Events", app);
  const chosen = useMemo(() => choose(held ?? lines, wanted), [held ?? lines, wanted]);
  const missed = held ? choose(lines, wanted).filter((line) => !held.length || line.id > newestOf(held)).length : 0;
  const toggle = () => setHeld(held ? null : lines);
  return html`<div><div class="view-head">
      <h1>Events</h1>
      <${Button} onClick=${toggle} kind=${held ? "primary" : "plain"} data-test="follow">${held ? follow(missed) : "Pause"}<//>
    </div>
    <${Filters} wanted=${wanted} onChange=${setWanted} />
    <p class="unseen" role="status">${held ? "Paused." : ""}</p>
    <${Lines} app=${app} lines=${chosen} all=${lines.length} held=${Boolean(held)} onAll=${() => setWanted(ANY)} />
    <p class="hint feed-foot">Since this page was opened <${Time} at=${new Date(feed.at).toISOString()} />; the latest ${number(KEPT)} are kept.</p></div>`;
}

const newestOf = (lines) => lines.reduce((most, line) => Math.max(most, line.id), 0);
const follow = (missed) => (missed ? `Follow (${number(missed)} new)` : "Follow");

function Filters({ wanted, onChange }) {
  const set = (name) => (value) => onChange({ ...wanted, [name]: value });
  return html`<form class="sieve" role="search" aria-label="Events" onSubmit=${(event) => event.preventDefault()}>
    <${Field} label="Person" type="search" value=${wanted.who} onInput=${set("who")} autocomplete="off" autocapitalize="off" spellcheck=${false} />
    <${Select} label="Kind" options=${KINDS} value=${wanted.kind} onChange=${set("kind")} />
    <${Select} label="State" options=${STATES} value=${wanted.status} onChange=${set("status")} />
  </form>`;
}

function Lines({ app, lines, all, held, onAll }) {
  const { state } = useLive(app);
  // read out as it comes, unless it is paused or comes faster than anybody speaks
  const isCalm = useClock((now) => lines.filter((line) => now - line.at < CALM_MS).length <= CALM_MOST, [lines]);
  if (!lines.length && all) {
    return html`<${Empty} title="Nothing of that kind">${plural(all, "other event")} came. <${Button} onClick=${onAll}>Show everything<//><//>`;
  }
  if (!lines.length) {
    const words = state === "live" ? "Whoever comes, goes or changes shows here at once." : "Presence will show as soon as the page is live.";
    return html`<${Empty} title="Nothing has happened yet">${words}<//>`;
  }
  return html`<div class="card feed-box" role="log" aria-label="Events" aria-live=${held || !isCalm ? "off" : "polite"} aria-relevant="additions"
    tabindex="0">
    <ul class="feed">${lines.map((line) => html`<${FeedLine} key=${line.id} line=${line} app=${app} />`)}</ul>
  </div>`;
}
