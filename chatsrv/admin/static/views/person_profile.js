// What the directory holds of somebody.
import { html, useState } from "../vendor/htm-preact.js";
import { Button, Time } from "../lib/ui.js";
import { EditPerson, PROFILE_FIELDS } from "./person_form.js";

const MOMENTS = [
  ["created_at", "Created"],
  ["updated_at", "Changed"],
  ["last_login_at", "Last login"],
  ["last_active_at", "Last active"],
];

export function Profile({ app, user, onChanged }) {
  const [editing, setEditing] = useState(false);
  return html`<section class="card" aria-labelledby="profile-title">
    <header>
      <h2 id="profile-title">Profile</h2>
      <${Button} onClick=${() => setEditing(true)}>Edit<//>
    </header>
    <dl class="record">
      <${Fact} name="Username" value=${user.username} />
      ${PROFILE_FIELDS.map(([field, name]) => html`<${Fact} key=${field} name=${name} value=${toText(user[field])} code=${field === "metadata"} />`)}
      ${MOMENTS.map(([field, name]) => html`<div key=${field}><dt>${name}</dt><dd><${Time} at=${user[field]} none="never" /></dd></div>`)}
      <${Fact} name="Id" value=${`${user.id}`} code />
      <${Fact} name="UUID" value=${user.uuid} code />
    </dl>
    ${editing && html`<${EditPerson} app=${app} user=${user} onClose=${() => setEditing(false)} onChanged=${onChanged} />`}
  </section>`;
}

function toText(value) {
  if (value === null || typeof value !== "object") return value;
  return Object.keys(value).length ? JSON.stringify(value, null, 2) : "";
}

function Fact({ name, value, code = false }) {
  const text = value || html`<span class="faint">–</span>`;
  return html`<div><dt>${name}</dt><dd>${code && value ? html`<code class="block">${value}</code>` : html`<bdi>${text}</bdi>`}</dd></div>`;
}
