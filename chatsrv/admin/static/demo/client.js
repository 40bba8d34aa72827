// One person of the demo: a stock Socket.IO client of their own, and what it has heard.
import { io } from "../vendor/socket.io.js";
import { api, serverNow } from "../lib/api.js";
import { ONLINE } from "../lib/format.js";
import { createStore } from "../lib/store.js";

const ACK_MS = 10_000;
const BACK_MS = 3_000;

export class Client {
  #app;
  #tell;
  #socket;
  #isNew = true;

  // `me` and `other`: {username, name}. `tell(kind, detail)` hears what happens here, and when.
  constructor(app, me, other, tell) {
    this.#app = app;
    this.me = me;
    this.other = other;
    this.#tell = tell;
    // state: out | connecting | in | cut. mine, others: how I and the other one show, to my knowledge; null: never heard.
    this.store = createStore({ state: "out", transport: "", why: "", mine: null, others: null, endsAt: null, graceMs: 0 });
    this.#socket = io("/", {
      auth: (give) => this.#authorize(give),
      autoConnect: false,
      forceNew: true,
      reconnectionDelayMax: 4_000,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
    });
    this.#listen();
  }

  get state() {
    return this.store.get().state;
  }

  connect() {
    this.#set({ state: "connecting", why: "", endsAt: null });
    this.#socket.io.reconnection(true);
    this.#socket.connect();
  }

  // The wire goes without a word, and nobody tries to mend it: a lid that was shut.
  async cut() {
    this.#set({ state: "cut" });
    this.#socket.io.reconnection(false);
    this.#socket.io.engine.close();
    await this.#learnGrace();
  }

  logOut() {
    this.#set({ state: "out", endsAt: null });
    this.#socket.disconnect();
  }

  // Answers {presence, coalesced}, or throws what the server has against it.
  async say(status, text, emoji) {
    const answer = await this.#ask("presence:set", { status, text: text || null, emoji: emoji || null });
    this.#set({ mine: answer.presence });
    return answer;
  }

  close() {
    this.#socket.disconnect();
  }

  #set(change) {
    this.store.set({ ...this.store.get(), ...change });
  }

  async #ask(event, payload) {
    const answer = await this.#socket.timeout(ACK_MS).emitWithAck(event, payload);
    if (answer.error) throw new Error(answer.error.message);
    return answer;
  }

  #listen() {
    const socket = this.#socket;
    socket.on("hello", (hello) => this.#enter(hello));
    socket.on("presence:diff", (frame) => this.#take(frame));
    socket.on("presence:reset", () => this.#look());
    socket.on("token:expiring", () => this.#refresh());
    socket.on("session:close", (told) => this.#tell("closed", told));
    socket.on("disconnect", (reason) => this.#lose(reason));
    socket.on("connect_error", (problem) => this.#takeRefusal(problem));
  }

  async #mint() {
    return (await api(this.#app).post(`users/${encodeURIComponent(this.me.username)}/tokens`)).token;
  }

  async #authorize(give) {
    try {
      give({ token: await this.#mint(), device: "web" });
    } catch (problem) {
      this.#set({ why: problem.message });
      give({}); // refused, and tried again
    }
  }

  async #refresh() {
    try {
      await this.#ask("auth:refresh", { token: await this.#mint() });
    } catch {
      // the server closes the socket then, and the client comes back with another token
    }
  }

  #enter(hello) {
    this.#set({ state: "in", why: "", endsAt: null, transport: this.#socket.io.engine.transport.name });
    this.#tell("hello", hello);
    this.#look();
  }

  // Whoever comes asks once how things stand; from then on it is told what changes.
  async #look() {
    try {
      await Promise.all([this.#watchOther(), this.#lookAtMe()]);
    } catch {
      // the connection went meanwhile: the next hello looks again
    }
  }

  // Each answer is taken as it comes: a frame that comes behind it is newer.
  async #watchOther() {
    const { users } = await this.#ask("presence:subscribe", { usernames: [this.other.username] });
    this.#set({ others: users[0] ?? null });
    this.#tell("looked", users[0]);
  }

  async #lookAtMe() {
    const { users } = await this.#ask("presence:query", { usernames: [this.me.username] });
    this.#set({ mine: users[0] ?? null });
    await this.#beginAnew(users[0]);
  }

  // What was claimed on an earlier visit still holds; a new one begins without.
  async #beginAnew(mine) {
    if (this.#isNew && mine && (mine.presence_status !== ONLINE || mine.text || mine.emoji)) await this.say(ONLINE);
    this.#isNew = false;
  }

  #take(frame) {
    for (const change of frame.changes) {
      const isMine = change.username === this.me.username;
      const side = isMine ? "mine" : "others";
      this.#set({ [side]: { ...this.store.get()[side], ...change } });
      this.#tell(isMine ? "self" : "heard", { change, version: frame.version });
    }
  }

  #lose(reason) {
    this.#tell("disconnect", { reason });
    if (this.state !== "in") return; // as somebody here wanted it
    const isFinal = reason === "io server disconnect";
    this.#set({ state: isFinal ? "out" : "connecting", why: isFinal ? "The server has ended this session." : "" });
  }

  #takeRefusal(problem) {
    if (this.state !== "connecting") return;
    this.#set({ why: problem.data ? problem.message : "The server does not answer. It is tried again." });
    if (problem.data) setTimeout(() => this.state === "connecting" && this.#socket.connect(), BACK_MS);
  }

  // When the others will see it. Nobody but a backend may ask, and this page is one as well.
  async #learnGrace() {
    try {
      const found = await api(this.#app).get(`users/${encodeURIComponent(this.me.username)}/presence/explain`);
      const ends = found.timers.filter((timer) => timer.what === "session_ends").map((timer) => timer.at);
      const endsAt = ends.sort().at(-1) ?? null;
      if (this.state === "cut") this.#set({ endsAt, graceMs: endsAt && Date.parse(endsAt) - serverNow() });
    } catch {
      // then it is not counted
    }
  }
}
