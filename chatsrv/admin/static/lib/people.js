// Presence by username. Whoever draws somebody is told when they change, and nobody else is: fifty changes a second
// among two hundred rows draw those rows anew, once a frame of the screen.

const KEPT_MAX = 5_000; // whom nobody draws is forgotten where there are more

export class People {
  #known = new Map();
  #listeners = new Map();
  #drawn = new Set(); // whose listeners are to be told with the next frame
  #heard = new Set(); // of whom the socket has told since the last one
  #waiting = false;
  #told = () => {};

  // `told(changes)`: what the socket has said since the last frame, one for each who changed.
  constructor(told) {
    this.#told = told;
  }

  get(username) {
    return this.#known.get(username)?.presence;
  }

  subscribe(username, listener) {
    const those = this.#listeners.get(username) ?? new Set();
    this.#listeners.set(username, those.add(listener));
    return () => {
      those.delete(listener);
      if (!those.size && this.#listeners.get(username) === those) this.#listeners.delete(username);
    };
  }

  // Changes off the socket; the last one of somebody wins.
  change(changes) {
    const at = performance.now();
    for (const change of changes) {
      this.#heard.add(change.username);
      this.#put(change, at);
    }
  }

  // People of an answer that was asked for at `askedAt` (performance.now()): what the socket said since then is newer.
  seed(users, askedAt) {
    for (const user of users) {
      const known = this.#known.get(user.username);
      if (!known || known.at < askedAt) this.#put(toPresence(user), askedAt);
    }
  }

  #put(presence, at) {
    this.#known.set(presence.username, { presence, at });
    this.#drawn.add(presence.username);
    if (this.#waiting) return;
    this.#waiting = true;
    // a window that nobody sees paints no frames
    if (document.hidden) setTimeout(() => this.#flush(), 250);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    this.#waiting = false;
    const drawn = [...this.#drawn];
    const heard = [...this.#heard];
    this.#drawn.clear();
    this.#heard.clear();
    for (const name of drawn) for (const listener of [...(this.#listeners.get(name) ?? [])]) listener();
    if (heard.length) this.#told(heard.map((name) => this.get(name)));
    if (this.#known.size > KEPT_MAX) this.#forget();
  }

  #forget() {
    for (const name of this.#known.keys()) if (!this.#listeners.has(name)) this.#known.delete(name);
  }
}

// A user of a list, or a presence, in the words of a change.
function toPresence(user) {
  return {
    username: user.username,
    presence_status: user.presence_status,
    text: user.text ?? null,
    emoji: user.emoji ?? null,
    last_active_at: user.last_active_at ?? null,
    last_seen_at: user.last_seen_at ?? null,
    changed_at: user.presence_changed_at ?? null,
    devices: user.devices ?? [],
  };
}
