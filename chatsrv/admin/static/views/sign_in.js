// The way in: a link made on the server, or a key.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { signInByKey } from "../lib/session.js";
import { useTitle } from "../lib/router.js";
import { Button, Code, Field, useAct } from "../lib/ui.js";

export function SignInView({ why, isCalm }) {
  const [key, setKey] = useState("");
  const { busy, problem, run } = useAct(signInByKey);
  const title = useRef(null);
  useTitle("Sign in");
  useEffect(() => {
    if (why) title.current.focus(); // somebody was thrown out in the middle of something: say where they are
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    const given = key.trim();
    setKey("");
    await run(given);
  };
  return html`<main class="plain sign-in">
    <p class="brand"><img src="/admin/icon.svg" alt="" width="28" height="28" /> chatsrv</p>
    <h1 ref=${title} tabindex="-1">Sign in</h1>
    ${why && html`<p class=${`state small ${isCalm ? "calm" : "problem"}`} role="alert">${why}</p>`}
    <section class="card" aria-labelledby="by-link">
      <h2 id="by-link">With a link</h2>
      <p>On the server, in the folder where it runs, run this and open the link that it prints. It works once.</p>
      <${Code} text="chatsrv dashboard" label="Command" />
      <p class="hint">Where chatsrv is installed in that folder alone, the command is <code>.venv/bin/chatsrv dashboard</code>.</p>
    </section>
    <section class="card" aria-labelledby="by-key">
      <h2 id="by-key">With a key</h2>
      <form onSubmit=${submit}>
        <${Field} label="Server key" hint="It needs the scope admin. You will see its app." type="password" value=${key} onInput=${setKey}
          problem=${problem?.message} autocomplete="off" autocapitalize="off" spellcheck=${false} maxlength="200" required />
        <${Button} kind="primary" type="submit" busy=${busy} disabled=${!key.trim()}>Sign in<//>
      </form>
    </section>
    <p class="hint">A user directory and presence server: apps ask it over REST and Socket.IO who their users are, and who
      of them is here right now. The <a href="/docs">API page</a> says how.</p>
  </main>`;
}
