// Making a key.
import { html, useState } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { Button, Field, FormDialog, Select, useAct } from "../lib/ui.js";
import { keysOf } from "./keys.js";
import { SCOPES } from "./scopes.js";

const DAY_S = 86_400;
const ENDS = [
  ["", "Never"],
  [7 * DAY_S, "In 7 days"],
  [30 * DAY_S, "In 30 days"],
  [90 * DAY_S, "In 90 days"],
  [365 * DAY_S, "In a year"],
  ["date", "On a day of my choice"],
];
const ALL = SCOPES.map(([scope]) => scope);

function bodyOf({ name, scopes, networks, ends, date }) {
  const list = networks.split(/[\s,]+/).filter(Boolean);
  const body = { name: name.trim(), scopes, networks: list };
  if (ends === "date") return { ...body, expires_at: new Date(`${date}T00:00:00`).toISOString() };
  return ends ? { ...body, expires_in_s: Number(ends) } : body;
}

export function CreateKey({ app, onClose, onMade }) {
  const [given, setGiven] = useState({ name: "", scopes: ALL, networks: "", ends: "", date: "" });
  const { busy, problem, run } = useAct(async () => onMade(await admin.post(keysOf(app), bodyOf(given))));
  const set = (field) => (value) => setGiven((old) => ({ ...old, [field]: value }));
  const about = (...fields) => fields.map((field) => problem?.about(field)).find(Boolean);
  const placed = about("name", "scopes", "networks", "expires_at", "expires_in_s");
  const isWhole = given.scopes.length > 0 && (given.ends !== "date" || given.date);
  const rest = { onClose, onSubmit: run, busy, disabled: !isWhole, problem: placed ? "" : problem?.message };
  return html`<${FormDialog} title="Create key" action="Create" ...${rest}>
    <${Field} label="Name" hint="What it is for, such as the name of a service." value=${given.name} onInput=${set("name")} problem=${about("name")}
      autocomplete="off" maxlength="191" />
    <${Scopes} value=${given.scopes} onChange=${set("scopes")} problem=${about("scopes")} />
    <${Field} label="Networks (optional)" hint="Addresses it may be used from, such as 10.0.0.0/8, one a line. None: from anywhere." multiline rows="2"
      value=${given.networks} onInput=${set("networks")} problem=${about("networks")} spellcheck=${false} />
    <${Select} label="Ends" options=${ENDS} value=${given.ends} onChange=${set("ends")} />
    ${given.ends === "date" && html`<${Field} label="Day" type="date" value=${given.date} onInput=${set("date")} problem=${about("expires_at")} required />`}
    ${given.ends !== "date" && about("expires_in_s") && html`<p class="wrong">${about("expires_in_s")}</p>`}
  <//>`;
}

function Scopes({ value, onChange, problem }) {
  const toggle = (scope) => onChange(ALL.filter((one) => (one === scope) !== value.includes(one)));
  const isAll = value.length === ALL.length;
  return html`<fieldset class="choices">
    <legend>It may</legend>
    <${Button} kind="quiet" onClick=${() => onChange(isAll ? [] : ALL)}>${isAll ? "Choose none" : "Choose all"}<//>
    ${SCOPES.map(([scope, words]) => html`<label key=${scope} class="choice">
      <input type="checkbox" name=${scope} checked=${value.includes(scope)} onChange=${() => toggle(scope)} />
      <span><span class="mono">${scope}</span> <span class="hint">${words}</span></span>
    </label>`)}
    ${!value.length && html`<p class="wrong">Choose at least one.</p>`}
    ${problem && html`<p class="wrong">${problem}</p>`}
  </fieldset>`;
}
