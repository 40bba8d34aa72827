// Where somebody is connected, and ending it.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { Button, Empty, FormDialog, Loading, Table, Time, toast, useAct } from "../lib/ui.js";
import { devicesText } from "./people_rows.js";

const STATES = { active: "Active", idle: "Idle", closing: "Lost, in grace", orphan: "Node died, in grace" };

export function Sessions({ app, path, asked }) {
  const [all, setAll] = useState(false);
  const sessions = asked.value?.sessions;
  const columns = [
    { key: "device", name: "Device", cell: (one) => html`${devicesText([one.device])}${one.background && " (background)"}` },
    { key: "state", name: "State", cell: (one) => STATES[one.state] ?? one.state },
    { key: "since", name: "Connected", cell: (one) => html`<${Time} at=${one.connected_at} />` },
    { key: "active", name: "Last active", cell: (one) => html`<${Time} at=${one.last_active_at} />` },
    { key: "transport", name: "By", cell: (one) => (one.node ? one.transport : "heartbeat") },
    { key: "address", name: "From", cell: (one) => html`<code>${one.address || "–"}</code>` },
    { key: "act", name: "End it", cell: (one) => html`<${SignOut} app=${app} path=${path} session=${one} onDone=${asked.again} />` },
  ];
  return html`<section class="card wide" aria-labelledby="sessions-title">
    <header>
      <h2 id="sessions-title">Sessions</h2>
      ${sessions?.length > 0 && html`<${Button} onClick=${() => setAll(true)}>Sign out everywhere<//>`}
    </header>
    ${!sessions && !asked.problem && html`<${Loading} label="Loading sessions" lines=${2} />`}
    ${!sessions && asked.problem && html`<p class="faint">Not known right now.</p>`}
    ${sessions?.length === 0 && html`<${Empty} title="Not connected">Nothing of theirs is connected right now.<//>`}
    ${sessions?.length > 0 && html`<${Table} label="Sessions" columns=${columns} rows=${sessions} keyOf=${(one) => one.id} />`}
    ${all && html`<${SignOutAll} app=${app} path=${path} count=${sessions?.length ?? 0} onClose=${() => setAll(false)} onDone=${asked.again} />`}
  </section>`;
}

function SignOut({ app, path, session, onDone }) {
  const { busy, run } = useAct(async () => {
    try {
      await api(app).del(`${path}/sessions/${encodeURIComponent(session.id)}`);
      toast("The session has been signed out");
    } catch (problem) {
      toast(problem.message, "problem");
    }
    onDone();
  });
  return html`<${Button} busy=${busy} onClick=${run} aria-label=${`Sign out ${devicesText([session.device])} ${session.id}`}>Sign out<//>`;
}

function SignOutAll({ app, path, count, onClose, onDone }) {
  const { busy, problem, run } = useAct(async () => {
    await api(app).del(`${path}/sessions`);
    toast("All sessions have been signed out");
    onDone();
  });
  const rest = { onClose, onSubmit: run, busy, problem: problem?.message, kind: "danger" };
  return html`<${FormDialog} title="Sign out everywhere" action="Sign out" ...${rest}>
    <p>This closes ${plural(count, "session")} at once, and others see them offline. Their clients stay away until somebody signs in again;
      the tokens they hold stay good until they expire. To end those too, revoke their tokens.</p>
  <//>`;
}
