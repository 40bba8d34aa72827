// Lines over time, drawn by uPlot, in the colours of the page.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { clock, day, number } from "./format.js";
import { useScheme } from "./theme.js";

const SOURCE = "/admin/vendor/uplot.js";
const STYLE = "/admin/vendor/uplot.css";
const DAY_S = 86_400;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 7_200, 10_080, 43_200].map((minutes) => minutes * 60);
const STEPS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].flatMap((size) => [size, 2 * size, 5 * size]);

let loading = null;

// uPlot is a classic script, and large: it comes when the first chart does.
function loadPlot() {
  loading ??= new Promise((resolve, reject) => {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLE });
    const script = Object.assign(document.createElement("script"), { src: SOURCE });
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => {
      loading = null;
      reject(new Error("The chart could not be loaded."));
    };
    document.head.append(style, script);
  });
  return loading;
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Of a line that has just begun, too, the whole span is drawn.
export const rangeOf = (span) => (_, low, high) => [Math.min(low, high - span / 1000), high];

function options(plot, { width, height, span, seen, note }) {
  const grid = { stroke: () => color("--line"), width: 1 };
  const axis = { stroke: () => color("--ink-soft"), grid, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const words = (_, splits, __, ___, step) => splits.map((at) => (step >= DAY_S ? day(at * 1000) : clock(at * 1000)));
  const stepped = plot.paths.stepped({ align: 1 });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: () => color("--accent"), stroke: () => color("--surface") } },
    scales: {
      x: { range: rangeOf(span) },
      y: { range: (_, low, high) => [0, Math.max(4, Math.ceil(high * 1.1))] },
    },
    axes: [
      { ...axis, values: words, space: 80, size: 28, incrs: STEPS_S },
      { ...axis, size: 46, incrs: STEPS, values: (_, splits) => splits.map(number) },
    ],
    series: [{}, { stroke: () => color("--accent"), fill: () => color("--accent-soft"), width: 2, paths: stepped, points: { show: false } }],
    hooks: { setCursor: [(chart) => seen(chart.cursor.idx ?? null)], setScale: [(chart, key) => key === "x" && note(chart.scales.x)] },
  };
}

// points: [[instant in ms, count]], by time; span: how many ms are drawn, to the last of them. `words` says what is seen there; `tell(index | null)` hears where one points.
export function Plot({ points, span, words, tell, height = 220 }) {
  const box = useRef(null);
  const chart = useRef(null);
  const [problem, setProblem] = useState("");
  const scheme = useScheme();
  const data = [points.map(([at]) => at / 1000), points.map(([, count]) => count)];
  const newest = useRef(data);
  newest.current = data;
  useEffect(() => {
    let gone = false;
    let watch = null;
    const draw = (plot) => {
      if (gone) return;
      const width = () => Math.max(200, box.current.clientWidth);
      const note = ({ min, max }) => (box.current.dataset.drawn = Math.round((max - min) / 60)); // minutes
      chart.current = new plot(options(plot, { width: width(), height, span, seen: tell, note }), newest.current, box.current);
      watch = new ResizeObserver(() => chart.current.width === width() || chart.current.setSize({ width: width(), height }));
      watch.observe(box.current);
    };
    loadPlot().then(draw, (found) => gone || setProblem(found.message));
    return () => {
      gone = true;
      watch?.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [height, span]);
  useEffect(() => chart.current?.setData(newest.current), [points]);
  useEffect(() => chart.current?.redraw(), [scheme]);
  if (problem) return html`<p class="hint">${problem} The table below says the same.</p>`;
  return html`<div class="plot" ref=${box} role="img" aria-label=${words}></div>`;
}
