// The list of examples: filters, pages, links and keys. A page of them is drawn at a time, however many there are.

const PAGE = 20;
const ABOVE = 14, BELOW = 6;     // lines of the prompt and of the suffix that are shown at first
const MANY = 200;                // a division with more values is searched, not chosen from
const VERDICTS = {
  "": () => true,
  right: (one) => right(one),
  wrong: (one) => !right(one),
  later: (one) => !right(one) && one.rank != null,
  none: (one) => one.error != null,
};

const right = (one) => one.error == null && (one.exact_match || one.rank === 1);
const anchor = (key) => `#example-${encoded(key)}`;

// What an example is called in links: its id, and its suite where an earlier example has the same id.
const keys = new Map();
const examples = results.examples.map((example) => {
  const key = keys.has(example.id) ? `${example.id} ${example.suite}` : example.id;
  keys.set(key, keys.size);
  return {...example, key};
});
const places = new Map(examples.map((one) => [JSON.stringify([one.suite, one.id]), one.key]));
const keyOf = (suite, id) => places.get(JSON.stringify([suite, id]));
const titles = new Map(results.suites.map((suite) => [suite.name, suite.title]));
const answering = new Set(examples.flatMap((one) => Object.keys(one.answers)));
const exampleProviders = [...new Set([...names.filter((one) => answering.has(one)), ...answering])];

const state = {suite: "", text: "", verdicts: {}, slices: {}, found: examples, page: 0};
const texts = new Map();

function searched(example) {
  if (!texts.has(example)) {
    const {id, about, path, prompt, expected, suffix, answers} = example;
    const answered = Object.values(answers).flatMap((one) => one.texts);
    texts.set(example, [id, about, path, prompt, expected, suffix ?? "", ...answered].join("\n").toLowerCase());
  }
  return texts.get(example);
}

function filter() {
  const text = state.text.toLowerCase();
  const verdicts = Object.entries(state.verdicts).filter(([, verdict]) => verdict);
  const slices = Object.entries(state.slices).filter(([, value]) => value);
  state.found = examples.filter((one) => (!state.suite || one.suite === state.suite) &&
    slices.every(([division, value]) => one.slices[division] === value) &&
    verdicts.every(([provider, verdict]) => one.answers[provider] && VERDICTS[verdict](one.answers[provider])) &&
    (!text || searched(one).includes(text)));
  show(0);
}

function choice(label, options, chosen) {
  const onchange = (event) => {
    chosen(event.target.value);
    filter();
  };
  return el("label", {}, el("span", {}, label),
    el("select", {onchange}, options.map(([value, text]) => el("option", {value}, text))));
}

function filters() {
  const divisions = new Map();
  for (const one of examples) {
    for (const [division, value] of Object.entries(one.slices)) {
      if (!divisions.has(division)) divisions.set(division, new Set());
      divisions.get(division).add(value);
    }
  }
  const chosen = [...divisions].filter(([, values]) => values.size > 1 && values.size <= MANY);
  const suites = [...new Set(examples.map((one) => one.suite))];
  let waiting = 0;
  const search = el("input", {type: "search", id: "search", spellcheck: "false", autocomplete: "off",
    oninput: (event) => {
      state.text = event.target.value;
      clearTimeout(waiting);
      waiting = setTimeout(filter, 80);
    }});
  const verdicts = [["", "any answer"], ["right", "right"], ["wrong", "not right"], ["later", "right, but not first"],
    ["none", "no answer"]];
  at("filters").append(
    el("div", {class: "row"}, el("label", {class: "wide"}, el("span", {}, "Search in code and answers"), search),
      choice("Suite", [["", "all suites"], ...suites.map((suite) => [suite, titles.get(suite) ?? suite])],
        (value) => { state.suite = value; })),
    el("fieldset", {}, el("legend", {}, "Answers of"), el("div", {class: "row"}, exampleProviders.map((provider) =>
      choice(provider, verdicts, (value) => { state.verdicts[provider] = value; })))));
  if (chosen.length) {
    at("filters").append(disclosed("Slices", el("div", {class: "row"}, chosen.map(([division, values]) =>
      choice(words(division), [["", "any"], ...[...values].sort((a, b) => a.localeCompare(b, "en", {numeric: true}))
        .map((value) => [value, words(value)])], (value) => { state.slices[division] = value; })))));
  }
  at("filters").append(el("button", {type: "reset"}, "Show all"));
  at("filters").addEventListener("reset", () => {
    Object.assign(state, {suite: "", text: "", verdicts: {}, slices: {}});
    filter();
  });
  at("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    filter();
    go(0);
  });
}

function show(page) {
  state.page = page;
  const from = page * PAGE, shown = state.found.slice(from, from + PAGE);
  const all = state.found.length < examples.length ? `, ${count(examples.length)} in all` : "";
  at("found").textContent = state.found.length ?
    `${count(from + 1)} to ${count(from + shown.length)} of ${count(state.found.length)} examples${all}` :
    `None of ${count(examples.length)} examples`;
  at("list").replaceChildren(...shown.map(article));
  // Where lines are longer than the screen is wide, the cursor is what is looked at.
  for (const pre of at("list").querySelectorAll("pre")) {
    const place = pre.querySelector(".cursor").offsetLeft - pre.offsetLeft;
    if (place > pre.clientWidth - 40) pre.scrollLeft = place - pre.clientWidth / 2;
  }
  const last = Math.max(0, Math.ceil(state.found.length / PAGE) - 1);
  const turn = (label, to, off) =>
    el("button", {type: "button", disabled: off, onclick: () => go(to * PAGE)}, label);
  at("pages").replaceChildren(...(last ? [turn("Previous page", page - 1, page === 0),
    el("span", {}, `Page ${page + 1} of ${last + 1}`), turn("Next page", page + 1, page === last)] : []));
}

// Puts the focus on an example of those that are found, by its number.
function go(index) {
  if (index < 0 || index >= state.found.length) return;
  const page = Math.floor(index / PAGE);
  if (page !== state.page) show(page);
  const target = at("list").children[index - page * PAGE];
  target.focus({preventScroll: true});
  target.scrollIntoView({block: "start"});
  history.replaceState(null, "", anchor(state.found[index].key));
}

function step(by) {
  const on = document.activeElement?.closest("article");
  const here = on ? state.page * PAGE + [...at("list").children].indexOf(on) : null;
  go(here === null ? state.page * PAGE : here + by);
}

function linked() {
  if (!location.hash.startsWith("#example-")) return;
  let key;
  try {
    key = decodeURIComponent(location.hash.slice("#example-".length));
  } catch {
    return;
  }
  if (!keys.has(key)) return;
  if (!state.found.some((one) => one.key === key)) at("filters").reset();
  // A form tells of its reset before its fields are empty.
  setTimeout(() => go(state.found.findIndex((one) => one.key === key)));
}

function article(example) {
  const link = anchor(example.key), id = link.slice(1);
  const slices = Object.entries(example.slices);
  return el("article", {id, tabindex: -1, "aria-labelledby": `${id}-title`},
    el("header", {}, el("h3", {id: `${id}-title`}, el("a", {href: link}, example.id)),
      el("span", {class: "tag"}, titles.get(example.suite) ?? example.suite)),
    example.about ? el("p", {class: "about"}, example.about) : null,
    slices.length || example.candidates ? el("ul", {class: "chips", "aria-label": "Slices"},
      slices.map(([division, value]) => el("li", {}, el("span", {}, `${words(division)} `), words(value))),
      example.candidates ? el("li", {}, el("span", {}, "candidates "), count(example.candidates)) : null) : null,
    code(example),
    el("ul", {class: "answers", "aria-label": "Answers"}, Object.entries(example.answers).map(([provider, one]) =>
      answer(provider, one, example))));
}

function code(example) {
  const suffix = (example.suffix ?? "").trimEnd();
  const above = example.prompt.split("\n"), below = suffix.split("\n");
  const more = Math.max(0, above.length - ABOVE) + Math.max(0, below.length - BELOW);
  const place = el("div", {class: "code"});
  const draw = (all) => {
    const start = all ? "" : above.slice(0, -ABOVE).map((line) => `${line}\n`).join("");
    const end = all ? suffix : below.slice(0, BELOW).join("\n");
    // Coloured from the file's start, so that what is shown of a docstring is a docstring.
    const [, prompt, expected, after] =
      highlightParts([start, example.prompt.slice(start.length), example.expected, end]);
    place.replaceChildren(el("pre", {tabindex: 0, role: "group", "aria-label": "Code"},
      el("code", {}, codeNodes(prompt), el("span", {class: "cursor", role: "img", "aria-label": "cursor"}),
        el("ins", {}, codeNodes(expected)), codeNodes(after))),
    more ? el("button", {type: "button", class: "plain", "aria-expanded": String(all), onclick: () => {
      draw(!all);
      place.querySelector("button").focus();
    }}, all ? "Show less" : `Show ${count(more)} more ${more === 1 ? "line" : "lines"} around`) : null);
  };
  draw(false);
  return place;
}

function verdict(one, candidates) {
  if (one.error != null) return ["none", "!", "no answer"];
  if (right(one)) return ["right", "✓", "right"];
  if (one.rank != null) return ["later", "○", candidates ? `rank ${one.rank} of ${candidates}` : `rank ${one.rank}`];
  return ["wrong", "✗", "not right"];
}

// Where the answer of a rank stands: texts that are the same but for blanks at ends of lines have one rank.
function placeOf(rank, texts) {
  const plain = texts.map((text) => text.replace(/[ \t\f\r]+$/gm, "").trimEnd());
  return plain.indexOf([...new Set(plain)][rank - 1]);
}

function answer(provider, one, example) {
  const [kind, mark, label] = verdict(one, example.candidates);
  const similar = one.error == null && one.edit_similarity != null;
  const facts = [similar ? `edit similarity ${number(one.edit_similarity, 0)}` : "",
    one.milliseconds != null ? `${number(one.milliseconds, one.milliseconds < 10 ? 1 : 0)} ms` : ""].filter(Boolean);
  const rank = one.rank ?? (one.exact_match ? 1 : null), best = rank === null ? -1 : placeOf(rank, one.texts);
  // With what stands before it in its line, for an answer may begin inside a string.
  const line = example.prompt.slice(example.prompt.lastIndexOf("\n") + 1);
  const rows = one.texts.map((text, index) => {
    const good = index === best;
    return el("li", {class: good ? "good" : ""},
      el("span", {class: "rank", "aria-hidden": "true"}, good ? "✓" : String(index + 1)),
      el("code", {}, good ? el("span", {class: "hidden"}, "right: ") : null,
        text.trim() ? codeNodes(highlightParts([line, text.replace(/^\n/, "↵ ")])[1]) :
          el("span", {class: "none"}, text ? "(blanks)" : "(nothing)")),
      one.scores?.[index] == null ? null : el("span", {class: "score"}, el("span", {class: "hidden"}, "score "),
        number(one.scores[index], 2)));
  });
  return el("li", {class: "answer"},
    el("h4", {}, provider, " ",
      el("span", {class: `verdict ${kind}`}, el("span", {"aria-hidden": "true"}, `${mark} `), label)),
    one.error != null ? el("p", {class: "error"}, one.error) : null,
    rows.length ? el("ol", {}, rows) : one.error == null ? el("p", {class: "none"}, "(nothing)") : null,
    facts.length ? el("p", {class: "facts"}, facts.join(" · ")) : null);
}

function keyboard() {
  const dialog = at("keys");
  at("show-keys").addEventListener("click", () => dialog.showModal());
  at("close-keys").addEventListener("click", () => dialog.close());
  const actions = {j: () => step(1), k: () => step(-1), "/": () => at("search").focus(), "?": () => dialog.showModal()};
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape" && event.target === at("search")) at("search").blur();
    if (typing || dialog.open || event.ctrlKey || event.metaKey || event.altKey || !at("keys-on").checked) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

about();
missed();
summary();
at("suites").append(...results.suites.map(suiteSection));
if (examples.length) filters();
show(0);
keyboard();
linked();
addEventListener("hashchange", linked);
