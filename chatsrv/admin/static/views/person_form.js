// The fields of a user as one writes them, for a new one and for changes. The rules are the server's; it says at which
// field something is wrong.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { Field, FormDialog, useAct } from "../lib/ui.js";

const FIELDS = [
  ["first_name", "First name"],
  ["last_name", "Last name"],
  ["name", "Display name"],
  ["email", "Email", { type: "email" }],
  ["role", "Role", { hint: "user, admin, or a word of the app's own" }],
  ["external_id", "External id", { hint: "What your own system calls them" }],
  ["avatar", "Avatar", { hint: "An http(s) address or a file name; this page never loads it" }],
  ["language", "Language", { hint: "Such as en or pt-BR" }],
  ["timezone", "Time zone", { hint: "Such as Europe/Berlin" }],
  ["metadata", "Metadata", { multiline: true, hint: "A JSON object" }],
];

export const PROFILE_FIELDS = FIELDS.map(([name, label]) => [name, label]);

// As the form holds them: texts.
function toTexts(user) {
  const texts = Object.fromEntries(FIELDS.map(([name]) => [name, user[name] ?? ""]));
  texts.metadata = user.metadata && Object.keys(user.metadata).length ? JSON.stringify(user.metadata, null, 2) : "";
  return texts;
}

// What the server is to be told: the fields that differ, an emptied one as null. Throws the field's problem.
function toChanges(texts, before) {
  const changes = {};
  for (const [name] of FIELDS) {
    if (texts[name] === before[name]) continue;
    changes[name] = texts[name] === "" ? null : name === "metadata" ? readObject(texts[name]) : texts[name];
  }
  return changes;
}

function readObject(text) {
  try {
    return JSON.parse(text);
  } catch (problem) {
    throw new Refused("metadata", `is no JSON: ${problem.message}`);
  }
}

// The same shape as the server's own refusals.
class Refused extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }

  about(field) {
    return field === this.field ? this.message : "";
  }
}

function Inputs({ texts, setText, problem }) {
  return FIELDS.map(
    ([name, label, rest]) => html`<${Field} key=${name} label=${label} value=${texts[name]} onInput=${(text) => setText(name, text)}
      problem=${problem?.about?.(name)} autocomplete="off" ...${rest} />`,
  );
}

// A problem that stands at no field of the form is shown at its foot.
const elsewhere = (problem, names) => problem && !names.some((name) => problem.about?.(name)) && problem.message;
const ALL = FIELDS.map(([name]) => name);

export function CreatePerson({ app, onClose, onMade }) {
  const blank = toTexts({});
  const [username, setUsername] = useState("");
  const [texts, setTexts] = useState(blank);
  const { busy, problem, run } = useAct(async () => onMade(await api(app).post("users", { username, ...toChanges(texts, blank) })));
  const setText = (name, text) => setTexts((old) => ({ ...old, [name]: text }));
  const rest = { onClose, onSubmit: run, busy, disabled: !username, problem: elsewhere(problem, ["username", ...ALL]) };
  return html`<${FormDialog} title="Create user" action="Create" ...${rest}>
    <${Field} label="Username" hint="Unique in the app, without regard to case" value=${username} onInput=${setUsername} required
      problem=${problem?.about?.("username")} autocomplete="off" autocapitalize="off" spellcheck=${false} />
    <details open=${Boolean(problem) || undefined}>
      <summary>More about them</summary>
      <div class="more"><${Inputs} texts=${texts} setText=${setText} problem=${problem} /></div>
    </details>
  <//>`;
}

export function EditPerson({ app, user, onClose, onChanged }) {
  const [before] = useState(() => toTexts(user));
  const [texts, setTexts] = useState(before);
  const setText = (name, text) => setTexts((old) => ({ ...old, [name]: text }));
  const isChanged = ALL.some((name) => texts[name] !== before[name]);
  const { busy, problem, run } = useAct(async () => {
    const path = `users/${encodeURIComponent(user.username)}?fields=*`;
    onChanged(await api(app).patch(path, toChanges(texts, before)));
  });
  const rest = { onClose, onSubmit: run, busy, disabled: !isChanged, problem: elsewhere(problem, ALL), wide: true };
  return html`<${FormDialog} title="Edit profile" action="Save" ...${rest}>
    <div class="two"><${Inputs} texts=${texts} setText=${setText} problem=${problem} /></div>
  <//>`;
}
