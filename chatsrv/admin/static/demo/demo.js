// Two people side by side, each a real client of their own; what one does, the other one's client hears.
import { html, render, useEffect, useState } from "../vendor/htm-preact.js";
import { admin, api, onSessionOver } from "../lib/api.js";
import { useStore } from "../lib/store.js";
import { chooseScheme, useScheme } from "../lib/theme.js";
import { Button, Code, Loading, Problem, Select, Toasts, useAsked } from "../lib/ui.js";
import { Pane } from "./pane.js";
import { Stage } from "./stage.js";

const PEOPLE = [
  { username: "demo.ada", name: "Ada", first_name: "Ada", last_name: "Brook" },
  { username: "demo.ben", name: "Ben", first_name: "Ben", last_name: "Hale" },
];
const DEMO = "demo";

const asked = new URLSearchParams(location.search).get("app");

// The two are made where they are missing, and left as they are where not.
async function prepare(app) {
  const names = PEOPLE.map((person) => person.username);
  const found = await api(app).get("users", { filter: `username:in:${names.join(";")}` });
  const known = new Set(found.map((user) => user.username));
  for (const { username, first_name, last_name } of PEOPLE) {
    if (!known.has(username)) await api(app).post("users", { username, first_name, last_name });
  }
  return new Stage(app, PEOPLE);
}

function Top({ app, apps }) {
  const other = useScheme() === "dark" ? "light" : "dark";
  const change = (id) => location.assign(`/demo?app=${encodeURIComponent(id)}`);
  return html`<header class="top">
    <a class="brand" href="/"><img src="/admin/icon.svg" alt="" width="20" height="20" /> chatsrv</a>
    <div class="grow"></div>
    ${apps.length > 1 && html`<${Select} label="App" hideLabel options=${apps.map((id) => [id, id])} value=${app} onChange=${change} />`}
    ${app && html`<a class="button quiet" href=${`/#/apps/${encodeURIComponent(app)}/people`}>Dashboard</a>`}
    <${Button} kind="quiet" onClick=${() => chooseScheme(other)}>${other === "dark" ? "Dark" : "Light"} colours<//>
  </header>`;
}

function SignIn({ why }) {
  return html`<main class="plain">
    <h1>Two people, side by side</h1>
    <p>${why}</p>
    <p>This page acts for two people of an app, so it wants to know that you may. Where the server runs, make a link that
      signs you in, open it in this browser, and come back here:</p>
    <${Code} label="A link that signs in" text="chatsrv dashboard" />
    <p><a href="/">Or sign in with a server key</a> that has the scope <code>admin</code>.</p>
  </main>`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const toClock = (at) => `${CLOCK.format(at)}.${String(at % 1000).padStart(3, "0")}`;

function Log({ stage }) {
  const { lines } = useStore(stage.log);
  const [raw, setRaw] = useState(false);
  return html`<section class="card log-card" aria-labelledby="log-title">
    <header>
      <h2 id="log-title">What each client heard</h2>
      <label class="check"><input type="checkbox" checked=${raw} onChange=${(event) => setRaw(event.currentTarget.checked)} /> Show the events</label>
    </header>
    <div class="log" role="log" aria-live="polite" aria-relevant="additions" aria-labelledby="log-title" tabindex="0"><ol>
      ${lines.map(
        (line) => html`<li key=${line.id} class=${`side-${line.side}`}>
          <time datetime=${new Date(line.at).toISOString()}>${toClock(line.at)}</time>
          <span><b>${line.who}'s client</b> ${line.text}
            ${raw && html`<code class="raw">${line.raw}</code>`}</span>
        </li>`,
      )}
    </ol></div>
    ${!lines.length && html`<p class="faint">Nothing yet.</p>`}
  </section>`;
}

function Story({ stage }) {
  const { story } = useStore(stage.log);
  const first = "Shut the lid of one of them, or log one out, and see what the other one is told, and when.";
  return html`<section class="story" aria-label="What you have just seen" data-test="story">
    <p>${story || first}</p>
  </section>`;
}

function Both({ stage }) {
  useEffect(() => {
    stage.begin();
    const leave = () => stage.close();
    addEventListener("pagehide", leave);
    return leave;
  }, [stage]);
  return html`<main class="demo">
    <div class="view-head"><h1>Two people, side by side</h1></div>
    <p class="faint intro">Each pane is a real client with a connection of its own, as in two browsers. Each shows the
      other one as its client was told over its socket.</p>
    <${Story} stage=${stage} />
    <div class="panes">
      ${stage.clients.map((client, side) => html`<${Pane} key=${client.me.username} stage=${stage} side=${side} />`)}
    </div>
    <${Log} stage=${stage} />
  </main>`;
}

function SignedIn({ session }) {
  const app = asked || session.app_id || DEMO;
  const all = useAsked(() => admin.get("apps"), []);
  const prepared = useAsked(() => prepare(app), [app]);
  const apps = (all.value?.apps ?? []).map((one) => one.id);
  let content = html`<main class="plain"><${Loading} label="Preparing two people" /></main>`;
  if (prepared.value) content = html`<${Both} stage=${prepared.value} />`;
  else if (prepared.problem)
    content = html`<main class="plain"><h1>Two people, side by side</h1>
      <${Problem} problem=${prepared.problem} again=${prepared.again} title=${`The app ${app} cannot be used`} />
      ${prepared.problem.status === 404 && html`<${Code} label="To make it" text=${`chatsrv app create ${app}`} />`}
    </main>`;
  return html`<${Top} app=${app} apps=${apps} />${content}`;
}

function Page() {
  const session = useAsked(() => admin.get("session"), []);
  const [over, setOver] = useState(false);
  useEffect(() => onSessionOver(() => setOver(true)), []);
  if (over) return html`<${SignIn} why="Your session is over." />`;
  if (session.problem) return html`<main class="plain"><h1>Two people, side by side</h1><${Problem} problem=${session.problem} again=${session.again} /></main>`;
  if (!session.value) return html`<main class="plain"><${Loading} label="Looking who is signed in" /></main>`;
  if (!session.value.signed_in) return html`<${SignIn} why="Nobody is signed in." />`;
  return html`<${SignedIn} session=${session.value} />`;
}

const root = document.getElementById("root");
root.replaceChildren();
render(html`<div class="demo-page"><${Page} /></div><${Toasts} />`, root);
