// What can be done to somebody as a whole: a token for them, another name, a rest, an end.
import { html, useState } from "../vendor/htm-preact.js";
import { api } from "../lib/api.js";
import { go, pathTo } from "../lib/router.js";
import { Button, Code, ConfirmByName, Dialog, Field, FormDialog, Time, toast, useAct } from "../lib/ui.js";

export function Acts({ app, user, onChanged }) {
  const [open, setOpen] = useState(null);
  const path = `users/${encodeURIComponent(user.username)}`;
  const given = { app, user, path, onChanged, onClose: () => setOpen(null) };
  const Shown = DIALOGS[open];
  const button = (key, word, kind = "plain") => html`<${Button} kind=${kind} onClick=${() => setOpen(key)}>${word}<//>`;
  return html`<div class="acts" role="group" aria-label="Actions">
    ${button("token", "Mint token")} ${button("revoke", "Revoke tokens")} ${button("rename", "Rename")}
    ${user.status === 0 ? button("deactivate", "Deactivate") : button("reactivate", "Reactivate")}
    ${button("delete", "Delete", "danger")}
    ${Shown && html`<${Shown} ...${given} />`}
  </div>`;
}

const LIVES = [
  ["300", "5 minutes"],
  ["3600", "1 hour"],
  ["28800", "8 hours"],
  ["86400", "1 day"],
  ["604800", "7 days"],
  ["2592000", "30 days"],
];

function MintToken({ app, path, user, onClose }) {
  const [ttl, setTtl] = useState("3600");
  const [made, setMade] = useState(null);
  const { busy, problem, run } = useAct(async () => setMade(await api(app).post(`${path}/tokens`, { ttl: Number(ttl) })));
  if (made) {
    return html`<${Dialog} title="Token" onClose=${onClose} wide once key="made">
      <p>With it a client speaks as <bdi class="name">${user.username}</bdi>. It ends <${Time} at=${made.expires_at} />, and <b>is shown this once</b>.</p>
      <${Code} text=${made.token} label="Token" wrap />
      <footer><${Button} kind="primary" onClick=${onClose}>Done<//></footer>
    <//>`;
  }
  const act = async () => {
    await run();
    return false; // the token itself is shown next
  };
  const rest = { onClose, onSubmit: act, busy, problem: !problem?.about("ttl") && problem?.message };
  return html`<${FormDialog} title="Mint a token" action="Mint" key="ask" ...${rest}>
    <${Field} label="Good for" problem=${problem?.about("ttl")} control=${(given) => html`<select ...${given} onChange=${(event) => setTtl(event.currentTarget.value)}>
      ${LIVES.map(([seconds, words]) => html`<option key=${seconds} value=${seconds} selected=${seconds === ttl}>${words}</option>`)}
    </select>`} />
  <//>`;
}

// One question, one request, one word when it is done.
function Ask({ title, action, kind, words, done, act, onClose, onChanged }) {
  const { busy, problem, run } = useAct(async () => {
    await act();
    toast(done);
    onChanged();
  });
  const rest = { onClose, onSubmit: run, busy, kind, problem: problem?.message };
  return html`<${FormDialog} title=${title} action=${action} ...${rest}><p>${words}</p><//>`;
}

const RevokeTokens = (given) => html`<${Ask} ...${given} title="Revoke tokens" action="Revoke" kind="danger" done="The tokens have been revoked"
  act=${() => api(given.app).del(`${given.path}/tokens`)}
  words="Every token that was made until now ends at once, and so do the connections that came with one. A new token lets them in again." />`;

const Deactivate = (given) => html`<${Ask} ...${given} title="Deactivate" action="Deactivate" kind="danger" done="The user has been deactivated"
  act=${() => api(given.app).post(`${given.path}/deactivate`)}
  words="Their connections end, and nobody gets in as them until they are reactivated. Nothing is deleted." />`;

const Reactivate = (given) => html`<${Ask} ...${given} title="Reactivate" action="Reactivate" kind="primary" done="The user has been reactivated"
  act=${() => api(given.app).post(`${given.path}/reactivate`)} words="They may connect again, with a new token." />`;

function Rename({ app, path, user, onClose }) {
  const [name, setName] = useState(user.username);
  const { busy, problem, run } = useAct(async () => {
    const renamed = await api(app).post(`${path}/rename`, { username: name });
    toast("The user has been renamed");
    go(pathTo(app, "people", renamed.username));
  });
  const about = problem?.about("username");
  const rest = { onClose, onSubmit: run, busy, disabled: !name || name === user.username, problem: !about && problem?.message };
  return html`<${FormDialog} title="Rename" action="Rename" ...${rest}>
    <p class="hint">Their connections end; they come back with a token of the new name.</p>
    <${Field} label="New username" value=${name} onInput=${setName} problem=${about} autocomplete="off" autocapitalize="off" spellcheck=${false} />
  <//>`;
}

function Delete({ app, path, user, onClose }) {
  const act = async () => {
    await api(app).del(path);
    toast(`${user.username} has been deleted`);
    go(pathTo(app, "people"));
  };
  return html`<${ConfirmByName} title="Delete" name=${user.username} action="Delete for good" onConfirm=${act} onClose=${onClose}>
    <p>This deletes the user, their presence and what belongs to them, in every store. Nothing brings them back.</p>
  <//>`;
}

const DIALOGS = { token: MintToken, revoke: RevokeTokens, rename: Rename, deactivate: Deactivate, reactivate: Reactivate, delete: Delete };
