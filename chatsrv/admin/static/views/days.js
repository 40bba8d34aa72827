// Day by day: the most at once, how many different people, and how long they were here together.
import { html } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { clock, day, number } from "../lib/format.js";
import { Empty, Loading, Problem, Table, useAsked, useEvery } from "../lib/ui.js";

const SHOWN = 14;
const LOOK_MS = 60_000;
const DAY_MS = 86_400_000;

const hours = (seconds) => (seconds === undefined ? "–" : `${number(Math.round(seconds / 360) / 10)} h`);

const COLUMNS = [
  { key: "day", name: "Day (UTC)", cell: (point) => html`<time datetime=${point.at.slice(0, 10)}>${day(`${point.at.slice(0, 10)}T12:00:00`)}</time>` },
  { key: "peak", name: "Most at once", number: true, cell: (point) => number(point.peak) },
  { key: "peak_at", name: "When", cell: (point) => (point.peak && point.peak_at ? clock(point.peak_at) : "–") },
  { key: "users", name: "People", number: true, cell: (point) => number(point.users) },
  { key: "online", name: "Hours in all", number: true, cell: (point) => hours(point.online_s) },
];

export function Days({ app }) {
  const ask = () => api(app).get("presence/stats", { by: "day", from: new Date(Date.now() - SHOWN * DAY_MS).toISOString() });
  const { value, problem, again } = useAsked(ask, [app]);
  useEvery(LOOK_MS, again);
  const days = value && [...value.points].reverse().slice(0, SHOWN);
  const isQuiet = days?.every((point) => !point.peak);
  return html`<section class="card as-table" aria-labelledby="days">
    <h2 id="days">Day by day</h2>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading the days" />`}
    ${days && (isQuiet
      ? html`<${Empty} title="No day to tell of yet">Days are counted from the first person who comes online.<//>`
      : html`<${Table} label="Table of days" columns=${COLUMNS} rows=${days} keyOf=${(point) => point.at} />`)}
  </section>`;
}
