// Light or dark, decided before anything is painted: that is why this is no module. It stands in <html data-scheme>.
"use strict";
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const decide = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("chatsrv.scheme");
    } catch {
      // no storage for us here: the system decides
    }
    const scheme = chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
    document.documentElement.dataset.scheme = scheme;
    dispatchEvent(new CustomEvent("chatsrv:scheme", { detail: scheme }));
  };
  system.addEventListener("change", decide);
  addEventListener("storage", decide);
  addEventListener("chatsrv:scheme-chosen", decide);
  decide();
}
