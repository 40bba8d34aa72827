// A key that has just been made: the only time that it is seen.
import { html } from "../vendor/htm-preact.js";
import { Button, Code, Dialog } from "../lib/ui.js";

// `old`: the one in whose place it was made, if any.
export function MadeKey({ made, old, onClose }) {
  return html`<${Dialog} title="Your new key" onClose=${onClose} wide once>
    <p><b>It is shown this once.</b> Keep it where your backend finds it, and nowhere else. If it is lost, make another.</p>
    <${Code} text=${made.key} label="Server key" wrap />
    ${old && html`<p class="state note">
      The old key <bdi class="name">${old.name || old.id}</bdi> (<span class="mono">${old.id}</span>) lives on until you revoke it.
    </p>`}
    <footer><${Button} kind="primary" onClick=${onClose}>Done<//></footer>
  <//>`;
}
