// The audit trail: who did what to whom. Nobody can take an entry back here.
import { html, useState } from "../vendor/htm-preact.js";
import { actName, ACTS, actorWords, detailPairs, Subject } from "../lib/acts.js";
import { admin } from "../lib/api.js";
import { instant } from "../lib/format.js";
import { useTitle } from "../lib/router.js";
import { Button, Empty, Field, Loading, Problem, Select, Table, Time, useAsked } from "../lib/ui.js";

const PAGE = 50;
const NONE = { action: "", subject: "" };
const ACTIONS = [["", "Any act"], ...Object.entries(ACTS).map(([key, [name]]) => [key, name])];

export function AuditView({ app }) {
  const [wanted, setWanted] = useState(NONE);
  const [typed, setTyped] = useState("");
  const [ends, setEnds] = useState([]); // where each page before this one ended
  useTitle("Audit", app);
  const before = ends.at(-1);
  const asked = useAsked(() => ask(app, wanted, before), [app, wanted, before]);
  const choose = (change) => {
    setWanted({ ...wanted, ...change });
    setEnds([]);
  };
  const submit = (event) => {
    event.preventDefault();
    choose({ subject: typed.trim() });
  };
  const entries = asked.value?.entries;
  const isChosen = wanted.action || wanted.subject;
  return html`<div><div class="view-head"><h1>Audit</h1><${Button} onClick=${asked.again} busy=${asked.loading}>Refresh<//></div>
    <form class="sieve" role="search" aria-label="Audit trail" onSubmit=${submit}>
      <${Field} label="Done to (username, or id of a key)" type="search" value=${typed} onInput=${setTyped}
        autocomplete="off" autocapitalize="off" spellcheck=${false} />
      <${Button} type="submit">Find<//>
      <${Select} label="Act" options=${ACTIONS} value=${wanted.action} onChange=${(action) => choose({ action })} />
    </form>
    <${Problem} problem=${asked.problem} again=${asked.again} small=${Boolean(entries)} />
    ${!entries && !asked.problem && html`<${Loading} label="Loading the audit trail" />`}
    ${entries && (entries.length
      ? html`<div class="roomy"><${Table} label="Audit trail" columns=${columnsOf(app)} rows=${entries} keyOf=${(entry) => entry.id} /></div>`
      : html`<${None} isChosen=${isChosen} isOlder=${ends.length > 0} />`)}
    ${entries && html`<${Ways} ends=${ends} entries=${entries} set=${setEnds} />`}</div>`;
}

async function ask(app, { action, subject }, before) {
  const params = { limit: PAGE, before, action: action || undefined, subject: subject || undefined };
  return admin.get(`apps/${encodeURIComponent(app)}/audit`, params);
}

function Ways({ ends, entries, set }) {
  const hasMore = entries.length === PAGE;
  if (!ends.length && !hasMore) return null;
  return html`<nav class="pager" aria-label="Pages">
    <${Button} disabled=${!ends.length} onClick=${() => set(ends.slice(0, -1))}>Newer<//>
    <${Button} disabled=${!hasMore} onClick=${() => set([...ends, entries.at(-1).id])}>Older<//>
  </nav>`;
}

function None({ isChosen, isOlder }) {
  if (isChosen) return html`<${Empty} title="No such entry">Nothing of that kind was done, or longer ago than entries are kept.<//>`;
  if (isOlder) return html`<${Empty} title="That was all" />`;
  return html`<${Empty} title="Nothing has been done yet">Keys made and revoked, people deactivated or deleted, presence set by others: all of it is told here.<//>`;
}

const columnsOf = (app) => [
  { key: "at", name: "When", cell: (entry) => html`<${When} at=${entry.created_at} />` },
  { key: "action", name: "Act", cell: (entry) => html`<span title=${entry.action}>${actName(entry.action)}</span>` },
  { key: "subject", name: "Done to", cell: (entry) => html`<${Subject} app=${app} entry=${entry} />` },
  { key: "actor", name: "By", cell: (entry) => html`<${By} entry=${entry} />` },
  { key: "detail", name: "Detail", cell: (entry) => html`<${Detail} detail=${entry.detail} />` },
];

function When({ at }) {
  return html`<span class="when"><${Time} at=${at} /><span class="faint">${instant(at)}</span></span>`;
}

function By({ entry: { actor, address } }) {
  return html`<span class="when"><bdi>${actorWords(actor)}</bdi>${address && html`<span class="faint">${address}</span>`}</span>`;
}

function Detail({ detail }) {
  const pairs = detailPairs(detail);
  if (!pairs.length) return html`<span class="faint">–</span>`;
  return html`<span class="pieces">${pairs.map(([name, value]) => html`<span key=${name} class="piece">${name}: <bdi>${value}</bdi></span>`)}</span>`;
}
