// The dashboard. Whatever people wrote is put in as text, never as HTML.
"use strict";

const byId = (id) => document.getElementById(id);

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
    credentials: "same-origin",
    cache: "no-store",
    redirect: "error",
  });
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // an answer of something in between, such as a proxy
  }
  if (!answer.ok) {
    const problem = new Error((value && value.message) || `The server answered ${answer.status}.`);
    problem.status = answer.status;
    throw problem;
  }
  return value;
}

function tell(problem) {
  byId("problem").textContent = problem ? problem.message : "";
  byId("problem").hidden = !problem;
}

function show(session) {
  byId("signed-out").hidden = session.signed_in;
  byId("signed-in").hidden = !session.signed_in;
  if (!session.signed_in) {
    byId("apps").replaceChildren();
    return;
  }
  const until = new Date(session.expires_at).toLocaleString();
  const who = session.key ? `Signed in with the key ${session.key.name} (${session.key.id})` : "Signed in as the operator";
  byId("who").textContent = `${who}, until ${until}.`;
}

function row(app) {
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = app.id;
  line.append(name);
  for (const value of [app.name, app.users, app.online ?? "unknown", app.keys]) {
    const cell = document.createElement("td");
    cell.textContent = typeof value === "number" ? value.toLocaleString() : value;
    if (value !== app.name) cell.className = "number";
    line.append(cell);
  }
  return line;
}

async function look() {
  const { apps } = await ask("GET", "/admin/apps");
  byId("apps").replaceChildren(...apps.map(row));
  const when = new Date().toLocaleTimeString();
  byId("state").textContent = apps.length ? `${apps.length} shown, as of ${when}.` : "There is no app yet.";
}

async function enter(session) {
  show(session);
  if (session.signed_in) await look();
}

async function attempt(act) {
  tell(null);
  try {
    await act();
  } catch (problem) {
    if (problem.status === 401) show({ signed_in: false });
    tell(problem);
  }
}

async function begin() {
  const token = location.pathname === "/signin" ? location.hash.slice(1) : "";
  // out of the address before anything else: it works once, and need not be in anybody's history
  if (location.pathname !== "/") history.replaceState(null, "", "/");
  if (token) {
    try {
      return await enter(await ask("POST", "/admin/session", { link: token }));
    } catch (problem) {
      tell(problem); // who was signed in before still is
    }
  }
  return enter(await ask("GET", "/admin/session"));
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  byId("key").value = "";
  attempt(async () => enter(await ask("POST", "/admin/session", { key })));
});
byId("refresh").addEventListener("click", () => attempt(look));
byId("sign-out").addEventListener("click", () =>
  attempt(async () => {
    await ask("DELETE", "/admin/session");
    show({ signed_in: false });
  }),
);
attempt(begin);
