// Draws the charts of a page with uPlot, in the page's colours; the numbers are in the page as JSON.
"use strict";
const Charts = (() => {
  const INK = { first: "blue", second: "orange", even: "soft" };
  const DASHED = { even: [4, 4] };
  const FONT = '12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
  const drawn = new Map();

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // The normal distribution (Abramowitz and Stegun 26.2.17; good to seven digits).
  function share(deviate) {
    const t = 1 / (1 + 0.2316419 * Math.abs(deviate));
    const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    const tail = Math.exp(-deviate * deviate / 2) / Math.sqrt(2 * Math.PI) * sum;
    return deviate > 0 ? 1 - tail : tail;
  }

  function shown(axis, value) {
    if (value == null) return "";
    if (axis.names.length) return axis.names[Math.round(value)] ?? "";
    const plain = axis.zero && value <= axis.low ? 0 : axis.scale === "deviate" ? share(value) : value;
    return axis.percent ? `${Number((100 * plain).toPrecision(3))}%` : `${Number(plain.toPrecision(4))}`;
  }

  const short = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

  function axisOf(axis, upright, side, narrow) {
    const most = narrow ? 14 : 26;
    const one = {
      scale: upright, side, font: FONT, labelFont: FONT, label: axis.names.length ? undefined : axis.label,
      labelSize: 22, stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1, show: !axis.names.length },
      ticks: { stroke: () => colour("line"), width: 1, size: 4 },
      values: (_, splits) => splits.map(value => short(shown(axis, value), most)),
    };
    if (side === 2) Object.assign(one, { size: 30, space: 60 }); // room for `97.5%` on a phone
    if (side === 3) one.size = axis.names.length ? 20 + 7 * Math.min(most, Math.max(...axis.names.map(name => name.length))) : 52;
    if (axis.names.length) one.splits = () => axis.names.map((_, place) => place);
    if (axis.ticks.length) Object.assign(one, { splits: () => axis.ticks, filter: (_, splits) => splits });
    return one;
  }

  function scaleOf(axis, room = 0) {
    const [low, high] = axis.names.length ? [-0.6, axis.names.length - 0.4] : axis.ends;
    const range = (u, least, most) => {
      const [from, to] = least == null ? [0, 1] : least === most ? [least - 0.5, most + 0.5] : [least, most];
      return [low ?? from, high ?? to + room * (to - from)];
    };
    return { time: false, distr: axis.scale === "log" ? 3 : 1, range };
  }

  function seriesOf(one, axis) {
    const ink = () => colour(INK[one.colour]);
    const faint = () => `${ink()}99`;
    const looks = {
      line: { width: 2, points: { show: one.x.length < 40, size: 5 } },
      bars: { width: 0, fill: faint, points: { show: false }, paths: uPlot.paths.bars({ size: [0.98, Infinity] }) },
      dots: { paths: () => null, points: { show: true, size: 8, fill: ink } },
      rows: { paths: () => null, points: { show: true, size: 9, fill: ink } },
    }[one.kind];
    return { label: one.name, stroke: ink, dash: DASHED[one.colour], spanGaps: true, value: (_, value) => shown(axis, value), ...looks };
  }

  function line(u, from, to, ink, dash) {
    u.ctx.save();
    u.ctx.strokeStyle = ink;
    u.ctx.lineWidth = 1.5 * devicePixelRatio;
    u.ctx.setLineDash(dash.map(length => length * devicePixelRatio));
    u.ctx.beginPath();
    u.ctx.moveTo(...from);
    u.ctx.lineTo(...to);
    u.ctx.stroke();
    u.ctx.restore();
  }

  function extras(chart) {
    return u => {
      for (const mark of chart.marks) {
        const x = u.valToPos(mark, "x", true);
        line(u, [x, u.bbox.top], [x, u.bbox.top + u.bbox.height], colour("orange"), [2, 3]);
      }
      for (const one of chart.series) {
        one.x.forEach((at, place) => {
          if (one.low[place] == null) return;
          const ends = [one.low[place], one.high[place]].map(end => u.valToPos(end, "y", true));
          const y = u.valToPos(at, "x", true);
          line(u, [ends[0], y], [ends[1], y], colour("ink"), []);
        });
      }
    };
  }

  // Until somebody points at the chart, the legend has no value of the horizontal axis to show.
  function rest(u) {
    u.root.classList.toggle("rests", u.cursor.idx == null);
  }

  function options(chart, width) {
    const rows = chart.x.names.length;
    const narrow = width < 480;
    const x = scaleOf(chart.x);
    const y = scaleOf(chart.y, 0.05);
    if (rows) Object.assign(x, { ori: 1, dir: -1 }) && Object.assign(y, { ori: 0 });
    const height = rows ? 70 + 30 * rows : chart.square ? Math.min(width, 340) : Math.min(260, Math.max(200, width * 0.6));
    return {
      width, height,
      scales: { x, y },
      axes: [axisOf(chart.x, "x", rows ? 3 : 2, narrow), axisOf(chart.y, "y", rows ? 2 : 3, narrow)],
      series: [{ label: chart.x.label, value: (_, value) => shown(chart.x, value) }, ...chart.series.map(one => seriesOf(one, chart.y))],
      cursor: { drag: { x: false, y: false }, y: false },
      legend: { show: chart.series.length > 1, live: true },
      hooks: { draw: [extras(chart)], ready: [rest], setCursor: [rest] },
    };
  }

  function draw(place) {
    const chart = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    drawn.get(place)?.destroy();
    place.replaceChildren();
    const tables = chart.series.map(one => [one.x, one.y]);
    const width = () => Math.max(200, Math.min(place.clientWidth, chart.square ? 420 : 720));
    drawn.set(place, new uPlot(options(chart, width()), tables.length > 1 ? uPlot.join(tables) : tables[0], place));
    place.dataset.width = place.clientWidth;
  }

  function start() {
    const places = [...document.querySelectorAll("[data-chart]")];
    const again = new ResizeObserver(entries => {
      for (const { target } of entries) if (`${target.clientWidth}` !== target.dataset.width && target.clientWidth) draw(target);
    });
    places.forEach(place => again.observe(place));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((_, place) => draw(place)));
  }

  return { start, drawn };
})();
