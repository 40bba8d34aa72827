// The server keys of an app: what each may do, from where, for how long; making, rotating and revoking them.
import { html, useState } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { useTitle } from "../lib/router.js";
import { useSession } from "../lib/session.js";
import { Button, Empty, FormDialog, Loading, Problem, Table, Time, toast, useAct, useAsked, useEvery } from "../lib/ui.js";
import { CreateKey } from "./key_form.js";
import { MadeKey } from "./key_made.js";
import { SCOPES } from "./scopes.js";

const LOOK_MS = 20_000;

export const keysOf = (app) => `apps/${encodeURIComponent(app)}/keys`;

const stateOf = (key) => {
  if (key.revoked_at) return "revoked";
  return key.expires_at && Date.parse(key.expires_at) <= Date.now() ? "expired" : "live";
};
const STATE_WORDS = { live: ["Live", "good"], expired: ["Expired", "warn"], revoked: ["Revoked", ""] };

export function KeysView({ app }) {
  const { value, problem, again } = useAsked(() => admin.get(keysOf(app)), [app]);
  const [dialog, setDialog] = useState(null); // {kind: "create" | "rotate" | "revoke" | "made", key?, made?}
  const [all, setAll] = useState(false);
  useTitle("Keys", app);
  useEvery(LOOK_MS, again);
  const keys = value?.keys ?? [];
  const live = keys.filter((key) => stateOf(key) === "live");
  const over = keys.length - live.length;
  const create = html`<${Button} kind="primary" onClick=${() => setDialog({ kind: "create" })}>Create key<//>`;
  const shown = all ? [...live, ...keys.filter((key) => stateOf(key) !== "live")] : live;
  return html`<div><div class="view-head"><h1>Keys</h1>${create}</div>
    <p class="hint lead">With a key your backend speaks to this app over REST. Only its hash is kept here.</p>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading keys" />`}
    ${value && (shown.length
      ? html`<div class="roomy"><${Table} label="Keys" columns=${columnsOf(setDialog, keys)} rows=${shown} keyOf=${(key) => key.id} /></div>`
      : html`<${Empty} title="No key is live">Without one no backend reaches this app. ${create}<//>`)}
    ${over > 0 && html`<p class="over-more"><${Button} kind="quiet" onClick=${() => setAll(!all)} aria-expanded=${String(all)}>
      ${all ? "Hide those that are over" : `Show ${plural(over, "key that is", "keys that are")} over`}<//></p>`}
    ${dialog && html`<${Dialogs} app=${app} dialog=${dialog} live=${live} set=${setDialog} again=${again} />`}</div>`;
}

// Only where the server keeps it.
const USED = { key: "used", name: "Last used", cell: (key) => html`<${Time} at=${key.last_used_at} none="not yet" />` };

const columnsOf = (open, keys) => [
  { key: "name", name: "Key", cell: (key) => html`<span class="key-name"><bdi>${key.name || "key"}</bdi><span class="mono faint">${key.id}</span></span>` },
  { key: "state", name: "State", cell: (key) => html`<${State} state=${stateOf(key)} />` },
  { key: "scopes", name: "May", cell: (key) => html`<${Scopes} scopes=${key.scopes} />` },
  { key: "networks", name: "From", cell: (key) => (key.networks.length ? html`<${Pieces} words=${key.networks} />` : "anywhere") },
  { key: "expires", name: "Ends", cell: (key) => html`<${Time} at=${key.revoked_at ?? key.expires_at} none="never" />` },
  ...(keys.some((key) => key.last_used_at !== undefined) ? [USED] : []),
  { key: "created", name: "Created", cell: (key) => html`<${Time} at=${key.created_at} />` },
  { key: "acts", name: "Actions", cell: (key) => html`<${Acts} of=${key} open=${open} />` },
];

function State({ state }) {
  const [word, kind] = STATE_WORDS[state];
  return html`<span class=${`mark ${kind}`}>${word}</span>`;
}

function Scopes({ scopes }) {
  if (scopes.length >= SCOPES.length) return "everything";
  return html`<${Pieces} words=${scopes} />`;
}

function Pieces({ words }) {
  return html`<span class="pieces">${words.map((word) => html`<span key=${word} class="mono piece">${word}</span>`)}</span>`;
}

function Acts({ of: key, open }) {
  if (stateOf(key) === "revoked") return html`<span class="faint">–</span>`;
  const name = key.name || key.id;
  return html`<span class="acts">
    <${Button} onClick=${() => open({ kind: "rotate", key })} aria-label=${`Rotate ${name}`}>Rotate<//>
    <${Button} onClick=${() => open({ kind: "revoke", key })} aria-label=${`Revoke ${name}`}>Revoke<//>
  </span>`;
}

function Dialogs({ app, dialog, live, set, again }) {
  const close = () => set(null);
  const show = (made, old) => {
    set({ kind: "made", made, old });
    again();
  };
  if (dialog.kind === "made") return html`<${MadeKey} made=${dialog.made} old=${dialog.old} onClose=${close} />`;
  // a dialog that has led to another one is not the one to close then
  const leave = () => set((now) => (now?.kind === "made" ? now : null));
  if (dialog.kind === "create") return html`<${CreateKey} app=${app} onClose=${leave} onMade=${(made) => show(made)} />`;
  if (dialog.kind === "rotate") return html`<${Rotate} app=${app} of=${dialog.key} onClose=${leave} onMade=${(made) => show(made, dialog.key)} />`;
  return html`<${Revoke} app=${app} of=${dialog.key} isLast=${live.length === 1 && live[0].id === dialog.key.id} onClose=${leave} again=${again} />`;
}

const one = (app, key) => `${keysOf(app)}/${encodeURIComponent(key.id)}`;

function Rotate({ app, of: key, onClose, onMade }) {
  const { busy, problem, run } = useAct(async () => onMade(await admin.post(`${one(app, key)}/rotate`)));
  return html`<${FormDialog} title="Rotate this key?" action="Make the new key" busy=${busy} problem=${problem?.message} onSubmit=${run} onClose=${onClose}>
    <p>A new key is made that may do the same as <bdi class="name">${key.name || key.id}</bdi>.</p>
    <p>The old one lives on, so that nothing stands still: give the new one to your backend, then revoke the old one.</p>
  <//>`;
}

function Revoke({ app, of: key, isLast, onClose, again }) {
  const session = useSession();
  const act = useAct(async () => {
    await admin.del(one(app, key));
    toast(`The key ${key.name || key.id} is revoked.`);
    again();
  });
  const isOwn = session.key?.id === key.id;
  return html`<${FormDialog} title="Revoke this key?" action="Revoke" kind="danger" busy=${act.busy} problem=${act.problem?.message} onSubmit=${act.run}
    onClose=${onClose}>
    <p>Whoever uses <bdi class="name">${key.name || key.id}</bdi> (<span class="mono">${key.id}</span>) is refused within a second.
      It cannot be brought back.</p>
    ${isLast && html`<p class="state problem small" role="alert">It is the last live key of this app: until another is made, no backend gets in.</p>`}
    ${isOwn && html`<p class="state problem small" role="alert">You have signed in with this very key: your session ends with it.</p>`}
  <//>`;
}
