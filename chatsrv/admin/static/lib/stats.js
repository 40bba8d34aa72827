// How many were here over time, as the charts want it.
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// Each span: how long, by which points it is asked for, and how often anew.
export const SPANS = {
  "6h": { name: "6 hours", ms: 6 * HOUR, by: "minute", every: MINUTE, row: 15 * MINUTE },
  "24h": { name: "24 hours", ms: DAY, by: "minute", every: MINUTE, row: HOUR },
  "7d": { name: "7 days", ms: 7 * DAY, by: "hour", every: 5 * MINUTE, row: 6 * HOUR },
  "30d": { name: "30 days", ms: 30 * DAY, by: "day", every: 5 * MINUTE, row: DAY },
};

// People that others see as here.
export const hereNow = (counts) => counts.online + counts.away + counts.dnd;

export function askFor(span, now) {
  const { ms, by } = SPANS[span];
  return { from: new Date(now - ms).toISOString(), by };
}

// points of an answer -> [[ms, count]]: the most at once in each minute, hour or day.
export const toLine = (points) => points.map((point) => [Date.parse(point.at), point.peak]);

// What the socket has told since the answer, behind it. live: [[ms, count]]. Of hours and days the running one only rises.
export function grow(line, live, now, by) {
  if (!line.length) return live;
  const end = line.at(-1)[0];
  const news = live.filter(([at]) => at > end);
  if (by === "minute") return carry([...line, ...news], now);
  const top = news.reduce((highest, [, count]) => Math.max(highest, count), line.at(-1)[1]);
  return carry([...line.slice(0, -1), [end, top]], now);
}

function carry(line, now) {
  const [at, count] = line.at(-1);
  return at < now ? [...line, [now, count]] : line;
}

export function most(line) {
  return line.reduce((best, point) => (best && best[1] >= point[1] ? best : point), null);
}

// A few rows of a long line: the most of each stretch of `ms`, the latest first.
export function thin(line, ms) {
  const rows = new Map();
  for (const [at, count] of line) {
    const start = Math.floor(at / ms) * ms;
    rows.set(start, Math.max(rows.get(start) ?? 0, count));
  }
  return [...rows].reverse();
}
