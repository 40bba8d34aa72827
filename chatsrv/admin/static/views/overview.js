// An app at a glance: who is here now, how many were, by what they are connected, and what has happened.
import { html } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { number } from "../lib/format.js";
import { useLive } from "../lib/live.js";
import { Link, pathTo, useTitle } from "../lib/router.js";
import { hereNow } from "../lib/stats.js";
import { Dot, Loading, Problem, useAsked, useEvery } from "../lib/ui.js";
import { Days } from "./days.js";
import { Newest } from "./newest.js";
import { OnlineChart } from "./online_chart.js";
import { Transports } from "./transports.js";

const LOOK_MS = 5_000;

export function OverviewView({ app }) {
  const { counts, state } = useLive(app);
  useTitle("Overview", app);
  return html`<div><div class="view-head">
      <h1>Overview</h1>
    </div>
    <div class="overview">
      <${Now} counts=${counts} />
      <${OnlineChart} app=${app} counts=${counts} isLive=${state === "live"} />
      <div class="columns">
        <${Newest} app=${app} counts=${counts} />
        <${Connections} app=${app} />
      </div>
      <${Days} app=${app} />
    </div></div>`;
}

const TILES = [
  [1, "online", "Online"],
  [3, "away", "Away"],
  [4, "dnd", "Do not disturb"],
];

function Now({ counts }) {
  if (!counts) return html`<${Loading} label="Counting people" lines=${2} />`;
  return html`<section class="tiles" aria-label="Now">
    ${TILES.map(([status, key, word]) => html`<div key=${key} class="card tile">
      <p class="tile-word"><${Dot} status=${status} silent /> ${word}</p>
      <p class="tile-number" data-test=${`count-${key}`}>${number(counts[key])}</p>
    </div>`)}
    <div class="card tile">
      <p class="tile-word">In all</p>
      <p class="tile-number" data-test="count-total">${number(counts.total)}</p>
      <${Share} counts=${counts} />
    </div>
  </section>`;
}

// Which part of everybody is here: the words beside it say the same.
function Share({ counts }) {
  const total = Math.max(1, counts.total);
  const widths = TILES.map(([status, key]) => [status, (100 * counts[key]) / total]);
  const starts = widths.map((_, index) => widths.slice(0, index).reduce((sum, [, width]) => sum + width, 0));
  return html`<svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      ${widths.map(([status, width], index) => html`<rect key=${status} class=${`share-${status}`} x=${starts[index]} width=${width} height="6" />`)}
    </svg>
    <p class="hint">${Math.round((100 * hereNow(counts)) / total)} % are here</p>`;
}

function Connections({ app }) {
  const { value, problem, again } = useAsked(() => admin.get(`apps/${encodeURIComponent(app)}/nodes`), [app]);
  useEvery(LOOK_MS, again);
  const alive = value?.nodes.filter((node) => node.alive).length;
  return html`<section class="card" aria-labelledby="connections">
    <header>
      <h2 id="connections">Connections</h2>
      ${value && html`<${Link} to=${pathTo(app, "nodes")}>${alive === 1 ? "1 node" : `${number(alive)} nodes`}<//>`}
    </header>
    <${Problem} problem=${problem} again=${again} small />
    ${!value && !problem && html`<${Loading} label="Counting connections" lines=${2} />`}
    ${value && html`<${Transports} transports=${value.transports} />`}
  </section>`;
}
