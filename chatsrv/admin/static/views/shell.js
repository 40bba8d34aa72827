// What stands round every view: the app, the ways to go, how live the page is, and the way out.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { admin } from "../lib/api.js";
import { instant, number } from "../lib/format.js";
import { useLive } from "../lib/live.js";
import { go, Link, pathTo } from "../lib/router.js";
import { signOut } from "../lib/session.js";
import { chooseScheme, useScheme } from "../lib/theme.js";
import { Button, Dot, Select, toast, useAsked } from "../lib/ui.js";

// The app that a first start makes: its page with two people to play with touches no other.
const DEMO = "demo";

const LIVE_WORDS = {
  live: ["Live", "Changes show as they happen."],
  connecting: ["Connecting", "Changes will show as soon as the connection stands."],
  reconnecting: ["Reconnecting", "The connection is lost. What is shown may be old; it will be read again."],
  stale: ["Stale", "The presence store does not answer: what is shown is what was known last."],
  refused: ["Not live", "This session may not watch presence. Load the page again to see changes."],
};

export function Shell({ session, route, views, children }) {
  const [open, setOpen] = useState(false);
  const main = useRef(null);
  useFocusOnArrival(main, route.path, () => setOpen(false));
  return html`<div class=${`shell ${open ? "nav-open" : ""}`}>
    <button class="skip" type="button" onClick=${() => main.current.focus()}>Skip to content</button>
    <header class="top">
      <button type="button" class="button quiet menu" aria-expanded=${String(open)} aria-controls="navigation"
        onClick=${() => setOpen(!open)}><span aria-hidden="true">☰</span> Menu</button>
      <${Link} to="/apps" class="brand"><img src="/admin/icon.svg" alt="" width="20" height="20" /> chatsrv<//>
      ${route.app ? html`<${Head} key=${route.app} app=${route.app} />` : html`<div class="grow"></div>`}
    </header>
    <nav class="side" id="navigation" aria-label="Main" onKeyDown=${(event) => event.key === "Escape" && setOpen(false)}>
      <${AppSwitcher} route=${route} session=${session} />
      ${route.app && html`<${Navigation} route=${route} views=${views} />`}
      <${Foot} session=${session} app=${route.app} />
    </nav>
    <main ref=${main} tabindex="-1">${children}</main>
  </div>`;
}

// Going somewhere else brings the focus to the new page's beginning, and its top in sight; arriving does not.
function useFocusOnArrival(main, path, arrived) {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    arrived();
    main.current.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path]);
}

function Head({ app }) {
  const { state, counts } = useLive(app);
  const [word, meaning] = LIVE_WORDS[state];
  return html`<div class="head">
    <div class="now" aria-label="Now" role="group">
      <span class=${`badge ${state}`} title=${meaning} data-test="live-state"><i aria-hidden="true"></i>${word}</span>
      ${counts && html`<${Counts} counts=${counts} />`}
    </div>
    <p class="unseen" role="status">${state === "live" ? "" : `${word}. ${meaning}`}</p>
    ${state !== "live" && state !== "connecting" && html`<p class=${`band ${state}`} aria-hidden="true"><b>${word}.</b> ${meaning}</p>`}
  </div>`;
}

function Counts({ counts }) {
  const parts = [
    [1, "online", counts.online],
    [3, "away", counts.away],
    [4, "do not disturb", counts.dnd],
  ];
  return html`<ul class="counts" aria-label="People now">
    ${parts.map(([status, word, count]) => html`<li key=${status} title=${word}><${Dot} status=${status} silent /><b>${number(count)}</b> <span class="count-word">${word}</span></li>`)}
    <li class="total">of <b>${number(counts.total)}</b></li>
  </ul>`;
}

function AppSwitcher({ route, session }) {
  const asked = useAsked(() => admin.get("apps"), [route.app]);
  if (session.app_id) return html`<p class="one-app">App <b>${session.app_id}</b></p>`;
  const apps = asked.value?.apps ?? [];
  const options = apps.map((app) => [app.id, app.name && app.name !== app.id ? `${app.id} – ${app.name}` : app.id]);
  if (route.app && !apps.some((app) => app.id === route.app)) options.unshift([route.app, route.app]);
  const all = ["", "All apps"];
  const change = (id) => go(id ? pathTo(id, route.view ?? "overview") : "/apps");
  return html`<${Select} label="App" options=${[all, ...options]} value=${route.app ?? ""} onChange=${change} />`;
}

function Navigation({ route, views }) {
  return html`<ul class="views">
      ${Object.entries(views).map(
        ([key, view]) => html`<li key=${key}>
          <${Link} to=${pathTo(route.app, key)} current=${(route.view ?? "overview") === key}>${view.name}<//>
        </li>`,
      )}
  </ul>`;
}

function Foot({ session, app }) {
  const scheme = useScheme();
  const other = scheme === "dark" ? "light" : "dark";
  const who = session.key ? `Key ${session.key.name || session.key.id}` : "Operator";
  const leave = () => signOut().catch((problem) => toast(problem.message, "problem"));
  return html`<div class="foot">
    <p title=${`Signed in until ${instant(session.expires_at)}`}><bdi>${who}</bdi></p>
    <${Button} kind="quiet" onClick=${() => chooseScheme(other)}>${other === "dark" ? "Dark" : "Light"} colours<//>
    ${app === DEMO && html`<a class="button quiet" href="/demo">Demo: two clients</a>`}
    <a class="button quiet" href="/docs">API page</a>
    <${Button} kind="quiet" onClick=${leave}>Sign out<//>
  </div>`;
}
