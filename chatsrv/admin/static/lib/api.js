// What the page asks of its server: /admin/... with the session's cookie, and /v1/{app}/... with an operator token,
// which lives in this module's memory alone.

export class ApiError extends Error {
  constructor(status, body, retryAfterS) {
    super(body.message || `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status; // 0: there was no answer
    this.code = body.code ?? 0;
    this.type = body.type ?? "";
    this.errors = body.errors ?? [];
    this.retryAfterS = retryAfterS;
  }

  // What stands at one field, if anything.
  about(field) {
    return this.errors.find((problem) => problem.field === field)?.message ?? "";
  }
}

const listeners = { over: new Set(), stale: new Set(), back: new Set() };
const tell = (kind, ...what) => listeners[kind].forEach((listener) => listener(...what));
const listen = (kind) => (listener) => {
  listeners[kind].add(listener);
  return () => listeners[kind].delete(listener);
};
// The session has ended: listener().
export const onSessionOver = listen("over");
// An answer about presence said how old it is: listener(app, seconds | null, when it was asked for (performance.now())).
export const onStaleness = listen("stale");
// The server answers again, and so does presence: what could not be had may be asked for anew. listener().
export const onBack = listen("back");
export const tellBack = () => tell("back");

async function send(method, path, body, token) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    return await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: token ? "default" : "no-store",
      redirect: "error",
    });
  } catch {
    throw new ApiError(0, { type: "Unreachable", message: "The server does not answer." });
  }
}

async function read(answer) {
  const text = await answer.text().catch(() => "");
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // an answer of something in between, such as a proxy
  }
  if (answer.ok) return value;
  const isObject = value !== null && typeof value === "object";
  throw new ApiError(answer.status, isObject ? value : {}, Number(answer.headers.get("Retry-After")) || null);
}

// Instants are the server's; this machine's clock may be minutes off. What a cache may have kept tells no time, these
// answers do.
let ahead = 0;
export const serverNow = () => Date.now() + ahead;

function noteClock(answer) {
  const off = Date.parse(answer.headers.get("Date")) - Date.now();
  if (Number.isFinite(off)) ahead = Math.abs(off) > 2_000 ? off : 0;
}

async function askAdmin(method, path, body) {
  const askedAt = performance.now();
  try {
    const answer = await send(method, `/admin/${path}`, body);
    noteClock(answer);
    return await read(answer);
  } catch (problem) {
    // signing in has refusals of its own
    if (problem.status === 401 && !(method === "POST" && path === "session")) tell("over");
    const [, app] = path.match(/^apps\/([^/?]+)\//) ?? [];
    if (app) noteTrouble(decodeURIComponent(app), problem, askedAt);
    throw problem;
  }
}

export const admin = {
  get: (path, params) => askAdmin("GET", path + query(params)),
  post: (path, body) => askAdmin("POST", path, body ?? {}),
  del: (path) => askAdmin("DELETE", path),
};

const tokens = new Map();

// The operator token of an app, a promise. `renew`: the one that is known has been refused.
export function accessToken(app, renew = false) {
  const known = tokens.get(app);
  if (known && !renew) return known;
  const asked = admin.post(`apps/${encodeURIComponent(app)}/access`).then((answer) => answer.token);
  tokens.set(app, asked);
  asked.catch(() => tokens.get(app) === asked && tokens.delete(app));
  return asked;
}

export const forgetTokens = () => tokens.clear();

// {a: 1, b: undefined, c: ["x", "y"]} -> ?a=1&c=x&c=y
function query(params) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) pairs.append(name, one);
    }
  }
  const text = pairs.toString();
  return text && `?${text}`;
}

async function ask(app, method, path, body) {
  const address = `/v1/${encodeURIComponent(app)}/${path}`;
  const token = await accessToken(app);
  const askedAt = performance.now();
  let answer = await send(method, address, body, token);
  if (answer.status === 401) answer = await send(method, address, body, await accessToken(app, true));
  if (answer.status === 401) tell("over");
  noteStaleness(app, path, answer, askedAt);
  try {
    return await read(answer);
  } catch (problem) {
    noteTrouble(app, problem, askedAt);
    throw problem;
  }
}

function noteStaleness(app, path, answer, askedAt) {
  const stale = answer.headers.get("Presence-Stale");
  if (stale !== null) tell("stale", app, Number(stale), askedAt);
  else if (answer.ok && path.startsWith("presence/counts")) tell("stale", app, null, askedAt);
}

// Any refusal may be the first to tell that presence is away; the database has a name of its own.
function noteTrouble(app, problem, askedAt) {
  if (problem.status === 503 && problem.message.includes("presence store")) tell("stale", app, 0, askedAt);
}

const known = new Map();

// {get(path, params), post(path, body), put, patch, del(path)}: paths are below /v1/{app}/, names in them encoded.
export function api(app) {
  if (!known.has(app)) {
    known.set(app, {
      get: (path, params) => ask(app, "GET", path + query(params)),
      post: (path, body) => ask(app, "POST", path, body ?? {}),
      put: (path, body) => ask(app, "PUT", path, body ?? {}),
      patch: (path, body) => ask(app, "PATCH", path, body ?? {}),
      del: (path) => ask(app, "DELETE", path),
    });
  }
  return known.get(app);
}
