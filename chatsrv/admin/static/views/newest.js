// The newest of what happens, at a glance.
import { html } from "../vendor/htm-preact.js";
import { feedOf } from "../lib/feed.js";
import { Link, pathTo } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Empty } from "../lib/ui.js";
import { FeedLine } from "./feed_line.js";

const SHOWN = 8;

export function Newest({ app }) {
  const lines = useStore(feedOf(app).lines);
  return html`<section class="card" aria-labelledby="newest">
    <header>
      <h2 id="newest">Newest</h2>
      <${Link} to=${pathTo(app, "events")}>All events<//>
    </header>
    ${lines.length
      ? html`<ul class="feed short" data-test="newest">${lines.slice(0, SHOWN).map((line) => html`<${FeedLine} key=${line.id} line=${line} app=${app} />`)}</ul>`
      : html`<${Empty} title="Nothing has happened yet">Whoever comes, goes or changes shows here at once.<//>`}
  </section>`;
}
