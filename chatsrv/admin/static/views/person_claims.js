// What is claimed of somebody, claiming something else, and taking it all back.
import { html, useState } from "../vendor/htm-preact.js";
import { api, serverNow } from "../lib/api.js";
import { AWAY, DND, INVISIBLE, ONLINE, presenceWord, SOURCE_WORDS } from "../lib/format.js";
import { Button, Field, FormDialog, Loading, Select, Time, toast, useAct } from "../lib/ui.js";
import { Claimed } from "./person_explain.js";

const STATUSES = [["", "Leave as it is"], ...[ONLINE, AWAY, DND, INVISIBLE].map((status) => [status, presenceWord(status)])];
const UNTIL = [
  ["", "Until it is cleared"],
  ["30", "For 30 minutes"],
  ["60", "For an hour"],
  ["480", "For 8 hours"],
  ["at", "Until a moment of my choice"],
];

export function Claims({ app, path, asked }) {
  const [open, setOpen] = useState(false);
  const claims = asked.value?.claims;
  const { busy, run } = useAct(async () => {
    try {
      await api(app).del(`${path}/presence`);
      toast("The claims have been cleared");
    } catch (problem) {
      toast(problem.message, "problem");
    }
    asked.again();
  });
  return html`<section class="card" aria-labelledby="claims-title">
    <header>
      <h2 id="claims-title">Claims</h2>
      ${claims?.length > 0 && html`<${Button} busy=${busy} onClick=${run}>Clear<//>`}
      <${Button} onClick=${() => setOpen(true)}>Set a claim<//>
    </header>
    ${!claims && !asked.problem && html`<${Loading} label="Loading claims" lines=${1} />`}
    ${!claims && asked.problem && html`<p class="faint">Not known right now.</p>`}
    ${claims?.length === 0 && html`<p class="faint">None: connections alone decide how they show.</p>`}
    ${claims?.length > 0 && html`<ul class="items">${claims.map((claim) => html`<li key=${claim.id} class="item"><${Claimed} claim=${claim} />
      <span class="faint">${claim.expires_at ? html`ends <${Time} at=${claim.expires_at} />` : "until it is cleared"}</span></li>`)}</ul>`}
    ${open && html`<${SetClaim} app=${app} path=${path} onClose=${() => setOpen(false)} onDone=${asked.again} />`}
  </section>`;
}

function SetClaim({ app, path, onClose, onDone }) {
  const [claim, setClaim] = useState({ status: "", text: "", emoji: "", source: "manual", until: "", at: "" });
  const set = (name) => (value) => setClaim((old) => ({ ...old, [name]: value }));
  const { busy, problem, run } = useAct(async () => {
    await api(app).put(`${path}/presence`, toBody(claim));
    toast("The claim has been set");
    onDone();
  });
  const says = claim.status || claim.text || claim.emoji;
  const atField = ["status", "text", "emoji", "expires_at", "source"].some((name) => problem?.about(name));
  const rest = { onClose, onSubmit: run, busy, disabled: !says, problem: !atField && problem?.message };
  return html`<${FormDialog} title="Set a claim" action="Set" ...${rest}>
    <p class="hint">It shows while they are connected. Online without words takes back what this source claimed before.</p>
    <${Select} label="State" options=${STATUSES} value=${claim.status} onChange=${set("status")} />
    ${problem?.about("status") && html`<p class="wrong">${problem.about("status")}</p>`}
    <${Field} label="Text" value=${claim.text} onInput=${set("text")} problem=${problem?.about("text")} hint="At most 100 characters" autocomplete="off" />
    <${Field} label="Emoji" value=${claim.emoji} onInput=${set("emoji")} problem=${problem?.about("emoji")} autocomplete="off" />
    <${Select} label="How long" options=${UNTIL} value=${claim.until} onChange=${set("until")} />
    ${claim.until === "at" && html`<${Field} label="Until" type="datetime-local" value=${claim.at} onInput=${set("at")} required />`}
    ${problem?.about("expires_at") && html`<p class="wrong">${problem.about("expires_at")}</p>`}
    <${Select} label="Source" options=${Object.entries(SOURCE_WORDS)} value=${claim.source} onChange=${set("source")} />
  <//>`;
}

function toBody({ status, text, emoji, source, until, at }) {
  const ends = until === "at" ? Date.parse(at) : until && serverNow() + Number(until) * 60_000;
  return {
    source,
    ...(status && { status: Number(status) }),
    ...(text && { text }),
    ...(emoji && { emoji }),
    // a moment that was left empty is sent as it is: the server says what is wrong with it
    ...(until && { expires_at: Number.isFinite(ends) ? new Date(ends).toISOString() : "" }),
  };
}
