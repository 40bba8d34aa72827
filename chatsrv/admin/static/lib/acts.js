// The audit trail in words: what was done, to whom, and by whom.
import { html } from "../vendor/htm-preact.js";
import { duration } from "./format.js";
import { Link, pathTo } from "./router.js";

// Each act: its name in lists, and how it is told of somebody. {what} stands for the subject.
export const ACTS = {
  app_created: ["App created", "The app was created"],
  app_changed: ["App changed", "A setting of the app was changed"],
  app_deleted: ["App deleted", "The app was deleted"],
  key_created: ["Key created", "The key {what} was created"],
  key_rotated: ["Key rotated", "The key {what} was made in the place of another"],
  key_revoked: ["Key revoked", "The key {what} was revoked"],
  user_deactivated: ["User deactivated", "{what} was deactivated"],
  user_reactivated: ["User reactivated", "{what} was reactivated"],
  user_renamed: ["User renamed", "{what} has another name"],
  user_discarded: ["User discarded", "{what} was discarded"],
  user_restored: ["User restored", "{what} was restored"],
  user_deleted: ["User deleted", "{what} was deleted"],
  user_invited: ["User invited", "{what} was invited"],
  invitation_revoked: ["Invitation revoked", "The invitation of {what} was revoked"],
  role_given: ["Role given", "{what} was given another role"],
  password_set: ["Password set", "A password was set for {what}"],
  token_minted: ["Token minted", "A token was minted for {what}"],
  tokens_revoked: ["Tokens revoked", "The tokens of {what} were revoked"],
  access_token_issued: ["Access token issued", "An access token was issued for {what}"],
  signed_out: ["Signed out", "{what} was signed out"],
  claim_set: ["Claim set", "The presence of {what} was set"],
  claims_cleared: ["Claims cleared", "What was claimed for {what} was cleared"],
  presence_explained: ["Presence explained", "Somebody looked into the presence of {what}"],
  sessions_listed: ["Sessions listed", "Somebody looked into the sessions of {what}"],
  webhook_created: ["Webhook created", "The webhook {what} was created"],
  webhook_changed: ["Webhook changed", "The webhook {what} was changed"],
  webhook_secret_rotated: ["Webhook secret rotated", "The webhook {what} has another secret"],
  webhook_replayed: ["Webhook replayed", "Events were sent once more to the webhook {what}"],
  webhook_disabled: ["Webhook disabled", "The webhook {what} was switched off"],
  webhook_deleted: ["Webhook deleted", "The webhook {what} was deleted"],
};

const NOT_OF_PEOPLE = /^(app|key|webhook)_/;

// A newer server may know more acts than this page.
export const actName = (action) => ACTS[action]?.[0] ?? action.replaceAll("_", " ");
export const actSentence = (action) => ACTS[action]?.[1] ?? `${actName(action)}: {what}`;

export const isOfPeople = (action) => !NOT_OF_PEOPLE.test(action);

const ACTOR_WORDS = { key: "key", user: "user", operator: "operator", cli: "command line", system: "the server itself" };

// "key backend", "operator", "command line (root)"
export function actorWords({ kind, id, name }) {
  const word = ACTOR_WORDS[kind] ?? kind;
  if (kind === "key" || kind === "user") return `${word} ${name || id}`;
  return kind === "cli" && id ? `${word} (${id})` : word;
}

// {user_id: 3, role: "admin", ttl_s: 60} -> [["role", "admin"], ["ttl", "1 min"]]: an id says nothing to people.
export function detailPairs(detail) {
  return Object.entries(detail ?? {})
    .filter(([name, value]) => name !== "user_id" && value !== null && value?.length !== 0)
    .map(([name, value]) => [name.replace(/_s$/, "").replaceAll("_", " "), words(name, value)]);
}

function words(name, value) {
  if (name.endsWith("_s") && typeof value === "number") return duration(value * 1000);
  return typeof value === "object" ? Object.values(value).join(", ") : String(value);
}

// What an act was done to, as people know it: a key by its name, a webhook by its host.
export const subjectName = ({ subject, detail }) => detail?.name || detail?.host || subject;

// The subject of an act: people lead to their page, what has a name shows it beside its id.
export function Subject({ app, entry }) {
  const { action, subject } = entry;
  if (!subject) return null;
  if (isOfPeople(action)) return html`<${Link} to=${pathTo(app, "people", subject)}><bdi>${subject}</bdi><//>`;
  const name = subjectName(entry);
  return html`<span class="when"><bdi>${name}</bdi>${name !== subject && html`<span class="faint mono">${subject}</span>`}</span>`;
}
