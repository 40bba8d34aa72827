// The nodes that serve this app: whether they live, and what is connected to them.
import { html } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { duration, number } from "../lib/format.js";
import { useTitle } from "../lib/router.js";
import { Empty, Loading, Problem, Table, Time, useAsked, useEvery } from "../lib/ui.js";
import { Transports } from "./transports.js";

const LOOK_MS = 3_000;

const COLUMNS = [
  { key: "node", name: "Node", cell: (node) => html`<${Name} node=${node} />` },
  { key: "alive", name: "State", cell: (node) => html`<span class=${`mark ${node.alive ? "good" : "bad"}`}>${node.alive ? "Alive" : "Gone"}</span>` },
  { key: "lease", name: "Lease", cell: (node) => html`<${Lease} node=${node} />` },
  { key: "websocket", name: "WebSocket", number: true, cell: (node) => number(node.sockets.websocket) },
  { key: "polling", name: "Polling", number: true, cell: (node) => number(node.sockets.polling) },
  { key: "observers", name: "Observers", number: true, cell: (node) => number(node.observers) },
  { key: "version", name: "Version", cell: (node) => html`<bdi>${node.version}</bdi>` },
  { key: "started", name: "Started", cell: (node) => html`<${Time} at=${node.started_at} />` },
];

export function NodesView({ app }) {
  const { value, problem, again } = useAsked(() => admin.get(`apps/${encodeURIComponent(app)}/nodes`), [app]);
  useTitle("Nodes", app);
  useEvery(LOOK_MS, again);
  return html`<div><div class="view-head"><h1>Nodes</h1></div>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading nodes" />`}
    ${value && html`<div class="overview">
      <section class="card" aria-labelledby="by-transport">
        <h2 id="by-transport">Sockets of this app</h2>
        <${Transports} transports=${value.transports} />
      </section>
      ${value.nodes.length
        ? html`<${Table} label="Nodes" columns=${COLUMNS} rows=${value.nodes} keyOf=${(node) => node.node} />`
        : html`<${Empty} title="No node has reported itself">A node does so every few seconds, as long as the presence store answers.<//>`}
      <p class="hint">A node renews its lease with every beat. One that does not is gone for all others when the lease ends, and its
        sockets' people with it, unless they are connected elsewhere.</p>
    </div>`}</div>`;
}

function Name({ node }) {
  return html`<span class="node-name">
    <bdi>${node.node}</bdi>
    <span class="faint">process ${node.pid} on <bdi>${node.host}</bdi></span>
  </span>`;
}

// What is left of the time within which a node must be heard of again.
function Lease({ node }) {
  const left = Math.max(0, node.lease_left_ms);
  const whole = Math.max(1, left + Math.max(0, node.lease_age_ms));
  const words = node.alive ? `renewed ${duration(node.lease_age_ms)} ago, ${duration(left)} left` : "over";
  return html`<span class="lease">
    <svg class=${`bar-line ${left / whole < 0.34 ? "low" : ""}`} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="bar-full" width=${(100 * left) / whole} height="6" />
    </svg>
    <span>${words}</span>
  </span>`;
}
