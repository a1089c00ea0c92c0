// Bars with their 95% intervals, as SVG.
import { el, percent } from "./core.js";

const HEIGHT = 240, LEFT = 44, BOTTOM = 34, TOP = 10;

/** Compliance over time: bars, whiskers for the interval, and how many people behind each. */
export function overTime(buckets, width) {
  const inner = Math.max(60, width - LEFT - 8), step = inner / Math.max(1, buckets.length), bar = Math.min(44, step * 0.62), seen = Math.min(72, step * 0.96);
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), ground = y(0);
  const most = Math.max(1, ...buckets.map((bucket) => bucket.compliance.visits));
  const every = Math.ceil(buckets.length / Math.max(1, Math.floor(inner / 74)));
  return el("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": "Compliance over time with its 95% interval; the table below has the same figures" },
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      el("line", { class: "axis", x1: LEFT, x2: width - 8, y1: y(share), y2: y(share) }),
      el("text", { x: LEFT - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share))]),
    ...buckets.flatMap((bucket, number) => {
      const { rate, low, high, visits, decided } = bucket.compliance, middle = LEFT + step * (number + 0.5);
      const height = ((ground - TOP) * 0.3 * visits) / most;
      return [
        el("rect", { class: "count", x: middle - seen / 2, y: ground - height, width: seen, height }),
        rate === null ? el("text", { class: "none", x: middle, y: ground - 6, "text-anchor": "middle" }, "?")
          : el("rect", { class: "bar", x: middle - bar / 2, y: y(rate), width: bar, height: Math.max(1, ground - y(rate)), rx: 2 }, el("title", {}, `${bucket.label}: ${percent(rate)} of ${decided}, interval ${percent(low)} to ${percent(high)}`)),
        rate === null ? null : el("path", { class: "whisker", fill: "none", d: `M${middle} ${y(high)}V${y(low)}M${middle - 4} ${y(high)}h8M${middle - 4} ${y(low)}h8` }),
        number % every === 0 ? el("text", { x: middle, y: HEIGHT - 12, "text-anchor": "middle" }, shortLabel(bucket.label)) : null];
    }).filter(Boolean));
}

const shortLabel = (label) => (label.length > 10 ? label.slice(11) === "00:00" ? label.slice(5, 10) : label.slice(11) : label.slice(5));
