// Making a webhook, and changing one.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { Field, FormDialog, useAct } from "../lib/ui.js";
import { EVENTS } from "./webhook_words.js";

// `webhook`: the one to change; without it another is made. `onDone(answer)`.
export function WebhookForm({ app, webhook, onClose, onDone }) {
  const [given, setGiven] = useState({ url: webhook?.url ?? "", description: webhook?.description ?? "", events: webhook?.events ?? [] });
  const set = (field) => (value) => setGiven((old) => ({ ...old, [field]: value }));
  const { busy, problem, run } = useAct(async () => {
    const rest = api(app);
    onDone(webhook ? await rest.patch(`webhooks/${encodeURIComponent(webhook.id)}`, given) : await rest.post("webhooks", given));
  });
  const about = (field) => problem?.about(field);
  const placed = ["url", "description", "events"].some(about);
  const rest = { onClose, onSubmit: run, busy, disabled: !given.url, problem: placed ? "" : problem?.message };
  return html`<${FormDialog} title=${webhook ? "Edit webhook" : "Create webhook"} action=${webhook ? "Save" : "Create"} ...${rest}>
    <${Field} label="URL" type="url" hint="Of your backend: events are sent there by POST." value=${given.url} onInput=${set("url")} problem=${about("url")}
      autocomplete="off" autocapitalize="off" spellcheck=${false} required />
    <${Field} label="Description (optional)" value=${given.description} onInput=${set("description")} problem=${about("description")}
      maxlength="200" autocomplete="off" />
    <${Events} value=${given.events} onChange=${set("events")} problem=${about("events")} />
  <//>`;
}

function Events({ value, onChange, problem }) {
  const toggle = (type) => onChange(EVENTS.map(([key]) => key).filter((one) => (one === type) !== value.includes(one)));
  return html`<fieldset class="choices">
    <legend>Events</legend>
    <p class="hint">None chosen: everything, also what will be new.</p>
    ${EVENTS.map(([type, words]) => html`<label key=${type} class="choice">
      <input type="checkbox" name=${type} checked=${value.includes(type)} onChange=${() => toggle(type)} />
      <span><span class="mono">${type}</span> <span class="hint">${words}</span></span>
    </label>`)}
    ${problem && html`<p class="wrong">${problem}</p>`}
  </fieldset>`;
}
