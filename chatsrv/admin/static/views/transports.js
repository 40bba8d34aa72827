// Connections by transport, as bars beside their numbers.
import { html } from "../vendor/htm-preact.js";
import { number } from "../lib/format.js";

const WORDS = { websocket: "WebSocket", polling: "Polling" };

// transports: {websocket: n, polling: n}, by what they go now: most begin with polling.
export function Transports({ transports }) {
  const entries = Object.entries({ websocket: 0, polling: 0, ...transports });
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  return html`<dl class="bars">
    ${entries.map(([kind, count]) => html`<div key=${kind}>
      <dt>${WORDS[kind] ?? kind}</dt>
      <dd>
        <svg class="bar-line" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
          <rect class="bar-full" width=${total ? (100 * count) / total : 0} height="6" />
        </svg>
        <b class="number" data-test=${`sockets-${kind}`}>${number(count)}</b>
      </dd>
    </div>`)}
  </dl>`;
}
