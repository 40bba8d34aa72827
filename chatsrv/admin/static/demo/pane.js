// One person: their connection, what they may do, and how the other one sees them.
import { html, useState } from "../vendor/htm-preact.js";
import { AWAY, DND, hue, initials, INVISIBLE, ONLINE } from "../lib/format.js";
import { useStore } from "../lib/store.js";
import { Button, Field, Status, toast, useClock } from "../lib/ui.js";

const STATES = {
  out: ["Logged out", "refused"],
  connecting: ["Connecting", "connecting"],
  in: ["Connected", "live"],
  cut: ["Wire cut", "reconnecting"],
};
const STATUSES = [
  [ONLINE, "Online"],
  [AWAY, "Away"],
  [DND, "Do not disturb"],
  [INVISIBLE, "Invisible"],
];
const TEXT_MAX = 100;

export function Pane({ stage, side }) {
  const client = stage.clients[side];
  const { me, other } = client;
  const mine = useStore(client.store);
  const others = useStore(stage.clients[1 - side].store);
  const [word, look] = STATES[mine.state];
  const by = mine.state === "in" && mine.transport ? ` by ${mine.transport}` : "";
  return html`<section class=${`card pane side-${side}`} aria-labelledby=${`name-${side}`} data-test=${`pane-${side}`}>
    <header>
      <span class="face" style=${{ "--hue": hue(me.username) }} aria-hidden="true">${initials(me)}</span>
      <h2 id=${`name-${side}`}>${me.name} <span class="faint mono">${me.username}</span></h2>
      <span class=${`badge ${look}`} data-test="connection"><i aria-hidden="true"></i>${word}${by}</span>
    </header>
    ${mine.why && html`<p class="wrong" role="alert">${mine.why}</p>`}
    <${Seen} other=${other} state=${others.state} seen=${others.others} mine=${mine} />
    <${Connection} stage=${stage} side=${side} state=${mine.state} />
    <${Saying} stage=${stage} side=${side} name=${me.name} mine=${mine} />
  </section>`;
}

// How the other one's client shows this person, and how this person's own does, which knows the truth.
function Seen({ other, state, seen, mine }) {
  const blind = state !== "in";
  const asSeen = seen ? html`<${Status} status=${seen.presence_status} text=${seen.text} emoji=${seen.emoji} />` : "–";
  const own = mine.mine;
  return html`<dl class="seen">
    <div><dt>As ${other.name} sees it</dt>
      <dd data-test="as-seen" class=${blind ? "old" : undefined}>${asSeen}${blind && html` <span class="faint">(${other.name} is not connected: this was last)</span>`}</dd></div>
    <div><dt>As it is</dt>
      <dd data-test="as-is">${mine.state === "in" && own ? html`<${Status} status=${own.presence_status} text=${own.text} emoji=${own.emoji} />` : html`<${Gone} ...${mine} />`}</dd></div>
  </dl>`;
}

function Gone({ state, endsAt, graceMs }) {
  const left = useClock((now) => (endsAt ? Math.ceil((Date.parse(endsAt) - now) / 1000) : null), [endsAt]);
  if (state === "connecting") return html`<span class="faint">on the way</span>`;
  if (state !== "cut") return html`<span class="faint">not here</span>`;
  if (left === null) return html`<span>no connection</span>`;
  const words = left > 0 ? `${left} s of grace left` : "the grace is over";
  return html`<span class="grace" data-test="grace">${words}
    <meter min="0" max=${graceMs / 1000} value=${Math.max(0, left)} aria-hidden="true"></meter></span>`;
}

function Connection({ stage, side, state }) {
  const isIn = state === "in";
  return html`<div class="row" role="group" aria-label="Connection">
    <${Button} kind="primary" disabled=${isIn || state === "connecting"} onClick=${() => stage.connect(side)}>${state === "cut" ? "Open the lid" : "Connect"}<//>
    <${Button} disabled=${!isIn} onClick=${() => stage.cut(side)}>Shut the lid<//>
    <${Button} disabled=${!isIn && state !== "connecting"} onClick=${() => stage.logOut(side)}>Log out<//>
  </div>`;
}

function Saying({ stage, side, name, mine }) {
  const [text, setText] = useState("");
  const [emoji, setEmoji] = useState("");
  const isIn = mine.state === "in";
  const status = mine.mine?.presence_status;
  const say = (value, ...words) => stage.say(side, value, ...words).catch((problem) => toast(problem.message, "problem"));
  const send = (event) => {
    event.preventDefault();
    say(status || ONLINE, text.trim(), emoji.trim());
  };
  return html`<div class="row states" role="group" aria-label=${`What ${name} shows`}>
      ${STATUSES.map(
        ([value, word]) => html`<button key=${value} type="button" class="chip" disabled=${!isIn} aria-pressed=${String(isIn && status === value)}
          onClick=${() => say(value)}>${word}</button>`,
      )}
    </div>
    <form class="words" onSubmit=${send}>
      <${Field} label="Emoji" value=${emoji} onInput=${setEmoji} maxlength="8" placeholder="🍜" autocomplete="off" />
      <${Field} label="Text" value=${text} onInput=${setText} maxlength=${TEXT_MAX} placeholder="Lunch, back at one" autocomplete="off" />
      <${Button} type="submit" disabled=${!isIn}>Say it<//>
    </form>`;
}

