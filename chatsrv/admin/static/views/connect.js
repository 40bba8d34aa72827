// How to connect: snippets for this server and this app, to be copied as they stand.
import { html, useMemo, useState } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { useTitle } from "../lib/router.js";
import { Button, Code, Field, Tabs, toast, useAct } from "../lib/ui.js";
import { keysOf } from "./keys.js";
import { groupsOf } from "./snippets.js";

const PLACEHOLDER = "YOUR_KEY";
// What the snippets do, and no more.
const NEW_KEY = { name: "made to connect", scopes: ["users:read", "users:write", "presence:read", "sessions:write"] };
const KEY_SHAPE = /^[\w-]+$/;

export function ConnectView({ app }) {
  const [key, setKey] = useState("");
  const [group, setGroup] = useState("curl");
  useTitle("Connect", app);
  const usable = KEY_SHAPE.test(key.trim()) ? key.trim() : "";
  const groups = useMemo(() => groupsOf({ url: location.origin, app, key: usable || PLACEHOLDER }), [app, usable]);
  const shown = groups.find((one) => one.key === group);
  return html`<div><div class="view-head"><h1>Connect</h1></div>
    <div class="overview">
      <${YourKey} app=${app} value=${key} onChange=${setKey} usable=${usable} />
      <${Tabs} label="Where you connect from" tabs=${groups.map((one) => [one.key, one.name])} value=${group} onChange=${setGroup}>
        <div class="snippets" key=${group}>
          ${shown.blocks.map((block) => html`<div key=${block.label} class="snippet">
            <${Code} text=${block.text} label=${block.label} />
            ${block.note && html`<p class="hint">${block.note}</p>`}
          </div>`)}
        </div>
      <//>
      <p class="hint">Everything that can be asked is on the <a href="/docs">API page</a>.</p>
    </div></div>`;
}

function YourKey({ app, value, onChange, usable }) {
  const [made, setMade] = useState(false);
  const { busy, problem, run } = useAct(async () => {
    const { key } = await admin.post(keysOf(app), NEW_KEY);
    onChange(key);
    setMade(true);
    toast("The key is made, and stands in the snippets.");
  });
  const type = (text) => {
    setMade(false);
    onChange(text);
  };
  return html`<section class="card" aria-labelledby="your-key">
    <h2 id="your-key">Your key</h2>
    <p>${usable ? "It stands in the snippets below, as long as this page is open." : html`The snippets hold <code>${PLACEHOLDER}</code> in its place.`}</p>
    <div class="sieve">
      <${Field} label="Server key (it stays in this page)" value=${value} onInput=${type}
        problem=${value && !usable ? "This does not look like a key." : problem?.message} autocomplete="off" autocapitalize="off" spellcheck=${false} maxlength="200" />
      <${Button} kind="primary" onClick=${() => run()} busy=${busy}>Make a key for this<//>
    </div>
    ${made && html`<${Code} text=${value} label="Your new key, shown this once" wrap />`}
  </section>`;
}
