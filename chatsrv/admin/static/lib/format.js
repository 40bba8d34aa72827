// Words for numbers, durations, instants and states. Everything here is pure: the present moment is an argument.

export const OFFLINE = 0;
export const ONLINE = 1;
export const INVISIBLE = 2;
export const AWAY = 3;
export const DND = 4;

export const PRESENCE_WORDS = { 0: "Offline", 1: "Online", 2: "Invisible", 3: "Away", 4: "Do not disturb" };
export const PRESENCE_KEYS = { 0: "offline", 1: "online", 2: "invisible", 3: "away", 4: "dnd" };
export const ACCOUNT_WORDS = { 0: "Active", 1: "Inactive", 2: "Deleted" };
export const SOURCE_WORDS = { call: "Call", manual: "By hand", calendar: "Calendar", external: "External" };

export const presenceWord = (status) => PRESENCE_WORDS[status] ?? "Unknown";

const NUMBERS = new Intl.NumberFormat();
export const number = (value) => (value === null || value === undefined ? "–" : NUMBERS.format(value));

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

// Two units at most: 3 d 4 h, 12 min 5 s, 9 s.
export function duration(ms) {
  let left = Math.max(0, Math.round(ms / 1000));
  const first = UNITS.findIndex(([, size]) => left >= size);
  if (first < 0) return "0 s";
  const parts = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}

// One unit, coarse on purpose: a list of people does not want to count seconds.
export function ago(iso, now) {
  const ms = now - Date.parse(iso);
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 10) return "just now";
  const [unit, size] = UNITS.find(([, size]) => seconds >= size);
  const text = `${unit === "s" ? Math.floor(seconds / 10) * 10 : Math.floor(seconds / size)} ${unit}`;
  return ms < 0 ? `in ${text}` : `${text} ago`;
}

// All clocks of the page go alike.
const CYCLE = "h23";

const INSTANTS = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: CYCLE });
export const instant = (iso) => (iso ? INSTANTS.format(new Date(iso)) : "");

const DAYS = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
export const day = (when) => DAYS.format(new Date(when));

const CLOCKS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: CYCLE });
export const clock = (when) => CLOCKS.format(new Date(when));

// To the second.
const SECONDS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: CYCLE });
export const exactly = (when) => SECONDS.format(new Date(when));

const firstLetter = (text) => text.match(/\p{L}/u)?.[0] ?? "";

// What stands in the place of a picture: the page loads none from elsewhere. Letters alone: _ and 3 are nobody's initials.
export function initials(user) {
  const both = [user.first_name, user.last_name].map((word) => firstLetter(word ?? "")).join("");
  const letters = both || firstLetter(user.name ?? "") || firstLetter(user.username ?? "") || "?";
  return letters.toLocaleUpperCase();
}

export const fullName = (user) => [user.first_name, user.last_name].filter(Boolean).join(" ") || user.name || "";

// A tint for the initials, the same whenever the same name comes.
export function hue(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 360;
  return sum;
}
