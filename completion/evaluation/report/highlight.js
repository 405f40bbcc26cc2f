// Python in colours: [kind, text] pairs that put together are the text. Kinds are classes of the style sheet.

const KEYWORDS = new Set(("False None True and as assert async await break class continue def del elif else except " +
  "finally for from global if import in is lambda nonlocal not or pass raise return try while with yield match case")
  .split(" "));
const BUILTINS = new Set(("self cls print len range enumerate zip map filter sorted reversed list dict set tuple str " +
  "int float bool bytes object super isinstance issubclass getattr setattr hasattr open sum min max any all abs " +
  "round repr type iter next property staticmethod classmethod Exception ValueError TypeError KeyError OSError " +
  "RuntimeError StopIteration NotImplementedError AttributeError IndexError").split(" "));
// A string that is not closed ends with its line, or with the text where it has three quotes.
const TOKEN = new RegExp([
  "(?<comment>#[^\\n]*)",
  "(?<string>\\b[rRbBuUfF]{0,2}(?:\"\"\"(?:\\\\[^]|(?!\"\"\")[^])*(?:\"\"\"|$)|'''(?:\\\\[^]|(?!''')[^])*(?:'''|$))" +
  "|\"\"\"(?:\\\\[^]|(?!\"\"\")[^])*(?:\"\"\"|$)|'''(?:\\\\[^]|(?!''')[^])*(?:'''|$)" +
  "|\\b[rRbBuUfF]{1,2}\"(?:\\\\[^]|[^\"\\\\\\n])*\"?|\\b[rRbBuUfF]{1,2}'(?:\\\\[^]|[^'\\\\\\n])*'?" +
  "|\"(?:\\\\[^]|[^\"\\\\\\n])*\"?|'(?:\\\\[^]|[^'\\\\\\n])*'?)",
  "(?<number>\\b(?:0[xXoObB][\\da-fA-F_]+|\\d[\\d_]*(?:\\.[\\d_]*)?(?:[eE][+-]?\\d+)?[jJ]?))",
  "(?<decorator>(?<=^|\\n)[ \\t]*@[\\w.]+)",
  "(?<name>[\\p{L}_][\\p{L}\\p{N}_]*)",
].join("|"), "gu");

function highlight(text) {
  const found = [];
  let end = 0, before = "";
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) found.push(["", text.slice(end, match.index)]);
    end = match.index + match[0].length;
    let [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    if (kind === "name") {
      if (KEYWORDS.has(match[0])) kind = "keyword";
      else if (before === "def" || before === "class") kind = "defined";
      else kind = BUILTINS.has(match[0]) && text[match.index - 1] !== "." ? "builtin" : "";
    }
    before = match[0];
    found.push([kind, match[0]]);
  }
  if (end < text.length) found.push(["", text.slice(end)]);
  return found;
}

// The same, in parts: where each of the texts ends, a token is cut.
function highlightParts(texts) {
  const parts = texts.map(() => []);
  let part = 0, room = texts[0].length;
  for (let [kind, text] of highlight(texts.join(""))) {
    while (text) {
      while (room === 0) room = texts[++part].length;
      const piece = text.slice(0, room);
      parts[part].push([kind, piece]);
      text = text.slice(piece.length);
      room -= piece.length;
    }
  }
  return parts;
}

function codeNodes(pairs) {
  return pairs.map(([kind, text]) => kind ? el("span", {class: `code-${kind}`}, text) : text);
}
