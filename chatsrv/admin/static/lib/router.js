// Where one is: the address' hash, as in #/apps/demo/people/anna?role=eq:admin
import { html, useEffect } from "../vendor/htm-preact.js";
import { createStore, useStore } from "./store.js";

function parse(hash) {
  const [path, search = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map(decode);
  const [first = "", app = null, view = null, ...params] = parts;
  return { path: path || "/", first, app, view, params, query: new URLSearchParams(search) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody typed a bare %
  }
}

const route = createStore(parse(location.hash));
addEventListener("hashchange", () => route.set(parse(location.hash)));

// {path, first, app, view, params, query}: of #/apps/demo/people/anna these are apps, demo, people, ["anna"].
export const useRoute = () => useStore(route);
export const readRoute = () => parse(location.hash);

export function go(path) {
  location.hash = path;
}

// The same without a step in the history: for filters and the like.
export function replace(path) {
  history.replaceState(null, "", `#${path}`);
  route.set(parse(location.hash));
}

// Names may hold any character: pathTo("demo", "people", "a/b") is /apps/demo/people/a%2Fb.
export const pathTo = (...parts) => `/apps/${parts.map(encodeURIComponent).join("/")}`;

export function Link({ to, children, current, ...rest }) {
  return html`<a href=${`#${to}`} aria-current=${current ? "page" : undefined} ...${rest}>${children}</a>`;
}

// What the window is called, and so what a screen reader says first.
export function useTitle(...parts) {
  const title = [...parts.filter(Boolean), "chatsrv"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}
