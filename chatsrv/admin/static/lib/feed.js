// What happens in an app, line by line, the newest first: presence off the socket, acts off the audit trail. It goes on
// while one looks at another view of the same app.
import { admin, api } from "./api.js";
import { AWAY, DND, INVISIBLE, OFFLINE, ONLINE } from "./format.js";
import { isOfPeople } from "./acts.js";
import { liveOf } from "./live.js";
import { createStore } from "./store.js";

export const KEPT = 500;
const SEED_MOST = 5_000; // of so many people who are here it is asked how they show; of more, only from now on
const LOOK_MS = 3_000;
const DRAW_MS = 200;
const GAP = "The connection had been lost: who came and went meanwhile is not told here.";

let current = null;

// The feed of an app: {lines: store of [line], at: when it began}. A line is {id, at (ms), kind, status?, who, words | entry, url?}.
// kind: "coming" | "state" | "acts" | "gap"; words may hold {what} where the name belongs.
export function feedOf(app) {
  const live = liveOf(app);
  if (current?.live !== live) {
    current?.close();
    current = new Feed(app, live);
  }
  return current;
}

class Feed {
  #known = new Map(); // how people showed last; null: never told of
  #fresh = [];
  #turn = 0;
  #newest = 0; // id of the newest act that is known
  #timer = 0;
  #urls = new Map(); // of webhooks by id: the audit trail does not always name them
  #isSeeded = false;
  #ended = false;

  constructor(app, live) {
    this.app = app;
    this.live = live;
    this.at = Date.now();
    this.lines = createStore([]);
    this.off = live.on((word) => this.#hear(word));
    this.#seed();
    this.#look(true);
  }

  close() {
    this.#ended = true;
    this.off();
    clearTimeout(this.#timer);
  }

  async #seed() {
    try {
      const here = await api(this.app).get("presence/counts");
      if (here.online + here.away + here.dnd > SEED_MOST) return;
      const { users } = await api(this.app).get("presence");
      for (const user of users) if (!this.#known.has(user.username)) this.#known.set(user.username, { ...user, isSeed: true });
      this.#isSeeded = true;
    } catch {
      // then the first line of each says only how they show
    }
  }

  #hear(word) {
    if (word.kind === "end") this.close();
    if (word.kind === "reset") this.#beginAnew(word.isFirst);
    if (word.kind !== "changes") return;
    for (const change of word.changes) {
      const before = this.#before(change);
      this.#known.set(change.username, change);
      const told = tell(before, change);
      if (told) this.#add({ ...told, at: Date.parse(change.changed_at) || Date.now(), who: change.username, status: change.presence_status });
    }
  }

  // How everybody shows has to be asked again; a gap there is only where it had watched before.
  #beginAnew(isFirst) {
    this.#known.clear();
    this.#isSeeded = false;
    this.#seed();
    if (!isFirst) this.#add({ kind: "gap", at: Date.now(), who: "", words: GAP });
  }

  // Null where that is not known, or where the answer that was asked for has overtaken the very change.
  #before(change) {
    const known = this.#known.get(change.username);
    if (!known) return this.#isSeeded ? { presence_status: OFFLINE } : null;
    return known.isSeed && known.presence_changed_at === change.changed_at ? null : known;
  }

  async #look(isFirst = false) {
    if (!document.hidden || isFirst) {
      try {
        const { entries } = await admin.get(`apps/${encodeURIComponent(this.app)}/audit`, { limit: 50 });
        const news = entries.filter((entry) => entry.id > this.#newest).reverse();
        if (news.some((entry) => isOfWebhooks(entry) && !this.#urls.has(entry.subject))) await this.#learnUrls();
        for (const entry of news) this.#add({ ...tellOfAct(entry), url: isOfWebhooks(entry) ? this.#urls.get(entry.subject) : undefined });
        if (entries.length) this.#newest = Math.max(this.#newest, entries[0].id);
      } catch {
        // it is asked again; the view of the audit trail says what is wrong
      }
    }
    if (!this.#ended) this.#timer = setTimeout(() => this.#look(), LOOK_MS);
  }

  async #learnUrls() {
    const { webhooks } = await api(this.app).get("webhooks").catch(() => ({ webhooks: [] }));
    for (const webhook of webhooks) this.#urls.set(String(webhook.id), webhook.url);
  }

  #add(line) {
    this.#fresh.push({ ...line, id: ++this.#turn });
    if (this.#fresh.length === 1) setTimeout(() => this.#draw(), DRAW_MS);
  }

  #draw() {
    const all = [...this.#fresh.reverse(), ...this.lines.get()];
    this.#fresh = [];
    this.lines.set(all.sort((a, b) => b.at - a.at || b.id - a.id).slice(0, KEPT));
  }
}

const CAME = { [ONLINE]: "came online", [AWAY]: "came, and is away", [DND]: "came, and is on do not disturb", [INVISIBLE]: "came, and hides" };
const IS = { [ONLINE]: "is online", [AWAY]: "is away", [DND]: "is on do not disturb", [INVISIBLE]: "hides", [OFFLINE]: "left" };

// {kind, words} of a change, or null where nobody would see a difference. `before` null: it is not known.
export function tell(before, after) {
  const was = before?.presence_status;
  const is = after.presence_status;
  if (was !== is) return { kind: was === OFFLINE || is === OFFLINE ? "coming" : "state", words: `{what} ${moved(was, is)}${on(after)}${saying(after)}` };
  if (is === OFFLINE) return null;
  if (before.text !== after.text || before.emoji !== after.emoji) {
    return { kind: "state", words: `{what} ${saying(after) ? `now says${saying(after).slice(1)}` : "says nothing any more"}` };
  }
  const devices = after.devices.join(", ");
  if ((before.devices ?? []).join(", ") === devices || !devices) return null;
  return { kind: "state", words: `{what} is here by ${devices} now` };
}

function moved(was, is) {
  if (was === OFFLINE) return CAME[is] ?? "came";
  if (is === ONLINE && was !== undefined) return was === INVISIBLE ? "hides no more, and is online" : "is back online";
  return IS[is] ?? "changed";
}

const on = ({ presence_status: status, devices }) => (status !== OFFLINE && devices?.length ? ` (${devices.join(", ")})` : "");

function saying({ presence_status: status, text, emoji }) {
  const says = [emoji, text && `“${text}”`].filter(Boolean).join(" ");
  return says && status !== OFFLINE ? `: ${says}` : "";
}

const isOfWebhooks = (entry) => entry.action.startsWith("webhook_");

const tellOfAct = (entry) => ({ kind: "acts", at: Date.parse(entry.created_at), who: isOfPeople(entry.action) ? entry.subject : "", entry });

// The lines that somebody asks for. `kind` and `status` "" mean any; `who` is a part of a name.
export function choose(lines, { kind, who, status }) {
  const part = who.trim().toLocaleLowerCase();
  return lines.filter(
    (line) => (!kind || line.kind === kind) && (!status || String(line.status) === status) && (!part || line.who.toLocaleLowerCase().includes(part)),
  );
}
