// What one presses, writes in and chooses from.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";

let ids = 0;
export function useId() {
  const id = useRef("");
  id.current ||= `id${++ids}`;
  return id.current;
}

// kind: "plain" | "primary" | "danger" | "quiet"; `busy` keeps its place and cannot be pressed twice.
export function Button({ kind = "plain", busy = false, disabled = false, type = "button", children, ...rest }) {
  return html`<button type=${type} class=${`button ${kind}`} disabled=${disabled || busy} aria-busy=${busy || undefined} ...${rest}>
    ${children}
  </button>`;
}

// A labelled input, or whatever `control(attributes)` gives; `problem` is what is wrong with it, `hint` what is meant.
export function Field({ label, hint, problem, control, onInput, value, multiline = false, ...rest }) {
  const id = useId();
  const about = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined;
  const given = { id, "aria-describedby": about, "aria-invalid": problem ? "true" : undefined };
  const input = { ...given, ...rest, value, onInput: (event) => onInput?.(event.currentTarget.value) };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control ? control(given) : multiline ? html`<textarea rows="4" ...${input}></textarea>` : html`<input ...${input} />`}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${problem && html`<p class="wrong" id=${`${id}-problem`}>${problem}</p>`}
  </div>`;
}

// options: [[value, word]]
export function Select({ label, options, value, onChange, hideLabel = false, ...rest }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id} class=${hideLabel ? "unseen" : undefined}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)} ...${rest}>
      ${options.map(([key, word]) => html`<option key=${key} value=${key} selected=${String(key) === String(value)}>${word}</option>`)}
    </select>
  </div>`;
}

// tabs: [[key, word]]; what belongs to the chosen one stands in children. Arrow keys move, as people expect of tabs.
export function Tabs({ label, tabs, value, onChange, children }) {
  const id = useId();
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex(([key]) => key === value);
    const next = tabs[(at + step + tabs.length) % tabs.length][0];
    onChange(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return html`<div class="tabs">
    <div role="tablist" aria-label=${label} onKeyDown=${move}>
      ${tabs.map(
        ([key, word]) => html`<button key=${key} type="button" role="tab" id=${`${id}-${key}`} aria-controls=${`${id}-panel`}
          aria-selected=${String(key === value)} tabindex=${key === value ? 0 : -1} onClick=${() => onChange(key)}>${word}</button>`,
      )}
    </div>
    <div role="tabpanel" id=${`${id}-panel`} aria-labelledby=${`${id}-${value}`} tabindex="0">${children}</div>
  </div>`;
}

// The clipboard is for pages that came over https or from this machine; elsewhere there is an older way.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  // inside an open dialog everything else cannot be selected
  const place = document.querySelector("dialog[open]") ?? document.body;
  place.append(area);
  area.select();
  const went = document.execCommand("copy");
  area.remove();
  if (!went) throw new Error("refused");
  return undefined;
}

export function Copy({ text, label = "Copy", ...rest }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), 3_000);
    return () => clearTimeout(timer);
  }, [said]);
  // said in the button itself: an open dialog hides whatever else could say it
  const act = () => copy(text).then(() => setSaid("Copied"), () => setSaid("Not allowed: select and copy it"));
  return html`<${Button} onClick=${act} ...${rest}><span role="status">${said || label}</span><//>`;
}

// A secret or a snippet, whole, with its copy button. `label` says what it is.
export function Code({ text, label, wrap = false }) {
  return html`<figure class="code">
    <figcaption>${label}<${Copy} text=${text} aria-label=${`Copy: ${label}`} kind="quiet" /></figcaption>
    <pre class=${wrap ? "wrap" : undefined} tabindex="0" role="region" aria-label=${label}><code>${text}</code></pre>
  </figure>`;
}
