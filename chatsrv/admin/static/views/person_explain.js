// Why somebody shows as they do, drawn: connections on one line, claims on the other, what wins, and who sees what.
import { html } from "../vendor/htm-preact.js";
import { AWAY, duration, instant, OFFLINE, ONLINE, presenceWord, SOURCE_WORDS } from "../lib/format.js";
import { Button, Loading, Problem, Status, Time, useClock } from "../lib/ui.js";
import { devicesText } from "./people_rows.js";

const RANKS = { call: 3, manual: 2, calendar: 1, external: 1 };
const STATE_WORDS = {
  active: "active",
  idle: "idle",
  closing: "connection lost, still counted",
  orphan: "its node died, still counted",
};
const COUNTS_AS_ACTIVE = "active_session";

export function Explain({ asked }) {
  const { value, problem, again, loading } = asked;
  return html`<section class="card wide" aria-labelledby="explain-title">
    <header>
      <h2 id="explain-title">Why they show so</h2>
      <${Button} kind="quiet" busy=${loading && !value} onClick=${again}>Look again<//>
    </header>
    <${Problem} problem=${problem} again=${again} small=${Boolean(value)} />
    ${!value && !problem && html`<${Loading} label="Loading the reasons" />`}
    ${value && html`<${Drawn} found=${value} />`}
  </section>`;
}

function Drawn({ found }) {
  const byClaim = found.rule === "claim" || found.rule === "invisible";
  const claim = found.claims.find((one) => one.wins);
  return html`<div class="drawn">
    <p class="because"><b>${presenceWord(found.presence.presence_status)}.</b> ${found.because}</p>
    <${Ends} found=${found} />
    <div class="flow">
      <div class="flow-step"><h3>1. Sessions</h3><${SessionList} found=${found} /></div>
      <${Arrow} on=${found.sessions.length > 0} />
      <div class=${`flow-step ${byClaim ? "overruled" : "decides"}`}>
        <h3>2. Connection state</h3>
        <${Connection} found=${found} />
        <p class="verdict">${byClaim ? "Overruled by a claim" : "Decides"}</p>
      </div>
      <div class="flow-step"><h3>3. Claims, by rank</h3><${ClaimList} found=${found} /></div>
      <${Arrow} on=${Boolean(claim)} />
      <div class=${`flow-step ${byClaim ? "decides" : "overruled"}`}>
        <h3>4. The claim that counts</h3>
        ${claim
          ? html`<div><${Claimed} claim=${claim} /><p class="verdict">${byClaim ? "Decides" : "Adds its words alone"}</p></div>`
          : html`<p class="faint">${found.claims.length ? "None counts while nobody is connected." : "There is none."}</p>`}
      </div>
      <div class=${`flow-join ${byClaim ? "by-claim" : "by-sessions"}`} aria-hidden="true"></div>
      <div class="flow-step result"><h3>5. What is seen</h3><${Seen} found=${found} /></div>
    </div>
    ${found.claims.some((one) => one.status === 2) && html`<p class="hint">Each look at somebody who hides is an entry in the audit trail, so this card is not looked at anew by itself.</p>`}
  </div>`;
}

const Arrow = ({ on }) => html`<div class=${`flow-arrow ${on ? "" : "off"}`} aria-hidden="true"></div>`;

const timerOf = (found, what, of) => found.timers.find((timer) => timer.what === what && timer.of === of);

// A time that runs out, in words that count down.
function Countdown({ at, before, after = "", over }) {
  const text = useClock((now) => {
    const left = Date.parse(at) - now;
    return left > 0 ? `${before} ${duration(left)}${after}` : over;
  }, [at]);
  return html`<span class="countdown" title=${instant(at)}>${text}</span>`;
}

// Where every session is about to end, the last of them takes the person offline.
function Ends({ found }) {
  const ends = found.sessions.map((session) => timerOf(found, "session_ends", session.id)?.at);
  const claimBegins = found.timers.find((timer) => timer.what === "claim_begins");
  const goes = ends.length > 0 && ends.every(Boolean) && found.sessions.every((session) => session.node || session.state !== "active");
  return html`<div>${goes && html`<p class="notice"><${Countdown} at=${ends.sort().at(-1)} before="Goes offline in" after=" unless they come back."
      over="Going offline about now." /></p>`}
    ${claimBegins && html`<p class="notice"><${Countdown} at=${claimBegins.at} before="A claim that came too fast begins in" over="A claim begins about now." /></p>`}</div>`;
}

function SessionList({ found }) {
  if (!found.sessions.length) return html`<p class="faint">No live session.</p>`;
  return html`<ul class="items">
    ${found.sessions.map((session) => html`<li key=${session.id} class=${`item ${session.state}`}>
      <span><b>${devicesText([session.device])}</b> ${session.background ? "in the background, " : ""}${STATE_WORDS[session.state] ?? session.state}</span>
      <${SessionTimer} found=${found} session=${session} />
    </li>`)}
  </ul>`;
}

function SessionTimer({ found, session }) {
  const ends = timerOf(found, "session_ends", session.id);
  if (!ends) return html`<span class="faint">${session.node ? html`on node <code>${session.node}</code>` : ""}</span>`;
  if (!session.node && session.state === "active") {
    return html`<${Countdown} at=${ends.at} before="heartbeat, over in" after=" unless it beats" over="heartbeat over" />`;
  }
  return html`<${Countdown} at=${ends.at} before="ends in" after=" unless it comes back" over="ending about now" />`;
}

// As the server folds: a session in its grace counts as what it was, which only the rule can tell.
function Connection({ found }) {
  const { sessions, rule } = found;
  if (!sessions.length) return html`<div><${Status} status=${OFFLINE} /><p>Nobody is connected.</p></div>`;
  const active = sessions.some((session) => session.state === "active") || rule === COUNTS_AS_ACTIVE;
  if (active) return html`<div><${Status} status=${ONLINE} /><p>At least one session is active, or was when it was lost.</p></div>`;
  const inGrace = sessions.some((session) => session.state === "closing" || session.state === "orphan");
  if (inGrace && rule !== "idle_sessions") return html`<p>Held by sessions that were lost a moment ago.</p>`;
  return html`<div><${Status} status=${AWAY} /><p>Every session is idle or in the background.</p></div>`;
}

function ClaimList({ found }) {
  if (!found.claims.length) return html`<p class="faint">Nobody claims anything.</p>`;
  const ranked = [...found.claims].sort((a, b) => RANKS[b.source] - RANKS[a.source] || Date.parse(b.set_at) - Date.parse(a.set_at));
  return html`<ol class="items">
    ${ranked.map((claim) => html`<li key=${claim.id} class=${`item ${claim.wins ? "wins" : ""}`}><${Claimed} claim=${claim} />
      <${ClaimTimer} claim=${claim} /></li>`)}
  </ol>`;
}

const ClaimTimer = ({ claim }) =>
  claim.expires_at
    ? html`<${Countdown} at=${claim.expires_at} before="ends in" over="ending about now" />`
    : html`<span class="faint">until it is cleared</span>`;

export function Claimed({ claim }) {
  const words = html`<span class="faint">${SOURCE_WORDS[claim.source] ?? claim.source}, rank ${RANKS[claim.source]}, set <${Time} at=${claim.set_at} /></span>`;
  const said = claim.status === null
    ? html`<span class="status"><span class="emoji">${claim.emoji}</span> <bdi>${claim.text}</bdi></span>`
    : html`<${Status} status=${claim.status} text=${claim.text} emoji=${claim.emoji} />`;
  return html`<span class="claimed">${said}${words}</span>`;
}

function Seen({ found }) {
  const { presence, to_others: others } = found;
  const differ = presence.presence_status !== others.presence_status;
  return html`<dl class="seen">
    <div><dt>In truth</dt><dd><${Status} status=${presence.presence_status} text=${presence.text} emoji=${presence.emoji} /></dd></div>
    <div class=${differ ? "differs" : undefined}>
      <dt>To others</dt>
      <dd><${Status} status=${others.presence_status} text=${others.text} emoji=${others.emoji} />
        ${differ && html`<p>They hide: others see them offline, last seen <${Time} at=${others.last_seen_at} none="never" />.</p>`}</dd>
    </div>
  </dl>`;
}
