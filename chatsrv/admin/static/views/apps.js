// The apps of this server: how many people each has, how many are here, and making another.
import { html, useState } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { number } from "../lib/format.js";
import { Link, pathTo, useTitle } from "../lib/router.js";
import { Button, Code, Dialog, Empty, Field, FormDialog, Loading, Problem, Table, useAct, useAsked, useEvery } from "../lib/ui.js";

const LOOK_MS = 10_000; // this list is not live: it is looked at anew

const COLUMNS = [
  { key: "id", name: "App", cell: (app) => html`<${Link} to=${pathTo(app.id, "overview")}><bdi>${app.id}</bdi><//>` },
  { key: "name", name: "Name", cell: (app) => html`<bdi>${app.name || "–"}</bdi>` },
  { key: "online", name: "Here now", number: true, cell: (app) => (app.online === null ? "unknown" : number(app.online)) },
  { key: "users", name: "Users", number: true, cell: (app) => number(app.users) },
  { key: "keys", name: "Live keys", number: true, cell: (app) => number(app.keys) },
];

export function AppsView({ session }) {
  const { value, problem, again } = useAsked(() => admin.get("apps"), []);
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState(null);
  useTitle("Apps");
  useEvery(LOOK_MS, again);
  const create = !session.app_id && html`<${Button} kind="primary" onClick=${() => setCreating(true)}>Create app<//>`;
  const finish = (answer) => {
    setMade(answer);
    again();
  };
  return html`<div>
    <div class="view-head">
      <h1>Apps</h1>
      ${create}
    </div>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading apps" />`}
    ${value && (value.apps.length
      ? html`<${Table} label="Apps" columns=${COLUMNS} rows=${value.apps} keyOf=${(app) => app.id} />`
      : html`<${Empty} title="There is no app yet">An app has users and keys of its own. ${create}<//>`)}
    ${creating && html`<${CreateApp} onClose=${() => setCreating(false)} onMade=${finish} />`}
    ${made && html`<${Made} made=${made} onClose=${() => setMade(null)} />`}
  </div>`;
}

function CreateApp({ onClose, onMade }) {
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const { busy, problem, run } = useAct(async () => onMade(await admin.post("apps", name ? { id, name } : { id })));
  const atField = problem?.about("id") || problem?.about("app_id");
  const rest = { onClose, onSubmit: run, busy, disabled: !id, problem: !atField && !problem?.about("name") && problem?.message };
  return html`<${FormDialog} title="Create app" action="Create" ...${rest}>
    <${Field} label="Id" hint="It stands in every address: short, and never changed." value=${id} onInput=${setId} problem=${atField}
      autocomplete="off" autocapitalize="off" spellcheck=${false} required />
    <${Field} label="Name (optional)" value=${name} onInput=${setName} problem=${problem?.about("name")} autocomplete="off" />
  <//>`;
}

function Made({ made, onClose }) {
  return html`<${Dialog} title=${`The app ${made.app_id}`} onClose=${onClose} wide once>
    <p><b>The key is shown this once.</b> Keep it where your backend finds it, and nowhere else. If it is lost, make another.</p>
    <${Code} text=${made.key} label="Server key" wrap />
    <${Code} text=${made.jwt_secret} label="Secret that signs users' tokens" wrap />
    <footer>
      <a class="button primary" href=${`#${pathTo(made.app_id, "connect")}`} onClick=${onClose}>How to connect</a>
      <${Button} onClick=${onClose}>Done<//>
    </footer>
  <//>`;
}
