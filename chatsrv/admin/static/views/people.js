// Everybody of an app, as they come and go: found, filtered and sorted by the server, changed by the socket.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { liveOf, useHearing } from "../lib/live.js";
import { go, pathTo, replace, useRoute, useTitle } from "../lib/router.js";
import { Button, Empty, Loading, Pager, Problem, Select, Table, toast, useAsked } from "../lib/ui.js";
import { Filters, PLACES, readFilters, writeFilters } from "./people_filters.js";
import { COLUMNS, PersonRow } from "./people_rows.js";
import { CreatePerson } from "./person_form.js";

const FIELDS = "username,first_name,last_name,name,role,status,last_login_at,created_at,presence_status,text,emoji,devices,presence_changed_at,last_seen_at";
const AGAIN_MS = 1_500; // at most so often is a page read anew because somebody came or went

export function PeopleView({ app }) {
  const route = useRoute();
  const filters = readFilters(route.query);
  const [creating, setCreating] = useState(false);
  const asked = useAsked(() => readPage(app, filters), [app, route.query.toString()]);
  useTitle("People", app);
  useAgain(app, filters, asked.again);
  const change = (changes) => replace(writeFilters(pathTo(app, "people"), { ...filters, offset: "", cursor: "", ...changes }));
  const made = (user) => {
    toast(`${user.username} has been created`);
    go(pathTo(app, "people", user.username));
  };
  return html`<div>
    <div class="view-head">
      <h1>People</h1>
      <${Button} kind="primary" onClick=${() => setCreating(true)}>Create user<//>
    </div>
    <${Filters} filters=${filters} onChange=${change} />
    <${Problem} problem=${asked.problem} again=${asked.again} small=${Boolean(asked.value)} />
    ${!asked.value && !asked.problem && html`<${Loading} label="Loading people" lines=${8} />`}
    ${asked.value && html`<${Page} app=${app} page=${asked.value} busy=${asked.loading} filters=${filters} onChange=${change} />`}
    ${creating && html`<${CreatePerson} app=${app} onClose=${() => setCreating(false)} onMade=${made} />`}
  </div>`;
}

async function readPage(app, filters) {
  const askedAt = performance.now();
  const place = filters.cursor ? { cursor: filters.cursor } : { offset: filters.offset || undefined };
  const page = await api(app).get("users", {
    presence: true,
    fields: FIELDS,
    limit: filters.limit,
    sort: filters.sort || "username",
    filter: filters.words,
    ...place,
  });
  liveOf(app).people.seed(page.users, askedAt);
  return page;
}

// Who belongs on the page may change: with the number of users, and with everybody's presence where it filters or sorts.
function useAgain(app, filters, again) {
  const state = useRef({ timer: 0, total: liveOf(app).status.get().counts?.total ?? null });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  const soon = () => {
    state.current.timer ||= setTimeout(() => {
      state.current.timer = 0;
      again();
    }, AGAIN_MS * (0.8 + Math.random() * 0.4));
  };
  const moves = filters.presence.length > 0 || filters.sort.includes("last_login_at");
  useHearing(
    app,
    (word) => {
      if (word.kind === "reset") again();
      if (word.kind === "changes" && moves) soon();
      if (word.kind !== "counts") return;
      const { total } = state.current;
      state.current.total = word.counts.total;
      if (total !== null && total !== word.counts.total) soon();
    },
    [moves],
  );
}

function Page({ app, page, busy, filters, onChange }) {
  if (!page.users.length) return html`<${Nobody} app=${app} filters=${filters} onChange=${onChange} />`;
  const step = (link) => link && (() => onChange(readPlace(link)));
  const from = filters.cursor ? 0 : Number(filters.offset || 0) + 1;
  const rest = { onPrevious: step(page.links.previews), onNext: step(page.links.next), total: page.total_count };
  return html`<div class="people" aria-busy=${String(busy)}>
    <${Table} label="People" columns=${COLUMNS} rows=${page.users} keyOf=${(user) => user.username} Row=${PersonRow}
      rowProps=${{ app }} sort=${filters.sort || "username"} onSort=${(sort) => onChange({ sort })} />
    <div class="list-foot">
      <${Pager} label="Pages of people" from=${from} to=${from && from + page.users.length - 1} ...${rest} />
      ${filters.cursor && html`<${Button} onClick=${() => onChange({})}>First page<//>`}
      <${Select} label="Rows" hideLabel options=${[50, 100, 200].map((count) => [count, `${count} rows`])} value=${filters.limit}
        onChange=${(limit) => onChange({ limit })} />
    </div>
  </div>`;
}

// Of a link only where it leads is needed: the filters are known.
function readPlace(link) {
  const there = new URL(link, location.href).searchParams;
  return { offset: there.get("offset") ?? "", cursor: there.get("cursor") ?? "" };
}

function Nobody({ app, filters, onChange }) {
  if (filters.isPlain && !filters.offset) {
    return html`<${Empty} title="Nobody is here yet">
      Create a user, or let your app do it: the view Connect shows how. <code>chatsrv demo ${app}</code> fills it with people to look at.
    <//>`;
  }
  const all = () => onChange({ text: "", presence: [], role: "", account: "" });
  return html`<${Empty} title=${filters.text ? `Nobody fits ${PLACES.find(([key]) => key === filters.place)?.[1] ?? ""}` : "Nobody fits"}><${Button} onClick=${all}>Show everybody<//><//>`;
}
