// Tables of figures. All data goes into the page as text nodes and attributes; none of it is ever read as HTML.
"use strict";

const {results, missing, compared} = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const at = (id) => document.getElementById(id);

function el(tag, settings, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(settings ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(2).filter((child) => child != null));
  return made;
}

const wellFormed = (text) => text.toWellFormed ? text.toWellFormed() : text;
const encoded = (text) => encodeURIComponent(wellFormed(text));

function number(value, digits = 1) {
  if (value == null) return "–";
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

// "after_dot" of a slice, and the like, is "after dot" for people.
const words = (text) => text.replaceAll("_", " ");
const count = (value) => value.toLocaleString("en-GB");
const range = (found) => found.low == null ? "no interval" : `${number(found.low)} to ${number(found.high)}`;

// All providers, in the order of the suite that has most of them.
const names = [...new Set([...results.suites].sort((a, b) => b.providers.length - a.providers.length)
  .flatMap((suite) => suite.providers.map((one) => one.name)))];

const star = () => el("span", {class: "star", "aria-hidden": "true"}, "★");

// The mean, its interval, and both drawn on a line from 0 to `top`.
function figure(found, best, top) {
  if (!found) return [el("span", {class: "none"}, "–")];
  const parts = [
    el("span", {class: best ? "mean best" : "mean"},
      best ? [star(), el("span", {class: "hidden"}, "highest: ")] : null,
      number(found.mean)),
    el("span", {class: "range"}, range(found)),
  ];
  if (top) parts.push(whisker(found, top));
  return parts;
}

function whisker(found, top) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "whisker");
  svg.setAttribute("aria-hidden", "true");
  const line = (kind, from, to) => {
    const made = document.createElementNS(SVG, "line");
    const settings = {class: kind, x1: `${100 * from / top}%`, x2: `${100 * to / top}%`, y1: 4, y2: 4};
    for (const [name, value] of Object.entries(settings)) made.setAttribute(name, value);
    svg.append(made);
  };
  line("ground", 0, top);
  if (found.low != null) line("interval", found.low, found.high);
  line("point", found.mean, found.mean);
  return svg;
}

// Which of the figures are the highest, by what can be read of them; none where all are the same.
function best(figures) {
  const shown = figures.map((one) => one ? number(one.mean) : null);
  const means = figures.filter(Boolean).map((one) => one.mean);
  const highest = number(Math.max(...means));
  const all = means.length < 2 || shown.every((one) => one === null || one === highest);
  return shown.map((one) => !all && one === highest);
}

const ceiling = (figures) =>
  Math.min(100, 10 * Math.ceil(Math.max(10, ...figures.filter(Boolean).map((one) => one.high ?? one.mean)) / 10));

function scrolling(label, inside, settings = {}) {
  return el("div", {class: "scroll", role: "group", tabindex: 0, "aria-label": label, ...settings}, inside);
}

// `columns` and the first cell of each row are headers; a cell is text, a node, or a list of nodes.
function table(label, columns, rows, settings = {}) {
  const head = el("tr", {}, columns.map((one) => el("th", {scope: "col"}, one)));
  const body = rows.map(([first, ...cells]) =>
    el("tr", {}, el("th", {scope: "row"}, first), cells.map((cell) => el("td", {}, cell))));
  return scrolling(label, el("table", settings, el("caption", {class: "hidden"}, label),
    el("thead", {}, head), el("tbody", {}, body)));
}

function disclosed(label, ...inside) {
  return el("details", {}, el("summary", {}, label), inside);
}

const suiteId = (number) => `suite-${number}`;

function about() {
  const made = results.about;
  at("title").append("How well ", el("span", {class: "model"}, made.model), " completes code");
  const when = new Date(made.made);
  at("made").append(`${isNaN(when) ? made.made : when.toISOString().slice(0, 16).replace("T", " ") + " UTC"} · `,
    `${results.suites.length} ${results.suites.length === 1 ? "suite" : "suites"} · `,
    `${count(results.suites.reduce((sum, suite) => sum + suite.cases, 0))} cases · 95 % intervals`);
  const rows = [["Command", made.command], ["Documents", made.documents], ["Seed", made.seed],
    ...Object.entries(made.versions ?? {})];
  at("about").querySelector("dl").append(...rows.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, String(value ?? "–")))));
  const links = [["summary", "Summary"], ...results.suites.map((suite, index) => [suiteId(index), suite.title]),
    ["examples", "Examples"]];
  at("sections").append(...links.map(([id, title]) => el("a", {href: `#${id}`}, title)));
}

function missed() {
  const section = at("missing");
  section.classList.toggle("complete", !missing.length);
  section.append(el("h2", {id: "missing-title"}, missing.length ? "What is missing" : "Nothing is missing"));
  if (!missing.length) return section.append(el("p", {}, "Every provider answered every case of every suite."));
  section.append(el("ul", {}, missing.map((one) => {
    const key = one.example == null ? undefined : keyOf(one.suite, one.example);
    const link = key === undefined ? null : el("a", {href: anchor(key)}, "one of them");
    return el("li", {}, one.text, link && [" (", link, ")"]);
  })));
}

function summary() {
  const columns = results.suites.map((suite) => {
    const {key} = suite.measures[0];
    const figures = names.map((name) => suite.providers.find((one) => one.name === name)?.total.figures[key]);
    return {figures, marks: best(figures), top: ceiling(figures)};
  });
  at("summary").append(
    el("p", {class: "lead"}, "The first measure of each suite, in percent, with its 95 % interval; the line below ",
      "each figure begins at 0 and ends where its column's scale does. ",
      star(), " is the highest of its column."),
    table("Summary", ["Provider", ...results.suites.map((suite, index) =>
      [el("a", {href: `#${suiteId(index)}`}, suite.title), el("span", {class: "under"}, suite.measures[0].label)])],
    names.map((name, row) => [name, ...columns.map((one) => figure(one.figures[row], one.marks[row], one.top))]),
    {class: "figures"}));
}

function suiteSection(suite, index) {
  const id = suiteId(index);
  const left = (suite.left_out ?? []).map(([reason, cases]) => `${count(cases)} ${words(reason)}`);
  return el("section", {id, "aria-labelledby": `${id}-title`},
    el("h2", {id: `${id}-title`}, suite.title),
    el("p", {class: "lead"}, suite.about),
    el("p", {class: "facts"}, `${count(suite.cases)} cases`, left.length ? ` · left out: ${left.join(", ")}` : ""),
    totals(suite), comparisons(index), likelihoods(suite),
    disclosed("What is measured", el("dl", {class: "definitions"}, suite.measures.map((one) =>
      el("div", {}, el("dt", {}, one.label), el("dd", {}, one.about))))),
    disclosed("Time and failures", table(`${suite.title}: time and failures`,
      ["Provider", "Cases", "Without answer", "Seconds", "Cases a second", "Median ms"],
      suite.providers.map((one) => [name(one), count(one.total.cases), count(one.total.errors),
        number(one.seconds), number(one.per_second), number(one.median_milliseconds)]))),
    slices(suite), symbols(suite), plots(suite));
}

const name = (provider) => provider.complete ? provider.name :
  [provider.name, " ", el("span", {class: "badge partial"}, "partial")];

function totals(suite) {
  const columns = suite.measures.map(({key}) => {
    const figures = suite.providers.map((one) => one.total.figures[key]);
    return {figures, marks: best(figures), top: ceiling(figures)};
  });
  return table(`${suite.title}: figures`, ["Provider", ...suite.measures.map((one) => one.label)],
    suite.providers.map((one, row) =>
      [name(one), ...columns.map((column) => figure(column.figures[row], column.marks[row], column.top))]),
    {class: "figures"});
}

function comparisons(index) {
  const found = compared[index].filter((one) => one.length);
  if (!found.length) return null;
  return [el("h3", {}, "Compared"), el("ul", {class: "compared"}, found.map(([first, ...others]) =>
    el("li", {}, first, others.length ? disclosed("In other measures",
      el("ul", {}, others.map((one) => el("li", {}, one)))) : null)))];
}

function likelihoods(suite) {
  if (!suite.likelihood) return null;
  const cell = (found, digits) => found == null ? "–" : typeof found === "number" ? number(found, digits) :
    found.low == null ? number(found.mean, digits) :
    [el("span", {class: "mean"}, number(found.mean, digits)),
      el("span", {class: "range"}, `${number(found.low, digits)} to ${number(found.high, digits)}`)];
  return [el("h3", {}, "Likelihood of what was written"), table(`${suite.title}: likelihood`,
    ["Provider", "Token top-1", "Token top-3", "Token top-5", "Perplexity", "Bits per byte", "Tokens", "Bytes"],
    Object.entries(suite.likelihood).map(([provider, one]) => [provider, cell(one.top_1, 1), cell(one.top_3, 1),
      cell(one.top_5, 1), cell(one.perplexity, 2), cell(one.bits_per_byte, 3), count(one.tokens), count(one.bytes)]),
    {class: "figures"})];
}

function slices(suite) {
  const divisions = [...new Set(suite.providers.flatMap((one) => Object.keys(one.slices ?? {})))];
  if (!divisions.length) return null;
  const place = el("div", {class: "slices"});
  const draw = (key) => place.replaceChildren(...divisions.map((division) => {
    const values = [...new Set(suite.providers.flatMap((one) => Object.keys(one.slices?.[division] ?? {})))];
    return el("div", {}, table(`${suite.title} by ${words(division)}`,
      [words(division), "Cases", ...suite.providers.map((one) => one.name)], values.map((value) => {
        const parts = suite.providers.map((one) => one.slices?.[division]?.[value]);
        const figures = parts.map((part) => part?.figures[key]), marks = best(figures);
        return [words(value), count(Math.max(...parts.map((part) => part?.cases ?? 0))),
          ...figures.map((one, row) => figure(one, marks[row]))];
      }), {class: "figures"}));
  }));
  draw(suite.measures[0].key);
  return [el("h3", {}, "By slice"), el("p", {}, el("label", {}, "Measure ",
    el("select", {onchange: (event) => draw(event.target.value)}, suite.measures.map((one) =>
      el("option", {value: one.key}, one.label)))), " ",
    el("span", {class: "facts"}, "★ highest of its row")), place];
}

function symbols(suite) {
  if (!suite.symbols?.length) return null;
  const providers = [...new Set(suite.symbols.flatMap((one) => Object.keys(one.providers)))];
  const keys = suite.measures.map((one) => one.key).filter((key) => suite.symbols.some((one) =>
    providers.some((provider) => one.providers[provider]?.[key] != null)));
  const label = (key) => suite.measures.find((one) => one.key === key).label;
  const columns = [{head: "Symbol", value: (one) => one.symbol}, {head: "Cases", value: (one) => one.cases},
    {head: "Fallback", value: (one) => one.fallback ? 1 : 0,
      text: (one) => one.fallback ? el("span", {class: "badge partial"}, "popularity") : ""},
    ...providers.flatMap((provider) => keys.map((key) => ({
      head: [provider, el("span", {class: "under"}, label(key))],
      value: (one) => one.providers[provider]?.[key] ?? null, text: (one) => number(one.providers[provider]?.[key]),
    })))];
  return [el("h3", {}, "By symbol"), el("p", {class: "lead"}, "Fallback: symbols of ten cases or more where ",
    "popularity is above the model, so that the engine may use popularity there."),
  sortable(`${suite.title} by symbol`, columns, suite.symbols)];
}

function sortable(label, columns, rows) {
  const heads = columns.map((column, index) => el("th", {scope: "col"}, el("button", {type: "button",
    onclick: () => sort(index)}, el("span", {}, column.head), el("span", {class: "arrow", "aria-hidden": "true"}))));
  const body = el("tbody");
  // Numbers begin with the highest, names with the first; what has no value stays at the end.
  function sort(index) {
    const {value} = columns[index], is = heads[index].getAttribute("aria-sort");
    const falls = is ? is === "ascending" : typeof value(rows[0]) !== "string";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[index].setAttribute("aria-sort", falls ? "descending" : "ascending");
    const ordered = [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return (falls ? -1 : 1) * (typeof x === "string" ? x.localeCompare(y, "en") : x - y);
    });
    body.replaceChildren(...ordered.map((row) => el("tr", {}, columns.map((column, place) => {
      const inside = column.text ? column.text(row) : String(column.value(row));
      return place ? el("td", {}, inside) : el("th", {scope: "row"}, inside);
    }))));
  }
  sort(1);
  return scrolling(label, el("table", {class: "sortable"}, el("caption", {class: "hidden"}, label),
    el("thead", {}, el("tr", {}, heads)), body), {class: "scroll tall"});
}

// A drawing inside <img> runs no script and loads nothing.
const plot = (svg, alt) => svg ? el("img", {class: "plot", alt,
  src: `data:image/svg+xml;charset=utf-8,${encoded(svg)}`}) : null;

function plots(suite) {
  const figures = [...confusions(suite), ...calibration(suite)], others = otherPlots(suite);
  return [figures.length ? [el("h3", {}, "Confusions and calibration"), el("div", {class: "plots"}, figures)] : null,
    others.length ? disclosed("More plots", el("div", {class: "plots"}, others)) : null];
}

function confusions(suite) {
  return Object.entries(suite.confusions ?? {}).map(([provider, one]) => el("figure", {},
    plot(suite.plots?.[`confusions ${provider}`], `Expected against predicted kinds of tokens of ${provider}`),
    el("figcaption", {}, `${provider}: kinds of tokens, expected against predicted`),
    disclosed("As numbers", table(`${suite.title}: kinds of tokens of ${provider}`, ["Expected", ...one.kinds],
      one.matrix.map((row, index) => [one.kinds[index], ...row.map(count)]))),
    one.identifiers.length ? disclosed("Identifiers", table(`${suite.title}: confused identifiers of ${provider}`,
      ["Expected", "Predicted", "Cases"], one.identifiers.map((row) =>
        [el("code", {}, row.expected), el("code", {}, row.predicted), count(row.cases)]), {class: "names"})) : null));
}

function calibration(suite) {
  const found = Object.entries(suite.calibration ?? {});
  if (!found.length) return [];
  const columns = ["Confidence", "Cases", "Mean confidence", "Accuracy"];
  return [el("figure", {}, plot(suite.plots?.calibration, "Confidence against accuracy"),
    el("figcaption", {}, "Confidence against accuracy; expected calibration error: ",
      found.map(([provider, one]) => `${provider} ${number(one.expected_error, 3)}`).join(", ")),
    found.map(([provider, one]) => disclosed(`${provider} as numbers`,
      table(`${suite.title}: calibration of ${provider}`, columns, one.bins.map((bin) =>
        [`${number(bin.low)} to ${number(bin.high)}`, count(bin.cases), number(bin.confidence, 3),
          number(bin.accuracy, 3)])))))];
}

function otherPlots(suite) {
  const known = ["calibration", ...Object.keys(suite.confusions ?? {}).map((provider) => `confusions ${provider}`)];
  return Object.entries(suite.plots ?? {}).filter(([title]) => !known.includes(title)).map(([title, svg]) =>
    el("figure", {}, plot(svg, title), el("figcaption", {}, title)));
}
