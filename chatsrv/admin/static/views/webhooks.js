// The webhooks of an app: where events go, and whether they arrive.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { Link, pathTo, useTitle } from "../lib/router.js";
import { Button, Empty, Loading, Problem, Table, Time, useAsked, useEvery } from "../lib/ui.js";
import { WebhookView } from "./webhook.js";
import { WebhookForm } from "./webhook_form.js";
import { Secret } from "./webhook_secret.js";
import { eventsWords, stateOf } from "./webhook_words.js";

const LOOK_MS = 5_000;

export function WebhooksView({ app, params }) {
  return params.length ? html`<${WebhookView} app=${app} id=${params[0]} />` : html`<${All} app=${app} />`;
}

function All({ app }) {
  const { value, problem, again } = useAsked(() => api(app).get("webhooks"), [app]);
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState(null);
  useTitle("Webhooks", app);
  useEvery(LOOK_MS, again);
  const finish = (webhook) => {
    setMade(webhook);
    again();
  };
  const create = html`<${Button} kind="primary" onClick=${() => setCreating(true)}>Create webhook<//>`;
  return html`<div><div class="view-head"><h1>Webhooks</h1>${create}</div>
    <p class="hint lead">Your backend is told what happens here, by a signed request each time. What does not arrive is tried again
      for a day, and can be sent once more by hand.</p>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading webhooks" />`}
    ${value && (value.webhooks.length
      ? html`<div class="roomy"><${Table} label="Webhooks" columns=${columnsOf(app)} rows=${value.webhooks} keyOf=${(one) => one.id} /></div>`
      : html`<${Empty} title="There is no webhook yet">
          Give an address of your backend, and it hears of people created, changed, coming and going. ${create}
        <//>`)}
    ${creating && html`<${WebhookForm} app=${app} onClose=${() => setCreating(false)} onDone=${finish} />`}
    ${made && html`<${Secret} secret=${made.secret} onClose=${() => setMade(null)}>
      <p>A ping is on its way to <bdi class="name">${made.url}</bdi>:${" "}
        <a href=${`#${pathTo(app, "webhooks", String(made.id))}`} onClick=${() => setMade(null)}>see whether it arrives</a>.</p>
    <//>`}</div>`;
}

const columnsOf = (app) => [
  { key: "url", name: "Webhook", cell: (one) => html`<span class="key-name hook">
    <${Link} to=${pathTo(app, "webhooks", String(one.id))}><bdi>${one.url}</bdi><//>
    ${one.description && html`<span class="faint"><bdi>${one.description}</bdi></span>`}
  </span>` },
  { key: "state", name: "State", cell: (one) => html`<${State} webhook=${one} />` },
  { key: "events", name: "Events", cell: (one) => eventsWords(one.events) },
  { key: "last", name: "Last delivered", cell: (one) => html`<${Time} at=${one.last_delivery_at} none="not yet" />` },
];

export function State({ webhook }) {
  const [word, kind] = stateOf(webhook);
  return html`<span class="when">
    <span class=${`mark ${kind}`}>${word}</span>
    ${webhook.active && webhook.failing_since && html`<span class="faint">since <${Time} at=${webhook.failing_since} /></span>`}
    ${!webhook.active && webhook.disabled_reason && html`<span class="hint">${webhook.disabled_reason}</span>`}
  </span>`;
}
