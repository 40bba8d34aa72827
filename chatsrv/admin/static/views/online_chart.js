// How many people were here over the last hours or days, growing as the socket counts.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { clock, day, number, plural } from "../lib/format.js";
import { Plot } from "../lib/plot.js";
import { Link, pathTo } from "../lib/router.js";
import { askFor, grow, hereNow, most, SPANS, thin, toLine } from "../lib/stats.js";
import { Empty, Loading, Problem, useAsked, useEvery } from "../lib/ui.js";

const DRAW_MS = 5_000; // a line that nobody moves goes on all the same
const KEPT = 20_000;

export function OnlineChart({ app, counts, isLive }) {
  const [span, setSpan] = useState("6h");
  const { by, every, row } = SPANS[span];
  const asked = useAsked(() => ask(app, span), [app, span]);
  useEvery(every, asked.again);
  const live = useLiveLine(counts, isLive);
  const isOf = asked.value?.span === span; // the answer for another span stays until the next is here
  const line = useMemo(() => (isOf ? grow(toLine(asked.value.points), live.points, live.now, by) : null), [isOf && asked.value, live]);
  const [at, setAt] = useState(null);
  return html`<section class="card" aria-labelledby="chart-title">
    <header>
      <h2 id="chart-title">People online</h2>
      <${Spans} value=${span} onChange=${setSpan} />
    </header>
    <${Problem} problem=${asked.problem} again=${asked.again} small=${Boolean(line)} />
    ${!line && !asked.problem && html`<${Loading} label="Loading the chart" lines=${5} />`}
    ${line && (line.some(([, count]) => count) || counts?.total
      ? line.length > 0 && html`<${Drawn} line=${line} span=${span} at=${at} tell=${setAt} row=${row} />`
      : html`<${Empty} title="Nobody has been here yet">The line begins with the first people who come, and grows from there.${" "}
          <${Link} to=${pathTo(app, "connect")}>How to connect<//>, or <code>chatsrv demo ${app}</code> for people to look at.<//>`)}
  </section>`;
}

async function ask(app, span) {
  const answer = await api(app).get("presence/stats", askFor(span, Date.now()));
  return { span, points: answer.points };
}

// [[ms, people here]] since this was opened. `now` runs on while the page is live: then it is known that nothing changed.
function useLiveLine(counts, isLive) {
  const [state, setState] = useState({ points: [], now: 0 });
  const count = counts ? hereNow(counts) : null;
  const newest = useRef(null);
  newest.current = isLive ? count : null;
  const add = () => {
    const now = Date.now();
    if (newest.current === null) return;
    setState(({ points }) => ({ now, points: [...points.slice(-KEPT), [now, newest.current]] }));
  };
  useEffect(add, [count, isLive]);
  useEvery(DRAW_MS, add);
  return state;
}

function Spans({ value, onChange }) {
  return html`<div class="spans" role="group" aria-label="Period">
    ${Object.entries(SPANS).map(([key, span]) => html`<button key=${key} type="button" class="button quiet" aria-pressed=${String(key === value)}
      onClick=${() => onChange(key)}>${span.name}</button>`)}
  </div>`;
}

const whenOf = (by) => (at) => (by === "minute" ? clock(at) : by === "hour" ? `${day(at)} ${clock(at)}` : day(at));

function Drawn({ line, span, at, tell, row }) {
  const { by, name } = SPANS[span];
  const when = whenOf(by);
  const top = most(line);
  const last = line.at(-1);
  const summary = `The last ${name}: at most ${plural(top[1], "person", "people")} (${when(top[0])}), ${number(last[1])} now.`;
  const pointed = at !== null && line[at];
  return html`<div class="drawn"><${Plot} points=${line} span=${SPANS[span].ms} words=${summary} tell=${tell} />
    <p class="chart-words" data-test="chart-words">${pointed ? html`<b>${number(pointed[1])}</b> at ${when(pointed[0])}` : summary}</p>
    <details>
      <summary>The same as a table</summary>
      <div class="table-box short as-table" tabindex="0" role="region" aria-label="People online, as a table">
        <table role="table">
          <thead role="rowgroup"><tr role="row">
            <th role="columnheader" scope="col">From</th><th role="columnheader" scope="col" class="number">Most at once</th>
          </tr></thead>
          <tbody role="rowgroup">${thin(line, row).map(([start, count]) => html`<tr key=${start} role="row">
            <th role="rowheader" scope="row">${when(start)}</th><td role="cell" class="number" data-label="Most at once">${number(count)}</td>
          </tr>`)}</tbody>
        </table>
      </div>
    </details></div>`;
}
