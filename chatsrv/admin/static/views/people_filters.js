// What is looked for among the people of an app; it stands in the address, so that a reload and the way back keep it.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { AWAY, DND, INVISIBLE, OFFLINE, ONLINE, presenceWord } from "../lib/format.js";
import { Dot, Field, Select } from "../lib/ui.js";

const PAUSE_MS = 250;
const SORTS = [
  ["", "Username"],
  ["-last_login_at", "Last login, newest first"],
  ["-created_at", "Newest first"],
  ["created_at", "Oldest first"],
  ["-updated_at", "Changed last"],
  ["first_name", "First name"],
  ["last_name", "Last name"],
  ["-username", "Username, Z to A"],
];
export const PLACES = [
  ["username", "in username"],
  ["first_name", "in first name"],
  ["last_name", "in last name"],
];
const ACCOUNTS = [
  ["", "Any account"],
  ["0", "Active"],
  ["1", "Inactive"],
];
const PRESENCES = [ONLINE, AWAY, DND, INVISIBLE, OFFLINE];
const NAMES = ["text", "place", "role", "account", "sort", "limit", "offset", "cursor"];

// Of the address; `words` are the server's own, `isPlain`: nothing is filtered.
export function readFilters(query) {
  const found = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
  const presence = (query.get("presence") ?? "").split(",").filter(Boolean).map(Number);
  const filters = { ...found, place: found.place || "username", limit: found.limit || "50", presence };
  const words = toWords(filters);
  return { ...filters, words, isPlain: !words.length };
}

function toWords({ text, place, presence, role, account }) {
  return [
    text && `${place}:contains:${text}`,
    presence.length && `presence_status:in:${presence.join(",")}`,
    role && `role:eq:${role}`,
    account && `status:eq:${account}`,
  ].filter(Boolean);
}

export function writeFilters(path, filters) {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const isUsual = (name === "place" && filters[name] === "username") || (name === "limit" && String(filters[name]) === "50");
    if (filters[name] && !isUsual) query.set(name, filters[name]);
  }
  if (filters.presence.length) query.set("presence", filters.presence.join(","));
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export function Filters({ filters, onChange }) {
  const [text, setText] = usePaused(filters.text, (text) => onChange({ text }));
  const [role, setRole] = usePaused(filters.role, (role) => onChange({ role: role.trim() }));
  const [all, setAll] = useState(false); // on a phone the rarer ones are folded away
  const toggle = (status) =>
    onChange({
      presence: filters.presence.includes(status) ? filters.presence.filter((one) => one !== status) : [...filters.presence, status],
    });
  return html`<form class=${`filters ${all ? "all" : ""}`} role="search" aria-label="People" onSubmit=${(event) => event.preventDefault()}>
    <div class="search">
      <${Field} label="Search" type="search" value=${text} onInput=${setText} placeholder="Part of a name" autocomplete="off" spellcheck=${false} />
      <${Select} label="Look in" hideLabel options=${PLACES} value=${filters.place} onChange=${(place) => onChange({ place })} />
    </div>
    <button type="button" class="button plain more-filters" aria-expanded=${String(all)} onClick=${() => setAll(!all)}>Role, account, sort</button>
    <${Field} label="Role" value=${role} onInput=${setRole} placeholder="Any" autocomplete="off" autocapitalize="off" spellcheck=${false} />
    <${Select} label="Account" options=${ACCOUNTS} value=${filters.account} onChange=${(account) => onChange({ account })} />
    <${Select} label="Sort" options=${withPresent(filters.sort)} value=${filters.sort} onChange=${(sort) => onChange({ sort })} />
    <fieldset class="chips">
      <legend>Presence</legend>
      ${PRESENCES.map(
        (status) => html`<button key=${status} type="button" class="chip" aria-pressed=${String(filters.presence.includes(status))}
          onClick=${() => toggle(status)}><${Dot} status=${status} silent /> ${presenceWord(status)}</button>`,
      )}
    </fieldset>
  </form>`;
}

// A column's head may have chosen what the list of sorts does not name.
function withPresent(sort) {
  return SORTS.some(([key]) => key === sort) ? SORTS : [...SORTS, [sort, sort.replace("-", "").replaceAll("_", " ")]];
}

// A text of one's own while one writes; told when the hand rests.
function usePaused(value, tell) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  const told = useRef(value);
  const newest = useRef(tell);
  newest.current = tell;
  useEffect(() => {
    if (value !== told.current) setText(value); // changed elsewhere: the way back, or "Show everybody"
    told.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const write = (next) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      told.current = next;
      newest.current(next);
    }, PAUSE_MS);
  };
  return [text, write];
}
