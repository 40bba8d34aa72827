// One person: who they are, how they show and why, where they are connected, and what can be done about it.
import { html } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { ACCOUNT_WORDS, fullName, OFFLINE } from "../lib/format.js";
import { liveOf, useHearing, usePresence } from "../lib/live.js";
import { Link, pathTo, useTitle } from "../lib/router.js";
import { Empty, Loading, Problem, Status, Time, useAsked, useEvery } from "../lib/ui.js";
import { devicesText, Face } from "./people_rows.js";
import { Acts } from "./person_acts.js";
import { Claims } from "./person_claims.js";
import { Explain } from "./person_explain.js";
import { History } from "./person_history.js";
import { Profile } from "./person_profile.js";
import { Sessions } from "./person_sessions.js";

const LOOK_MS = 4_000; // sessions come, idle and go without anybody else seeing it: the socket does not tell of these
const NOT_FOUND = 404;

export function PersonView({ app, params: [username] }) {
  const path = `users/${encodeURIComponent(username)}`;
  const user = useAsked(() => readUser(app, path), [app, username]);
  const why = useAsked(() => readReasons(app, path), [app, username]);
  useTitle(username, app);
  const isGone = user.problem?.status === NOT_FOUND || (!user.value && why.problem?.status === NOT_FOUND);
  useFreshness(app, username, isGone, user, why);
  if (isGone) return html`<${Gone} app=${app} username=${username} />`;
  const changed = () => {
    user.again();
    why.again();
  };
  return html`<div>
    <${Way} app=${app} />
    <${Problem} problem=${user.problem} again=${user.again} small=${Boolean(user.value)} />
    ${!user.value && !user.problem && html`<${Loading} label="Loading the person" lines=${6} />`}
    ${user.value && html`<${Head} app=${app} user=${user.value} onChanged=${changed} />`}
    ${user.value && html`<div class="person">
        <${Explain} asked=${why} />
        <${Sessions} app=${app} path=${path} asked=${why} />
        <${History} app=${app} path=${path} />
        <${Claims} app=${app} path=${path} asked=${why} />
        <${Profile} app=${app} user=${user.value} onChanged=${changed} />
      </div>`}
  </div>`;
}

async function readUser(app, path) {
  const askedAt = performance.now();
  const user = await api(app).get(path, { fields: "*" });
  liveOf(app).people.seed([user], askedAt);
  return user;
}

// It tells how they are, too, and knows what no change tells of: which devices they are on.
async function readReasons(app, path) {
  const askedAt = performance.now();
  const found = await api(app).get(`${path}/presence/explain`);
  liveOf(app).people.seed([found.presence], askedAt);
  return found;
}

// Looked at anew when the socket tells of them, and every few seconds: but not by itself where they hide, for each
// look at somebody who hides is an entry in the audit trail.
function useFreshness(app, username, isGone, user, why) {
  const hides = !why.value || why.value.claims.some((claim) => claim.status === 2);
  useHearing(
    app,
    (word) => {
      const concerns = word.kind === "changes" && word.changes.some((change) => change.username === username);
      if (concerns || word.kind === "reset") why.again();
      if (word.kind === "reset") user.again();
    },
    [username],
  );
  useEvery(hides || isGone ? 0 : LOOK_MS, why.again);
}

function Way({ app }) {
  return html`<nav aria-label="Way back" class="way"><${Link} to=${pathTo(app, "people")}>People<//></nav>`;
}

function Gone({ app, username }) {
  return html`<div>
    <${Way} app=${app} />
    <h1 tabindex="-1"><bdi>${username}</bdi></h1>
    <${Empty} title="There is nobody of this name in the app">
      They may have been deleted or renamed. <${Link} to=${pathTo(app, "people")}>Everybody<//>
    <//>
  </div>`;
}

function Head({ app, user, onChanged }) {
  const now = usePresence(app, user.username) ?? user;
  const name = fullName(user);
  return html`<header class="person-head">
    <${Face} user=${user} large />
    <div class="person-name">
      <h1 tabindex="-1"><bdi>${user.username}</bdi></h1>
      <p class="faint">
        ${name && html`<bdi>${name}</bdi> `}
        <span class="tag">${user.role}</span>${" "}
        ${user.status !== 0 && html`<span class="tag warn">${ACCOUNT_WORDS[user.status]}</span>`}
      </p>
      <p role="status" class="person-now" data-test="presence-now">
        <${Status} status=${now.presence_status} text=${now.text} emoji=${now.emoji} />
        ${now.devices?.length > 0 && html`<span class="faint">on ${devicesText(now.devices)}</span>`}
      </p>
      <p class="faint"><${Here} now=${now} since=${now.changed_at ?? user.presence_changed_at} /></p>
    </div>
    <${Acts} app=${app} user=${user} onChanged=${onChanged} />
  </header>`;
}

function Here({ now, since }) {
  const isOffline = now.presence_status === OFFLINE;
  if (isOffline && !since && !now.last_seen_at) return html`<span>Never here</span>`;
  return html`<span>Since <${Time} at=${since} none="never" />, last seen ${isOffline ? html`<${Time} at=${now.last_seen_at} none="never" />` : "now"}</span>`;
}
