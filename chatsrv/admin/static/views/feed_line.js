// One line of what happens: when, who, and what.
import { html } from "../vendor/htm-preact.js";
import { actorWords, actSentence, isOfPeople, subjectName } from "../lib/acts.js";
import { exactly, instant } from "../lib/format.js";
import { Link, pathTo } from "../lib/router.js";
import { Dot } from "../lib/ui.js";

const DAYS = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_MS = 86_400_000;

// What is of the last hours to the second; of what is older, the day.
const when = (at) => (Date.now() - at < DAY_MS / 2 ? exactly(at) : DAYS.format(at));

export function FeedLine({ line, app }) {
  return html`<li class=${`feed-line ${line.kind}`}>
    <time datetime=${new Date(line.at).toISOString()} title=${instant(line.at)}>${when(line.at)}</time>
    ${line.status === undefined ? html`<span class="act-mark" aria-hidden="true">◆</span>` : html`<${Dot} status=${line.status} silent />`}
    <span>${line.entry ? html`<${Act} entry=${line.entry} url=${line.url} app=${app} />` : told(line.words, nameOf(app, line.who))}</span>
  </li>`;
}

function Act({ entry, url, app }) {
  const name = entry.subject && (isOfPeople(entry.action) ? nameOf(app, entry.subject) : html`<bdi>${url ?? subjectName(entry)}</bdi>`);
  return html`${told(actSentence(entry.action), name)} <span class="faint">by ${actorWords(entry.actor)}</span>`;
}

const nameOf = (app, who) => html`<${Link} to=${pathTo(app, "people", who)}><bdi>${who}</bdi><//>`;

// "{what} left" -> [name, " left"]: what people wrote of themselves stays text, and braces in it mean nothing.
function told(words, name) {
  const [before, ...after] = words.split("{what}");
  return after.length ? html`${before}${name}${after.join("{what}")}` : before;
}
