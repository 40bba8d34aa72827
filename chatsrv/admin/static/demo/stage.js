// The two clients together: who did what, who heard it, and how long that took.
import { createStore } from "../lib/store.js";
import { INVISIBLE } from "../lib/format.js";
import { Client } from "./client.js";
import { tellAct, tellBack, tellCoalesced, tellHeard, tellLine } from "./story.js";

const KEPT = 100;

export class Stage {
  #acts = [null, null]; // what each of them did last that the other has not heard of yet: {act, at}
  #ids = 0;

  constructor(app, people) {
    this.log = createStore({ story: "", lines: [] });
    this.clients = people.map((me, side) => {
      return new Client(app, me, people[1 - side], (kind, detail) => this.#hear(side, kind, detail));
    });
  }

  begin() {
    this.clients.forEach((client, side) => client.state === "out" && this.connect(side));
  }

  close() {
    for (const client of this.clients) client.close();
  }

  connect(side) {
    const wasCut = this.clients[side].state === "cut";
    this.#note(side, wasCut ? "return" : "connect");
    this.clients[side].connect();
  }

  cut(side) {
    this.#note(side, "cut");
    return this.clients[side].cut();
  }

  logOut(side) {
    this.#note(side, "logout");
    this.clients[side].logOut();
  }

  async say(side, status, text = "", emoji = "") {
    this.#note(side, status === INVISIBLE ? "hide" : "set");
    const { coalesced } = await this.clients[side].say(status, text, emoji);
    if (coalesced) this.#tell(tellCoalesced(this.clients[side].me.name));
  }

  #note(side, act) {
    const { me, other, store } = this.clients[side];
    this.#acts[side] = { act, at: performance.now() };
    if (act === "return" || act === "connect") return;
    const isHidden = store.get().mine?.presence_status === INVISIBLE;
    this.#tell(tellAct(act, me.name, other.name, this.clients[1 - side].state === "in", isHidden));
  }

  #tell(story) {
    if (story) this.log.set({ ...this.log.get(), story });
  }

  #hear(side, kind, detail) {
    const { me, other } = this.clients[side];
    const line = { id: ++this.#ids, at: Date.now(), side, who: me.name, text: tellLine(kind, detail, other.name), raw: JSON.stringify(detail) };
    this.log.set({ ...this.log.get(), lines: [line, ...this.log.get().lines].slice(0, KEPT) });
    if (kind === "hello") this.#greet(side, detail);
    if (kind === "heard") this.#explain(1 - side, detail.change);
  }

  // Who comes back within the grace causes no word to anybody: that is worth one here.
  #greet(side, hello) {
    const { me, other } = this.clients[side];
    const isBack = hello.resumed && this.#acts[side]?.act === "return";
    if (isBack) this.#tell(tellBack(me.name, other.name));
    if (this.#acts[side]?.act === "return") this.#acts[side] = isBack ? null : { ...this.#acts[side], act: "connect" };
  }

  // The client of the other one has heard of what `side` did.
  #explain(side, change) {
    const { me, other } = this.clients[side];
    const done = this.#acts[side];
    this.#acts[side] = null;
    this.#tell(tellHeard(done?.act, me.name, other.name, change, done ? performance.now() - done.at : 0));
  }
}
