// What webhooks are told of, and how one stands.
export const EVENTS = [
  ["user.created", "Somebody was created"],
  ["user.updated", "Fields of somebody changed"],
  ["user.deactivated", "Somebody was deactivated"],
  ["user.reactivated", "Somebody is active again"],
  ["user.deleted", "Somebody was deleted"],
  ["user.restored", "Somebody discarded came back"],
  ["presence.changed", "Others see somebody otherwise than before"],
  ["session.opened", "A client connected"],
  ["session.closed", "A client left"],
];

export const eventsWords = (events) => (events.length ? events.join(", ") : "everything");

// [word, kind of mark]
export function stateOf(webhook) {
  if (!webhook.active) return webhook.disabled_reason ? ["Switched off", "bad"] : ["Paused", "warn"];
  if (webhook.failing_since) return ["Failing", "bad"];
  return webhook.last_delivery_at ? ["Working", "good"] : ["Waiting", ""];
}

export const DELIVERY_WORDS = {
  pending: ["Pending", "info"],
  retrying: ["Retrying", "warn"],
  delivered: ["Delivered", "good"],
  failed: ["Failed", "bad"],
};
