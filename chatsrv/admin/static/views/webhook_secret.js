// The secret with which a webhook's requests are signed: the only time that it is seen.
import { html } from "../vendor/htm-preact.js";
import { Button, Code, Dialog } from "../lib/ui.js";

export function Secret({ secret, onClose, children }) {
  return html`<${Dialog} title="The secret of this webhook" onClose=${onClose} wide once>
    <p><b>It is shown this once.</b> With it your backend verifies that a request comes from here: see <i>Webhooks</i> on the page Connect.</p>
    <${Code} text=${secret} label="Signing secret" wrap />
    ${children}
    <footer><${Button} kind="primary" onClick=${onClose}>Done<//></footer>
  <//>`;
}
