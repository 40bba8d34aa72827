// The choice between light, dark, and whatever the system says; /admin/theme.js acts on it.
import { useWatched } from "./store.js";

const KEY = "chatsrv.scheme";

function subscribe(listener) {
  addEventListener("chatsrv:scheme", listener);
  return () => removeEventListener("chatsrv:scheme", listener);
}

// "light" or "dark", as it is shown now.
export const useScheme = () => useWatched(subscribe, () => document.documentElement.dataset.scheme, []);

export function chooseScheme(scheme) {
  try {
    localStorage.setItem(KEY, scheme);
  } catch {
    // nothing is kept here; it lasts as long as the page
    document.documentElement.dataset.scheme = scheme;
    return;
  }
  dispatchEvent(new Event("chatsrv:scheme-chosen"));
}
