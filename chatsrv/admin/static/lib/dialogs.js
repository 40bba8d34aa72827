// What stands above the page: dialogs, and words that go by themselves.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { createStore, useStore } from "./store.js";

// The browser's own dialog: it keeps the focus inside, closes with Esc, and gives the focus back where it was.
// `onClose` is asked when somebody wants to leave; it stands as long as its parent draws it. `once`: what it shows is
// shown this once, and Esc, so easily hit, does not take it away.
export function Dialog({ title, onClose, children, wide = false, once = false }) {
  const [asked, setAsked] = useState(false);
  const dialog = useRef(null);
  const before = useRef(document.activeElement);
  useEffect(() => {
    const box = dialog.current;
    box.showModal();
    // where one begins to write, and not at the button that closes
    box.querySelector(".dialog-body :is(input, select, textarea)")?.focus();
    return () => {
      box.close();
      before.current?.focus?.();
    };
  }, []);
  const leave = (event) => {
    event.preventDefault();
    onClose();
  };
  const stay = (event) => {
    event.preventDefault();
    setAsked(true);
  };
  // some browsers close it without asking, where two dialogs stood or Esc comes twice
  const closed = ({ currentTarget: box }) => {
    if (!box.isConnected) return;
    if (!once) return onClose();
    box.showModal();
    setAsked(true);
  };
  const guard = { onClose: closed, ...(once ? { onCancel: stay, onKeyDown: (event) => event.key === "Escape" && stay(event) } : { onCancel: leave }) };
  return html`<dialog ref=${dialog} class=${wide ? "wide" : undefined} aria-labelledby="dialog-title" ...${guard}>
    <header>
      <h2 id="dialog-title">${title}</h2>
      <button type="button" class="button quiet icon" aria-label="Close" onClick=${leave}>✕</button>
    </header>
    <div class="dialog-body">${children}
      ${asked && html`<p class="state note small" role="alert">What stands here is not shown again. Copy it, then press Done.</p>`}
    </div>
  </dialog>`;
}

// A dialog that is a form: `onSubmit` does it, and answers whether it went well; then it closes.
export function FormDialog({ title, onClose, onSubmit, action, kind = "primary", busy, problem, disabled, children, wide }) {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (busy || disabled) return;
    if (await onSubmit()) onClose();
    // what is wrong may stand above what is seen; it is drawn with the next frame
    else requestAnimationFrame(() => form.querySelector('[aria-invalid="true"]')?.focus());
  };
  return html`<${Dialog} title=${title} onClose=${onClose} wide=${wide}>
    <form onSubmit=${submit} novalidate>
      ${children}
      ${problem && html`<p class="wrong" role="alert">${problem}</p>`}
      <footer>
        <button type="button" class="button plain" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${`button ${kind}`} disabled=${busy || disabled} aria-busy=${busy || undefined}>${action}</button>
      </footer>
    </form>
  <//>`;
}

// For what cannot be taken back: done once the name has been typed. `onConfirm` may throw; its words are shown.
export function ConfirmByName({ title, name, action, onConfirm, onClose, children }) {
  const [typed, setTyped] = useState("");
  const [state, setState] = useState({ busy: false, problem: "" });
  const act = async () => {
    setState({ busy: true, problem: "" });
    try {
      await onConfirm();
      return true;
    } catch (problem) {
      setState({ busy: false, problem: problem.message });
      return false;
    }
  };
  const rest = { onClose, onSubmit: act, action, kind: "danger", busy: state.busy, problem: state.problem };
  return html`<${FormDialog} title=${title} disabled=${typed !== name} ...${rest}>
    ${children}
    <div class="field">
      <label for="confirm-name">Type <bdi class="name">${name}</bdi> to confirm</label>
      <input id="confirm-name" autocomplete="off" autocapitalize="off" spellcheck=${false} value=${typed}
        onInput=${(event) => setTyped(event.currentTarget.value)} />
    </div>
  <//>`;
}

const words = createStore([]);
let turn = 0;

// A word in the corner, said once by screen readers too. kind: "done" | "problem"
export function toast(text, kind = "done") {
  const word = { text, kind, id: ++turn };
  words.set([...words.get().slice(-2), word]);
  setTimeout(() => words.set(words.get().filter((one) => one !== word)), kind === "problem" ? 10_000 : 4_000);
}

export const useToast = () => toast;

// Stands once in the page, always: readers do not hear regions that come with their words.
export function Toasts() {
  const shown = useStore(words);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map((word) => html`<p key=${word.id} class=${`toast ${word.kind}`}>${word.text}</p>`)}
  </div>`;
}
