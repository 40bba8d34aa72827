// What went to a webhook: what arrived, what did not and why, and sending it once more.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { number, plural } from "../lib/format.js";
import { Button, Empty, Loading, Problem, Select, Table, Time, toast, useAct, useAsked, useEvery } from "../lib/ui.js";
import { DELIVERY_WORDS } from "./webhook_words.js";

const PAGE = 25;
const LOOK_MS = 3_000;
const STATES = [["", "Any state"], ...Object.entries(DELIVERY_WORDS).map(([key, [word]]) => [key, word])];

// `path`: that of the webhook. `sent` grows when something was just sent.
export function Deliveries({ app, path, sent, isActive }) {
  const [status, setStatus] = useState("");
  const [cursors, setCursors] = useState([]);
  const cursor = cursors.at(-1);
  const asked = useAsked(() => api(app).get(`${path}/deliveries`, { status: status || undefined, limit: PAGE, cursor }), [app, path, status, cursor, sent]);
  useEvery(LOOK_MS, asked.again);
  const act = useAct(async (delivery) => {
    await replay(app, path, delivery);
    asked.again();
  });
  const found = asked.value?.deliveries;
  const choose = (next) => {
    setStatus(next);
    setCursors([]);
  };
  return html`<section class="card" aria-labelledby="deliveries">
    <header>
      <h2 id="deliveries">Deliveries</h2>
      <${Button} onClick=${() => act.run(null)} busy=${act.busy} disabled=${!isActive} title="What was given up after a day of attempts">Replay all failed<//>
    </header>
    <div class="sieve"><${Select} label="State" options=${STATES} value=${status} onChange=${choose} /></div>
    ${!isActive && html`<p class="hint">Nothing is sent while the webhook is paused.</p>`}
    <${Problem} problem=${act.problem} small />
    <${Problem} problem=${asked.problem} again=${asked.again} small=${Boolean(found)} />
    ${!found && !asked.problem && html`<${Loading} label="Loading deliveries" />`}
    ${found && (found.length
      ? html`<div class="roomy"><${Table} label="List of deliveries" columns=${columnsOf(act, isActive)} rows=${found} keyOf=${(one) => one.id} /></div>`
      : html`<${Empty} title=${status ? "None of that kind" : "Nothing has been sent yet"}>${status ? "" : "Ping it, to see whether it hears you."}<//>`)}
    ${found && html`<${Ways} cursors=${cursors} next=${cursorOf(asked.value.links?.next)} set=${setCursors} />`}
  </section>`;
}

// One delivery, or, without one, all that failed.
async function replay(app, path, delivery) {
  if (delivery) {
    await api(app).post(`${path}/deliveries/${encodeURIComponent(delivery.id)}/replay`);
    return toast("It is sent once more.");
  }
  const { count } = await api(app).post(`${path}/replay`, { status: "failed" });
  return toast(count ? `${plural(count, "delivery is", "deliveries are")} sent once more.` : "None has failed for good.");
}

// A link to the next page -> its cursor; links may be whole addresses, paths, or the cursor alone.
function cursorOf(next) {
  if (!next) return null;
  return next.includes("?") ? new URLSearchParams(next.slice(next.indexOf("?"))).get("cursor") : next;
}

function Ways({ cursors, next, set }) {
  if (!cursors.length && !next) return null;
  return html`<nav class="pager" aria-label="Pages of deliveries">
    <${Button} disabled=${!cursors.length} onClick=${() => set(cursors.slice(0, -1))}>Newer<//>
    <${Button} disabled=${!next} onClick=${() => set([...cursors, next])}>Older<//>
  </nav>`;
}

const columnsOf = (act, isActive) => [
  { key: "event", name: "Event", cell: (one) => html`<${Event} of=${one} />` },
  { key: "status", name: "State", cell: (one) => html`<${State} status=${one.status} />` },
  { key: "attempts", name: "Attempts", number: true, cell: (one) => number(one.attempts) },
  { key: "answer", name: "Last answer", cell: (one) => html`<${Answer} of=${one} />` },
  { key: "next", name: "Next attempt", cell: (one) => html`<${Time} at=${one.next_attempt_at} />` },
  { key: "created", name: "Happened", cell: (one) => html`<${Time} at=${one.created_at} />` },
  { key: "acts", name: "Actions", cell: (one) => html`<${Button} onClick=${() => act.run(one)} disabled=${act.busy || !isActive}
    aria-label=${`Replay number ${one.seq}`}>Replay<//>` },
];

function Event({ of: { type, seq } }) {
  return html`<span class="key-name"><span class="mono">${type}</span><span class="faint">number ${number(seq)}</span></span>`;
}

function State({ status }) {
  const [word, kind] = DELIVERY_WORDS[status] ?? [status, ""];
  return html`<span class=${`mark ${kind}`}>${word}</span>`;
}

function Answer({ of: { last_status: status, last_error: error } }) {
  if (!status && !error) return html`<span class="faint">–</span>`;
  return html`<span class="answer">${status && html`<b>${status}</b> `}${error && html`<bdi>${error}</bdi>`}</span>`;
}
