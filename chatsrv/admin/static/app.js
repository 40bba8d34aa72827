// The dashboard: who is signed in, where they are, and the view that belongs there.
import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
// before the router: it takes the token of a link out of the address, which the router reads
import { begin, useSession } from "./lib/session.js";
import { accessToken, admin, onBack } from "./lib/api.js";
import { stopWatching } from "./lib/live.js";
import { pathTo, readRoute, replace, useRoute, useTitle } from "./lib/router.js";
import { Loading, Problem, Toasts, useAsked } from "./lib/ui.js";
import { Shell } from "./views/shell.js";
import { SignInView } from "./views/sign_in.js";
import { AppsView } from "./views/apps.js";

// Each view, its name in the navigation, and the module that has it; loaded when somebody first goes there.
const VIEWS = {
  overview: { name: "Overview", load: () => import("./views/overview.js"), pick: (found) => found.OverviewView },
  people: { name: "People", load: () => import("./views/people.js"), pick: (found) => found.PeopleView },
  events: { name: "Events", load: () => import("./views/events.js"), pick: (found) => found.EventsView },
  keys: { name: "Keys", load: () => import("./views/keys.js"), pick: (found) => found.KeysView },
  nodes: { name: "Nodes", load: () => import("./views/nodes.js"), pick: (found) => found.NodesView },
  webhooks: { name: "Webhooks", load: () => import("./views/webhooks.js"), pick: (found) => found.WebhooksView },
  connect: { name: "Connect", load: () => import("./views/connect.js"), pick: (found) => found.ConnectView },
  audit: { name: "Audit", load: () => import("./views/audit.js"), pick: (found) => found.AuditView },
};
const NOT_FOUND = 404;
const PERSON = { name: "People", load: () => import("./views/person.js"), pick: (found) => found.PersonView };

function viewOf(route) {
  if (route.view === "people" && route.params.length) return PERSON;
  return VIEWS[route.view];
}

// A view that cannot be loaded leaves the rest of the page as it is.
function Loaded({ view, app, params }) {
  const [state, setState] = useState({ view: null, Component: null, problem: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    // whoever has gone on meanwhile is not brought back by a view that comes late
    let wanted = true;
    const show = (loaded) => wanted && setState({ view, ...loaded });
    view.load().then(
      (found) => show({ Component: view.pick(found), problem: null }),
      (problem) => show({ Component: null, problem }),
    );
    return () => (wanted = false);
  }, [view, turn]);
  if (state.view !== view) return html`<${Loading} label=${`Loading ${view.name}`} />`;
  if (state.problem) return html`<${NotLoaded} name=${view.name} again=${() => setTurn((count) => count + 1)} />`;
  const key = `${app}/${params.join("/")}`;
  return html`<${state.Component} key=${key} app=${app} params=${params} />`;
}

// It comes by itself once the server is back.
function NotLoaded({ name, again }) {
  useTitle(name);
  useEffect(() => onBack(again), []);
  const problem = { message: "This part of the page could not be loaded.", status: 0 };
  return html`<div><div class="view-head"><h1 tabindex="-1">${name}</h1></div><${Problem} problem=${problem} again=${again} /></div>`;
}

function NotFound() {
  useTitle("Nothing here");
  return html`<div><h1 tabindex="-1">There is nothing here</h1>
    <p>The address leads nowhere. <a href="#/apps">All apps</a></p></div>`;
}

// Nobody goes on asking for an app that does not exist.
function NoApp({ app }) {
  useTitle(app);
  useEffect(stopWatching, []);
  return html`<div><h1 tabindex="-1">There is no app <bdi>${app}</bdi></h1>
    <p>It may have been deleted, or the address is wrong. <a href="#/apps">All apps</a></p></div>`;
}

// Whether an app can be had; undefined until that is known. Where nobody can tell now, its views say what is wrong.
function useExists(app) {
  const ask = async () => ({ app, exists: !app || (await accessToken(app).then(() => true, (problem) => problem.status !== NOT_FOUND)) });
  const { value } = useAsked(ask, [app]);
  return value?.app === app ? value.exists : undefined;
}

// Whoever has one app wants to see it.
async function goHome(session) {
  let own = session.app_id;
  if (!own) {
    const { apps } = await admin.get("apps").catch(() => ({ apps: [] }));
    own = apps.length === 1 ? apps[0].id : null;
  }
  // who has gone on meanwhile is not called back
  if (readRoute().first === "") replace(own ? pathTo(own, "overview") : "/apps");
}

function SignedIn({ session }) {
  const route = useRoute();
  const isHome = route.first === "";
  const exists = useExists(route.first === "apps" ? route.app : null);
  useEffect(() => {
    if (isHome) goHome(session);
  }, [isHome]);
  const view = route.first === "apps" && route.app ? viewOf({ ...route, view: route.view ?? "overview" }) : null;
  let content = html`<${NotFound} />`;
  if (isHome) content = html`<${Loading} label="Looking for your apps" />`;
  else if (route.first === "apps" && !route.app) content = html`<${AppsView} session=${session} />`;
  else if (exists === false) content = html`<${NoApp} app=${route.app} />`;
  else if (view && !exists) content = html`<${Loading} label="Looking for the app" />`;
  else if (view) content = html`<${Loaded} view=${view} app=${route.app} params=${route.params} />`;
  const place = exists === false ? { ...route, app: null } : route;
  return html`<${Shell} session=${session} route=${place} views=${VIEWS}>${content}<//>`;
}

function Page() {
  const session = useSession();
  const [problem, setProblem] = useState(null);
  const start = () => {
    setProblem(null);
    begin().catch(setProblem);
  };
  useEffect(start, []);
  let content = html`<main class="plain"><${Loading} label="Looking who is signed in" /></main>`;
  if (session.state === "in") content = html`<${SignedIn} session=${session} />`;
  else if (session.state === "out") content = html`<${SignInView} why=${session.why} isCalm=${session.isCalm} />`;
  else if (problem) content = html`<main class="plain"><h1>chatsrv</h1><${Problem} problem=${problem} again=${start} /></main>`;
  return html`<div>${content}<${Toasts} /></div>`;
}

const root = document.getElementById("root");
root.replaceChildren();
render(html`<${Page} />`, root);
