// The observer socket of one app, from its first connect to its end.
import { io } from "../vendor/socket.io.js";
import { accessToken, api, onStaleness, tellBack } from "./api.js";
import { People } from "./people.js";
import { createStore } from "./store.js";

const ACK_MS = 10_000;
const LOOK_MS = 15_000; // how often counts are asked for besides: it shows whether presence can be had at all
const LOOK_STALE_MS = 3_000;
const LOOK_SURE_MS = 1_000;
const BACK_MS = 1_500;
const NO_ENTRY = new Set([40105, 1302, 1021, 1020]); // not from here, or with no such token
const NO_APP = new Set([403, 404]);

export class Watch {
  #listeners = new Set();
  #socket = null;
  #timer = 0;
  #ended = false;
  #hasWatched = false;
  #tokenIsOld = false;
  #hasNoToken = false;
  #isStale = false;
  #freshAt = 0; // when that was asked which presence answered last (performance.now())
  #isAlmostFresh = false; // it has answered once since it was away
  #version = null;
  #offStaleness = () => {};

  constructor(app) {
    this.app = app;
    this.status = createStore({ state: "connecting", counts: null, version: null });
    this.people = new People((changes) => this.#tell({ kind: "changes", changes }));
    this.on = (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    };
    this.#offStaleness = onStaleness((which, seconds, askedAt) => which === app && this.#noteStaleness(seconds, askedAt));
    this.#connect();
    this.#look();
  }

  close() {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#offStaleness();
    this.#socket?.disconnect();
    this.#tell({ kind: "end" });
  }

  #set(change) {
    this.status.set({ ...this.status.get(), ...change });
  }

  #tell(word) {
    for (const listener of [...this.#listeners]) listener(word);
  }

  #connect() {
    const socket = io("/", { auth: (give) => this.#authorize(give), forceNew: true, reconnectionDelayMax: 4_000 });
    this.#socket = socket;
    socket.on("connect", () => this.#watch());
    socket.on("presence:diff", (frame) => this.#takeDiff(frame));
    socket.on("app:counts", (counts) => this.#takeCounts(counts));
    socket.on("presence:reset", () => this.#watch());
    socket.on("session:close", () => {
      this.#tokenIsOld = true;
    });
    socket.on("disconnect", (reason) => this.#lose(reason));
    socket.on("connect_error", (problem) => this.#takeRefusal(problem));
  }

  async #authorize(give) {
    try {
      give({ token: await accessToken(this.app, this.#tokenIsOld) });
      this.#tokenIsOld = this.#hasNoToken = false;
    } catch (problem) {
      this.#hasNoToken = !NO_APP.has(problem.status);
      give({}); // refused, and tried again
    }
  }

  // From its answer on every change comes. Whoever had read something before reads it again: what changed between
  // their reading and this answer nobody tells them.
  async #watch() {
    try {
      const answer = await this.#socket.timeout(ACK_MS).emitWithAck("app:watch", {});
      if (answer.error) throw new Error(answer.error.message);
      const isFirst = !this.#hasWatched;
      this.#hasWatched = true;
      this.#version = answer.version;
      if (answer.stale) this.#noteStaleness(0, performance.now());
      this.#set({ state: this.#isStale ? "stale" : "live" });
      this.#takeCounts(answer.counts);
      this.#tell({ kind: "reset", isFirst });
      if (!this.#isStale) tellBack();
    } catch {
      if (this.#socket.connected) this.#later(() => this.#socket.connected && this.#watch());
    }
  }

  #takeDiff(frame) {
    this.#version = frame.version; // shown with the next counts: a number that runs is nothing to draw each time
    this.people.change(frame.changes);
  }

  #takeCounts(counts) {
    if (!counts) return;
    this.#set({ counts, version: this.#version });
    this.#tell({ kind: "counts", counts });
  }

  #lose(reason) {
    if (this.#ended) return;
    this.#set({ state: "reconnecting" });
    if (reason !== "io server disconnect") return; // the client comes back by itself from all else
    this.#tokenIsOld = true;
    this.#later(() => this.#socket.connect());
  }

  #takeRefusal(problem) {
    if (this.#ended) return;
    const isFinal = NO_ENTRY.has(problem.data?.code) && !this.#hasNoToken;
    this.#set({ state: isFinal ? "refused" : this.#hasWatched ? "reconnecting" : "connecting" });
    if (!problem.data) return; // no connection at all: the client tries again by itself
    this.#tokenIsOld = isFinal; // asking for another tells whether the session is over
    this.#later(() => this.#socket.connect(), isFinal ? 10 * BACK_MS : 2 * BACK_MS);
  }

  #later(act, ms = BACK_MS) {
    setTimeout(() => this.#ended || act(), ms * (0.75 + Math.random() / 2));
  }

  // Twice in a row it has to answer before it is back: the first answer may have been out of some memory. What was
  // asked before it answered, and is refused only now, is old news.
  #noteStaleness(seconds, askedAt) {
    if (seconds === null) this.#takeFreshness(askedAt);
    else if (askedAt >= this.#freshAt) this.#takeStaleness();
  }

  #takeStaleness() {
    this.#isAlmostFresh = false;
    if (this.#isStale) return;
    this.#isStale = true;
    if (this.status.get().state === "live") this.#set({ state: "stale" });
    this.#lookIn(LOOK_STALE_MS);
  }

  #takeFreshness(askedAt) {
    this.#freshAt = Math.max(this.#freshAt, askedAt);
    if (!this.#isStale) return;
    if (!this.#isAlmostFresh) {
      this.#isAlmostFresh = true;
      return;
    }
    this.#isStale = this.#isAlmostFresh = false;
    if (this.#socket.connected) this.#watch();
  }

  async #look() {
    if (this.#ended) return;
    if (!document.hidden) {
      try {
        this.#takeCounts(await api(this.app).get("presence/counts"));
      } catch {
        // whether it is presence that does not answer has been noted
      }
    }
    this.#lookIn(!this.#isStale ? LOOK_MS : this.#isAlmostFresh ? LOOK_SURE_MS : LOOK_STALE_MS);
  }

  #lookIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), ms);
  }
}
