// What to paste, filled with this server's address, an app and a key. Nothing in a command is a comment: some shells do
// not know them when they are pasted.

// site: {url, app, key}. Each group: {key, name, blocks: [{label, text, note?}]}
export const groupsOf = (site) => [
  { key: "curl", name: "curl", blocks: curl(site) },
  { key: "node", name: "Node", blocks: node(site) },
  { key: "python", name: "Python", blocks: python(site) },
  { key: "browser", name: "Browser", blocks: browser(site) },
  { key: "tokens-node", name: "Tokens from Node", blocks: tokensFromNode(site) },
  { key: "tokens-python", name: "Tokens from Python", blocks: tokensFromPython(site) },
  { key: "webhooks", name: "Webhooks", blocks: webhooks(site) },
];

const people = ({ url, app }) => `${url}/v1/${app}/users`;
const auth = ({ key }) => `-H 'X-Api-Key: ${key}'`;

function curl(site) {
  return [
    {
      label: "Create somebody",
      note: "409 says that she is there already.",
      text: `curl -s ${auth(site)} -H 'Content-Type: application/json' -d '{"username": "anna", "first_name": "Anna"}' ${people(site)}`,
    },
    { label: "Everybody, with presence", text: `curl -s ${auth(site)} '${people(site)}?presence=true'` },
    {
      label: "Who is online or away, the latest login first",
      text: `curl -s ${auth(site)} '${people(site)}?presence=true&filter=presence_status:in:1;3&sort=-last_login_at'`,
    },
    { label: "How many are here", text: `curl -s ${auth(site)} ${site.url}/v1/${site.app}/presence/counts` },
  ];
}

// The command reads the token out of {"token":"...","expires_at":"..."}
const takeToken = (site) => ({
  label: "A token for Anna",
  note: "Once she is there: see curl. Your backend gives clients theirs, see Tokens.",
  text: `export TOKEN=$(curl -s -X POST ${auth(site)} ${people(site)}/anna/tokens | cut -d'"' -f4)`,
});

function node(site) {
  return [
    takeToken(site),
    { label: "Install", text: "npm install socket.io-client" },
    {
      label: "client.mjs: be Anna, and see who comes and goes",
      text: `import { io } from "socket.io-client";

const socket = io("${site.url}", { auth: { token: process.env.TOKEN, device: "desktop" } });
socket.on("connect_error", (error) => console.log("refused:", error.message, error.data ?? ""));
socket.on("hello", async (hello) => {
  console.log("here I am:", hello.user);
  const answer = await socket.emitWithAck("presence:subscribe", { usernames: ["anna", "ben"] });
  console.log("now:", answer.users.map((user) => [user.username, user.presence_status]));
});
socket.on("presence:diff", ({ changes }) => {
  for (const { username, presence_status } of changes) console.log(username, "is", presence_status);
});`,
    },
    { label: "Run it", text: "node client.mjs" },
  ];
}

function python(site) {
  return [
    takeToken(site),
    { label: "Install", text: 'pip install "python-socketio[asyncio_client]"' },
    {
      label: "client.py: be Anna, and see who comes and goes",
      text: `import asyncio
import os

import socketio

socket = socketio.AsyncClient()


@socket.event
async def hello(data):
    print("here I am:", data["user"])
    answer = await socket.call("presence:subscribe", {"usernames": ["anna", "ben"]})
    print("now:", {user["username"]: user["presence_status"] for user in answer["users"]})


@socket.on("presence:diff")
async def note(frame):
    for change in frame["changes"]:
        print(change["username"], "is", change["presence_status"])


async def main():
    auth = {"token": os.environ["TOKEN"], "device": "desktop"}
    await socket.connect("${site.url}", auth=auth, transports=["websocket"])
    await socket.wait()


asyncio.run(main())`,
    },
    { label: "Run it", text: "python client.py" },
  ];
}

function browser(site) {
  return [
    {
      label: "Let pages of your site in",
      note: "On the server; with the address of your own page. Pages of this server need nothing.",
      text: `chatsrv app set ${site.app} allowed_origins=http://localhost:3000`,
    },
    { label: "Install", text: "npm install socket.io-client" },
    {
      label: "In your page's script",
      note: "/chat-token is a route of your own backend: it answers with a token for whoever is signed in there. No server key belongs into a page.",
      text: `import { io } from "socket.io-client";

const fetchToken = async () => (await fetch("/chat-token")).text();

const socket = io("${site.url}", {
  auth: async (give) => give({ token: await fetchToken(), device: "web", background: document.hidden }),
});
socket.on("token:expiring", async () => socket.emit("auth:refresh", { token: await fetchToken() }));
socket.on("hello", async () => {
  const { users } = await socket.emitWithAck("presence:subscribe", { usernames: ["anna", "ben"] });
  for (const user of users) show(user);
});
socket.on("presence:diff", ({ changes }) => changes.forEach(show));
document.addEventListener("visibilitychange", () => {
  socket.emit("presence:activity", { active: !document.hidden, background: document.hidden });
});

function show({ username, presence_status }) {
  console.log(username, ["offline", "online", "invisible", "away", "do not disturb"][presence_status]);
}`,
    },
  ];
}

const SECRET_NOTE = "The secret is shown when an app is made; chatsrv app rotate-secret shows a new one.";

function tokensFromNode(site) {
  return [
    {
      label: "tokens.mjs: ask the server for a token",
      text: `const KEY = process.env.CHATSRV_KEY ?? "${site.key}";

export async function tokenFor(username) {
  const url = "${people(site)}/" + encodeURIComponent(username) + "/tokens";
  const answer = await fetch(url, { method: "POST", headers: { "X-Api-Key": KEY } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  return body.token;
}

console.log(await tokenFor("anna"));`,
    },
    { label: "Or sign it yourself", text: "npm install jsonwebtoken" },
    {
      label: "sign.mjs: with the app's secret, and without asking anybody",
      note: SECRET_NOTE,
      text: `import jwt from "jsonwebtoken";

export function tokenFor(username) {
  return jwt.sign({ aid: "${site.app}" }, process.env.CHATSRV_JWT_SECRET, { algorithm: "HS256", subject: username, expiresIn: "1h" });
}

console.log(tokenFor("anna"));`,
    },
  ];
}

function tokensFromPython(site) {
  return [
    {
      label: "tokens.py: ask the server for a token",
      text: `import json
import os
from urllib.parse import quote
from urllib.request import Request, urlopen

KEY = os.environ.get("CHATSRV_KEY", "${site.key}")


def token_for(username):
    url = f"${people(site)}/{quote(username, safe='')}/tokens"
    with urlopen(Request(url, method="POST", headers={"X-Api-Key": KEY})) as answer:
        return json.load(answer)["token"]


print(token_for("anna"))`,
    },
    { label: "Or sign it yourself", text: "pip install pyjwt" },
    {
      label: "sign.py: with the app's secret, and without asking anybody",
      note: SECRET_NOTE,
      text: `import os
import time

import jwt


def token_for(username):
    claims = {"sub": username, "aid": "${site.app}", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, os.environ["CHATSRV_JWT_SECRET"], algorithm="HS256")


print(token_for("anna"))`,
    },
  ];
}

function webhooks() {
  const note = "The secret (whsec_...) is shown when the webhook is made, on the page Webhooks.";
  return [
    { label: "Node: install", text: "npm install standardwebhooks" },
    {
      label: "receive.mjs: verify what comes",
      note,
      text: `import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

createServer(async (request, response) => {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  try {
    const event = webhook.verify(body, request.headers);
    console.log(event.seq, event.type, event.data);
    response.writeHead(204).end();
  } catch (problem) {
    console.log("refused:", problem.message);
    response.writeHead(401).end();
  }
}).listen(3000);`,
    },
    { label: "Python: install", text: "pip install standardwebhooks" },
    {
      label: "receive.py: verify what comes",
      note,
      text: `import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook

webhook = Webhook(os.environ["WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = webhook.verify(body, dict(self.headers))
            print(event["seq"], event["type"], event["data"])
            self.send_response(204)
        except Exception as problem:
            print("refused:", problem)
            self.send_response(401)
        self.end_headers()


HTTPServer(("127.0.0.1", 3000), Receiver).serve_forever()`,
    },
  ];
}
