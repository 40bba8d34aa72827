// One person of the list. A row listens for its own person alone: whoever else changes does not draw it anew.
import { html } from "../vendor/htm-preact.js";
import { ACCOUNT_WORDS, fullName, hue, initials } from "../lib/format.js";
import { usePresence } from "../lib/live.js";
import { Link, pathTo } from "../lib/router.js";
import { PlainRow, Status, Time } from "../lib/ui.js";

export function Face({ user, large = false }) {
  // the CSSOM may set a style; the policy forbids it in markup alone
  return html`<span class=${`face ${large ? "large" : ""}`} style=${{ "--hue": hue(user.username) }} aria-hidden="true">${initials(user)}</span>`;
}

const DEVICE_WORDS = { web: "Web", desktop: "Desktop", mobile: "Mobile", bot: "Bot" };
export const devicesText = (devices) => (devices ?? []).map((device) => DEVICE_WORDS[device] ?? device).join(", ");

export const COLUMNS = [
  { key: "person", name: "Person", sort: "username", cell: ({ app, user }) => html`<${Name} app=${app} user=${user} />` },
  { key: "presence", name: "Presence", cell: ({ now }) => html`<${Status} status=${now.presence_status} text=${now.text} emoji=${now.emoji} />` },
  { key: "since", name: "Since", cell: ({ now }) => html`<${Time} at=${now.changed_at} none="never here" />` },
  { key: "devices", name: "Devices", cell: ({ now }) => devicesText(now.devices) || html`<span class="faint">–</span>` },
  { key: "seen", name: "Last seen", cell: ({ now }) => html`<${Seen} now=${now} />` },
  { key: "login", name: "Last login", sort: "last_login_at", cell: ({ user }) => html`<${Time} at=${user.last_login_at} none="never" />` },
];

function Name({ app, user }) {
  return html`<span class="who">
    <${Face} user=${user} />
    <span class="names">
      <${Link} to=${pathTo(app, "people", user.username)}><bdi>${user.username}</bdi><//>
      <span class="faint"><bdi>${fullName(user)}</bdi>${user.role !== "user" && html` <span class="tag">${user.role}</span>`}${" "}
        ${user.status !== 0 && html`<span class="tag warn">${ACCOUNT_WORDS[user.status]}</span>`}</span>
    </span>
  </span>`;
}

function Seen({ now }) {
  return now.presence_status === 0 ? html`<${Time} at=${now.last_seen_at} none="never" />` : html`<span>now</span>`;
}

export function PersonRow({ row, columns, app }) {
  const now = usePresence(app, row.username) ?? { ...row, changed_at: row.presence_changed_at };
  return PlainRow({ row: { app, user: row, now }, columns });
}
