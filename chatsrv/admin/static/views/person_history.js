// When somebody was here in the last days: a band for each day, and the same as a table for whoever does not see it.
import { html, useState } from "../vendor/htm-preact.js";
import { api, serverNow } from "../lib/api.js";
import { clock, day, duration, instant, OFFLINE, presenceWord, PRESENCE_KEYS } from "../lib/format.js";
import { Dot, Empty, Loading, Problem, Select, Table, useAsked, useEvery } from "../lib/ui.js";

const LOOK_MS = 30_000; // what is going on grows meanwhile; the history itself is written every few seconds
const DAYS = [
  [7, "7 days"],
  [14, "14 days"],
  [30, "30 days"],
];
const PAGES_MAX = 10; // of 200 intervals each: more than that nobody tells apart in a band
const HOURS = [0, 6, 12, 18, 24];

export function History({ app, path }) {
  const [count, setCount] = useState(7);
  const asked = useAsked(() => readIntervals(app, path, count), [app, path, count]);
  useEvery(LOOK_MS, asked.again);
  const { value, problem, again } = asked;
  return html`<section class="card wide" aria-labelledby="history-title">
    <header>
      <h2 id="history-title">The last days</h2>
      <${Select} label="How far back" hideLabel options=${DAYS} value=${count} onChange=${(days) => setCount(Number(days))} />
    </header>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading the history" lines=${7} />`}
    ${value && (value.intervals.length
      ? html`<${Band} days=${splitByDay(value.intervals, count, value.readAt)} until=${value.until} />`
      : html`<${Empty} title="Not here in these days">Whenever they are online, it shows here within seconds.<//>`)}
  </section>`;
}

async function readIntervals(app, path, count) {
  const from = new Date(midnight(serverNow(), count - 1)).toISOString();
  const intervals = [];
  let cursor;
  for (let page = 0; page < PAGES_MAX && cursor !== null; page++) {
    const answer = await api(app).get(`${path}/presence/history`, { from, limit: 200, cursor });
    intervals.push(...answer.intervals);
    cursor = answer.links.next && new URL(answer.links.next, location.href).searchParams.get("cursor");
  }
  return { intervals, readAt: serverNow(), until: cursor ? intervals.at(-1).to : null };
}

// The beginning of the day so many days before, by this machine's time zone; days of 23 and 25 hours count as they are.
function midnight(now, before) {
  const at = new Date(now);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() - before).getTime();
}

// [{from, to, pieces: [{from, to, status}], totals: {status: ms}}], today first.
function splitByDay(intervals, count, now) {
  const spans = intervals
    .filter((one) => one.presence_status !== OFFLINE)
    .map((one) => ({ from: Date.parse(one.from), to: one.to ? Date.parse(one.to) : now, status: one.presence_status }));
  return Array.from({ length: count }, (_, before) => {
    const from = midnight(now, before);
    const to = midnight(now, before - 1);
    const pieces = spans
      .filter((span) => span.to > from && span.from < to)
      .map((span) => ({ from: Math.max(span.from, from), to: Math.min(span.to, to), status: span.status }));
    const totals = {};
    for (const piece of pieces) totals[piece.status] = (totals[piece.status] ?? 0) + piece.to - piece.from;
    return { from, to, pieces, totals };
  });
}

const say = (totals) =>
  Object.entries(totals).map(([status, ms]) => `${presenceWord(status).toLowerCase()} ${duration(ms)}`).join(", ") || "not here";

// `until`: they came and went more often than can be shown, and this is how far it goes.
function Band({ days, until }) {
  const statuses = [...new Set(days.flatMap((one) => Object.keys(one.totals)))];
  const columns = [
    { key: "day", name: "Day", cell: (one) => day(one.from) },
    { key: "sum", name: "Here", cell: (one) => say(one.totals) },
    { key: "spans", name: "From–to", cell: (one) => one.pieces.map((piece) => `${clock(piece.from)}–${clock(piece.to)} ${presenceWord(piece.status).toLowerCase()}`).join("; ") || "–" },
  ];
  return html`<div class="drawn">
    <ul class="legend">${statuses.map((status) => html`<li key=${status}><${Dot} status=${status} silent /> ${presenceWord(status)}</li>`)}</ul>
    <div class="bands">
      <${Hours} />
      ${days.map((one) => html`<${Day} key=${one.from} day=${one} />`)}
    </div>
    ${until && html`<p class="hint">They came and went too often to show it all: it goes until ${instant(until)}. Choose fewer days.</p>`}
    <details>
      <summary>As a table</summary>
      <${Table} label="History by day" columns=${columns} rows=${days} keyOf=${(one) => one.from} />
    </details>
  </div>`;
}

function Hours() {
  return html`<div class="band-row hours" aria-hidden="true"><span></span>
    <div>${HOURS.map((hour) => html`<span key=${hour} style=${{ left: `${(hour / 24) * 100}%` }}>${hour}</span>`)}</div>
  </div>`;
}

// A thousandth of the day is the least that is drawn: a visit of seconds shall be seen too.
function Day({ day: one }) {
  const scale = 1000 / (one.to - one.from);
  return html`<div class="band-row">
    <span aria-hidden="true">${day(one.from)}</span>
    <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=${`${day(one.from)}: ${say(one.totals)}`}>
      ${HOURS.slice(1, -1).map((hour) => html`<line key=${hour} x1=${(hour / 24) * 1000} x2=${(hour / 24) * 1000} y1="0" y2="10" />`)}
      ${one.pieces.map((piece) => html`<rect key=${`${piece.from}${piece.status}`} class=${PRESENCE_KEYS[piece.status]} x=${(piece.from - one.from) * scale} y="1" height="8"
        width=${Math.max(1, (piece.to - piece.from) * scale)}><title>${`${presenceWord(piece.status)} ${clock(piece.from)}–${clock(piece.to)}`}</title></rect>`)}
    </svg>
  </div>`;
}
