// One webhook: how it stands, what one may do with it, and what went there.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { go, Link, pathTo, useTitle } from "../lib/router.js";
import { Button, ConfirmByName, FormDialog, Loading, Problem, Time, toast, useAct, useAsked, useEvery } from "../lib/ui.js";
import { Deliveries } from "./deliveries.js";
import { WebhookForm } from "./webhook_form.js";
import { Secret } from "./webhook_secret.js";
import { eventsWords } from "./webhook_words.js";
import { State } from "./webhooks.js";

const LOOK_MS = 5_000;

export function WebhookView({ app, id }) {
  const path = `webhooks/${encodeURIComponent(id)}`;
  const asked = useAsked(() => api(app).get(path), [app, path]);
  const [dialog, setDialog] = useState("");
  const [secret, setSecret] = useState("");
  const [sent, setSent] = useState(0); // something was sent just now: look at the deliveries
  const webhook = asked.value;
  useTitle(webhook?.url ?? "Webhook", app);
  useEvery(LOOK_MS, asked.again);
  const changed = () => {
    asked.again();
    setSent((count) => count + 1);
  };
  return html`<div><div class="view-head">
      <h1 class="hook"><${Link} to=${pathTo(app, "webhooks")}>Webhooks<//> / <bdi>${webhook?.url ?? id}</bdi></h1>
    </div>
    <${Problem} problem=${asked.problem} again=${asked.again} small=${Boolean(webhook)} />
    ${!webhook && !asked.problem && html`<${Loading} label="Loading the webhook" />`}
    ${webhook && html`<div class="overview">
      <${About} webhook=${webhook} acts=${html`<${Acts} app=${app} path=${path} webhook=${webhook} open=${setDialog} changed=${changed} />`} />
      <${Deliveries} app=${app} path=${path} sent=${sent} isActive=${webhook.active} />
    </div>`}
    ${webhook && dialog && html`<${Dialogs} app=${app} path=${path} webhook=${webhook} dialog=${dialog} onClose=${() => setDialog("")} changed=${changed}
      onSecret=${setSecret} />`}
    ${secret && html`<${Secret} secret=${secret} onClose=${() => setSecret("")}><p>The old secret signs along for a day.</p><//>`}</div>`;
}

function About({ webhook, acts }) {
  return html`<section class="card" aria-label="The webhook">
    <dl class="hook-facts">
      <div><dt>State</dt><dd><${State} webhook=${webhook} /></dd></div>
      <div><dt>Events</dt><dd>${eventsWords(webhook.events)}</dd></div>
      ${webhook.description && html`<div><dt>Description</dt><dd><bdi>${webhook.description}</bdi></dd></div>`}
      <div><dt>Last delivered</dt><dd><${Time} at=${webhook.last_delivery_at} none="not yet" /></dd></div>
      <div><dt>Created</dt><dd><${Time} at=${webhook.created_at} /></dd></div>
    </dl>
    ${acts}
  </section>`;
}

function Acts({ app, path, webhook, open, changed }) {
  const ping = useAct(async () => {
    await api(app).post(`${path}/ping`);
    toast("A ping is on its way.");
    changed();
  });
  const pause = useAct(async () => {
    await api(app).patch(path, { active: !webhook.active });
    changed();
  });
  return html`<div class="drawn"><div class="acts">
      <${Button} onClick=${() => ping.run()} busy=${ping.busy} disabled=${!webhook.active}>Ping<//>
      <${Button} onClick=${() => open("edit")}>Edit<//>
      <${Button} onClick=${() => pause.run()} busy=${pause.busy}>${webhook.active ? "Pause" : "Resume"}<//>
      <${Button} onClick=${() => open("rotate")}>Rotate secret<//>
      <${Button} onClick=${() => open("delete")}>Delete<//>
    </div>
    <${Problem} problem=${ping.problem ?? pause.problem} small /></div>`;
}

function Dialogs({ app, path, webhook, dialog, onClose, changed, onSecret }) {
  if (dialog === "edit") return html`<${WebhookForm} app=${app} webhook=${webhook} onClose=${onClose} onDone=${changed} />`;
  if (dialog === "rotate") return html`<${Rotate} app=${app} path=${path} onClose=${onClose} onSecret=${onSecret} />`;
  const remove = async () => {
    await api(app).del(path);
    toast("The webhook is deleted.");
    go(pathTo(app, "webhooks"));
  };
  return html`<${ConfirmByName} title="Delete this webhook?" action="Delete" name=${webhook.url} onConfirm=${remove} onClose=${onClose}>
    <p>Nothing goes there any more, nor what was still to be tried again. Its deliveries are forgotten.</p>
  <//>`;
}

function Rotate({ app, path, onClose, onSecret }) {
  const { busy, problem, run } = useAct(async () => onSecret((await api(app).post(`${path}/rotate_secret`)).secret));
  return html`<${FormDialog} title="Rotate the secret?" action="Make a new secret" busy=${busy} problem=${problem?.message} onSubmit=${run} onClose=${onClose}>
    <p>Requests are signed with the new secret at once, and with the old one, too, for a day: time to give the new one to your backend.</p>
  <//>`;
}
