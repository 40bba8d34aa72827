// What a server key may do, in words.
export const SCOPES = [
  ["users:read", "Read people and channels"],
  ["users:write", "Create, change and delete people"],
  ["presence:read", "See who is here, in truth"],
  ["presence:write", "Set and clear what somebody shows"],
  ["sessions:write", "Mint tokens, sign people out"],
  ["servers:read", "Read servers (panel dialect)"],
  ["servers:write", "Change servers (panel dialect)"],
  ["admin", "This page, webhooks, and whatever else manages the app"],
];
