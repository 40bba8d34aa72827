// How something stands: a person's presence, an instant, a list, and what is shown while there is nothing to show.
import { html } from "../vendor/htm-preact.js";
import { serverNow } from "./api.js";
import { Button } from "./controls.js";
import { ago, exactly, instant, number, presenceWord, PRESENCE_KEYS } from "./format.js";
import { createStore, useWatched } from "./store.js";

// The shapes differ too: nobody has to tell red from green.
const SHAPES = {
  online: html`<circle cx="6" cy="6" r="5" class="fill" />`,
  away: html`<path d="M6 1a5 5 0 1 0 5 5 4 4 0 0 1-5-5z" class="fill" />`,
  dnd: html`<circle cx="6" cy="6" r="5" class="fill" /><path d="M3.2 6h5.6" class="bar" />`,
  invisible: html`<circle cx="6" cy="6" r="4.2" class="dashed" />`,
  offline: html`<circle cx="6" cy="6" r="4.2" class="ring" />`,
};

// A presence dot with its word for screen readers; `silent` where the word stands beside it.
export function Dot({ status, silent = false }) {
  const key = PRESENCE_KEYS[status] ?? "offline";
  return html`<span class="dot-box">
    <svg class=${`dot ${key}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">${SHAPES[key]}</svg>
    ${!silent && html`<span class="unseen">${presenceWord(status)}</span>`}
  </span>`;
}

// Dot, word, and what somebody says of themselves.
export function Status({ status, text, emoji }) {
  return html`<span class="status">
    <${Dot} status=${status} silent />
    <span class="status-word">${presenceWord(status)}</span>
    ${(emoji || text) && html`<span class="status-text">${emoji && html`<span class="emoji">${emoji}</span> `}<bdi>${text}</bdi></span>`}
  </span>`;
}

// One clock for all: the second that it is.
const seconds = createStore(0);
setInterval(() => document.hidden || seconds.set(Date.now()), 1_000);

// What `read(now)` says, drawn anew only when it says something else.
export const useClock = (read, inputs = []) => useWatched(seconds.subscribe, () => read(serverNow()), inputs);

// "5 min ago", ticking, with the exact instant for whoever points at it; `none` where there is no instant.
export function Time({ at, none = "–" }) {
  const text = useClock((now) => (at ? ago(at, now) : none), [at]);
  if (!at) return html`<span class="faint">${none}</span>`;
  return html`<time datetime=${at} title=${instant(at)}>${text}</time>`;
}

export function Empty({ title, children }) {
  return html`<div class="state empty">
    <p class="state-title">${title}</p>
    ${children && html`<div>${children}</div>`}
  </div>`;
}

// Grey lines where something is about to be.
export function Loading({ label = "Loading", lines = 4 }) {
  return html`<div class="state loading" role="status" aria-busy="true">
    <span class="unseen">${label}</span>
    ${Array.from({ length: lines }, (_, index) => html`<div key=${index} class="bone" aria-hidden="true"></div>`)}
  </div>`;
}

const HINTS = {
  0: "The server may be starting anew, or the connection is lost.",
  403: "The key you signed in with may not do this.",
  429: "Too many requests at once.",
  503: "One of its stores is away. What is shown may be old.",
};

const PASSING = new Set([0, 503]); // the badge at the top tells of it, too

// What went wrong, in the server's words, and another try. `small` where something older is still shown: of what passes
// by itself it is enough then to say how old that is.
export function Problem({ problem, again, small = false, title }) {
  if (!problem) return null;
  if (small && problem.since && PASSING.has(problem.status)) {
    return html`<p class="hint not-renewed" role="status">Not renewed since ${exactly(problem.since)}: ${problem.message}</p>`;
  }
  const hint = HINTS[problem.status];
  return html`<div class=${`state problem ${small ? "small" : ""}`} role="alert">
    <p class="state-title">${title ?? "That did not work"}</p>
    <p>${problem.message}${hint && html` <span class="hint">${hint}</span>`}</p>
    ${again && html`<${Button} onClick=${() => again()}>Try again<//>`}
  </div>`;
}

// columns: [{key, name, number?, sort?, cell(row)}]; `sort` is "key" or "-key", of the columns that have a `sort` word.
// On a phone each row is a card. Roles are spelled out, for browsers that forget a table which is drawn as cards.
export function Table({ label, columns, rows, keyOf, rowProps, Row, sort, onSort }) {
  return html`<div class="table-box" role="group" aria-label=${label} tabindex="0">
    <table role="table" aria-label=${label}>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map((column) => html`<${Head} key=${column.key} column=${column} sort=${sort} onSort=${onSort} />`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map((row) => html`<${Row ?? PlainRow} key=${keyOf(row)} row=${row} columns=${columns} ...${rowProps} />`)}
      </tbody>
    </table>
  </div>`;
}

function Head({ column, sort, onSort }) {
  const shape = column.number ? "number" : undefined;
  if (!column.sort || !onSort) return html`<th role="columnheader" scope="col" class=${shape}>${column.name}</th>`;
  const way = sort === column.sort ? "ascending" : sort === `-${column.sort}` ? "descending" : undefined;
  const next = way === "ascending" ? `-${column.sort}` : column.sort;
  return html`<th role="columnheader" scope="col" class=${shape} aria-sort=${way}>
    <button type="button" class="sorter" onClick=${() => onSort(next)}>
      ${column.name}<span aria-hidden="true">${way === "ascending" ? " ▲" : way === "descending" ? " ▼" : ""}</span>
    </button>
  </th>`;
}

// The first cell names the row.
export function PlainRow({ row, columns }) {
  return html`<tr role="row">
    ${columns.map((column, index) => {
      const given = { key: column.key, class: column.number ? "number" : undefined, "data-label": column.name };
      return index
        ? html`<td role="cell" ...${given}>${column.cell(row)}</td>`
        : html`<th role="rowheader" scope="row" ...${given}>${column.cell(row)}</th>`;
    })}
  </tr>`;
}

// Where one is in a list, and the ways on; a way that is not given cannot be gone.
export function Pager({ from, to, total, onPrevious, onNext, label = "Pages" }) {
  const words = total ? `${from && to ? `${number(from)}–${number(to)} of ` : ""}${number(total)}` : "";
  return html`<nav class="pager" aria-label=${label}>
    <${Button} disabled=${!onPrevious} onClick=${onPrevious}>Previous<//>
    <span>${words}</span>
    <${Button} disabled=${!onNext} onClick=${onNext}>Next<//>
  </nav>`;
}
