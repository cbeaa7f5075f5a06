// The browser of answers and items: unpacks the page's texts, filters them, shows one row. Its state is the address.
// Texts are only ever set as textContent.
(async () => {
  const $ = (id) => document.getElementById(id);
  const [list, detail, matches] = [$("rows"), $("detail"), $("matches")];
  const USUAL = { show: "all", model: "", category: "", turn: "", sort: "loss" };
  const filters = { ...USUAL };
  const ITEM_KINDS = ["items", "right→wrong", "wrong→right", "wrong→other"];
  const MOST_ROWS = 2000;
  const ORDERS = ["baseline first", "candidate first"];

  let data;
  try {
    data = await unpacked($("exhibits").textContent);
  } catch (error) {
    return detail.replaceChildren(element("p", "", "The texts could not be unpacked: " + error));
  }

  // What the lists hold, field by field, as exhibit_data.py writes them.
  const questions = data.questions.map(([source, id, category, turns, references]) =>
    ({ source, id, category, turns, references }));
  const answers = new Map(data.answers.map(([model, question, sample, turns]) =>
    [[model, question, sample].join(), turns]));
  const byPlace = (rows, fields) => {
    const found = new Map();
    for (const row of rows) {
      const place = row.slice(0, 5).join();  // judge, model, question, sample, turn
      found.set(place, found.get(place) ?? []);
      found.get(place).push(Object.fromEntries(fields.map((name, index) => [name, row[5 + index]])));
    }
    return found;
  };
  const ratings = byPlace(data.ratings, ["repeat", "score", "outcome", "reply"]);
  const games = byPlace(data.games, ["repeat", "order", "winner", "outcome", "reply"]);
  const answerRows = data.rows.map(([model, question, sample, turn, change, verdict, kinds]) => ({
    model, question, sample, turn, change, verdict, kinds, category: questions[question].category,
    key: { q: questions[question].id, turn: String(turn), model: data.models[model], sample: String(sample),
      source: questions[question].source },
  }));
  const itemRows = data.items.map(([model, task, item, subject, kind, gold, before, after, question, options, picks]) => ({
    model, task, item, category: subject, kind, gold, before, after, question, options, picks,
    key: { item: task + "/" + item, model: data.models[model] },
  })).concat(data.solved.map(([model, task, item, subject, kind, scoring, repeat, question, targets, sides]) => ({
    model, task, item, category: subject, kind, scoring, repeat, question, targets, sides,
    key: { item: task + "/" + item, model: data.models[model] },
  })));

  const matchesKey = (row, wanted) => Object.entries(row.key).every(([name, value]) =>
    !wanted.has(name) || wanted.get(name) === value);
  const address = (row) => {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(filters)) if (value !== USUAL[name]) parts.set(name, value);
    for (const [name, value] of Object.entries(row ? row.key : {})) {
      if (!unsaid.includes(name)) parts.set(name === "model" ? "candidate" : name === "turn" ? "at" : name, value);
    }
    return "#" + parts;
  };
  const unsaid = ["sample", "source"].filter((name) => new Set(answerRows.map((row) => row.key[name])).size === 1);

  let shown = [];
  let current = -1;

  const filtered = () => {
    const items = ITEM_KINDS.includes(filters.show);
    const rows = (items ? itemRows : answerRows).filter((row) =>
      (items ? filters.show === "items" || row.kind === filters.show
        : filters.show === "all" || row.kinds.includes(filters.show)) &&
      (!filters.model || data.models[row.model] === filters.model) &&
      (!filters.category || row.category === filters.category) &&
      (items || !filters.turn || String(row.turn) === filters.turn));
    if (filters.sort === "question") {
      const order = (row) => (items ? row.task + "/" + row.item : row.question * 100 + row.turn);
      rows.sort((a, b) => compared(order(a), order(b)) || a.model - b.model);
    }
    return rows;
  };

  const options = (select, values) => {
    const first = select.firstElementChild;
    select.replaceChildren(first, ...values.map((value) => new Option(value, value)));
  };

  const fill = () => {
    const rows = ITEM_KINDS.includes(filters.show) ? itemRows : answerRows;
    const distinct = (of) => [...new Set(rows.map(of))].sort(compared);
    options($("filter-model"), distinct((row) => data.models[row.model]));
    options($("filter-category"), distinct((row) => row.category));
    options($("filter-turn"), distinct((row) => row.turn).filter(Boolean).map(String));
    for (const name of Object.keys(filters)) $("filter-" + name).value = filters[name];
  };

  const named = (model) => {
    if (model.length <= 17) return element("span", "who", model);
    const { start, end } = $("browser").dataset;  // what all names share
    let rest = model.slice(model.startsWith(start) ? start.length : 0);
    if (end && rest.endsWith(end) && rest !== end) rest = rest.slice(0, -end.length);
    if (rest.length > 17) rest = rest.slice(0, 8) + "…" + rest.slice(-8);
    return Object.assign(element("span", "who", rest), { title: model });
  };

  const label = (row) => {
    const who = named(data.models[row.model]);
    if (row.task !== undefined) {
      return [element("span", "", row.task + "/" + row.item), " ", who, " ", element("span", "change", row.kind)];
    }
    const words = [row.change === null ? "" : signed(row.change, 1), row.verdict ?? ""].filter(Boolean).join(", ");
    const place = questions[row.question].id + ", turn " + row.turn + (row.sample ? ", sample " + (row.sample + 1) : "");
    return [element("span", "", place), " ", who, " ", element("span", "change", words || row.kinds.join(", ") || "not judged")];
  };

  const renderList = () => {
    list.replaceChildren(...shown.slice(0, MOST_ROWS).map((row, index) => {
      const link = element("a", "", ...label(row));
      link.href = address(row);
      if (index === current) link.setAttribute("aria-current", "true");
      return element("li", "", link);
    }));
    const more = shown.length > MOST_ROWS ? ", the first " + MOST_ROWS + " in the list" : "";
    const beyond = [[data.items_left_out, "choices.jsonl"], [data.solved_left_out, "solutions.jsonl"]];
    const left = ITEM_KINDS.includes(filters.show) ? beyond.filter(([count]) => count).map(([count, file]) =>
      "; " + count + " more changed items stand in " + file).join("") : "";
    matches.textContent = shown.length + " of " + (ITEM_KINDS.includes(filters.show) ? itemRows : answerRows).length +
      more + left;
  };

  const DIFFERS = "from here on it differs from the baseline's answer", AGAIN = "it says this again and again";
  const looped = (text, from, loop) => {
    const [start, end] = loop.map((place) => Math.min(text.length, Math.max(0, place - from)));
    const mark = Object.assign(element("mark", "loop", text.slice(start, end)), { title: AGAIN });
    return start < end ? [text.slice(0, start), mark, text.slice(end)] : [text];
  };
  const prose = (text, split = -1, loop = [0, 0]) => {
    if (text === null || text === undefined) return element("p", "absent", data.redacted ? "(left out: redacted)" : "(none)");
    const [[whole, cut], box] = [part(text), element("pre", "")];
    if (split >= 0) {
      const mark = Object.assign(element("mark", "split", "▸"), { title: DIFFERS, role: "img", ariaLabel: DIFFERS });
      box.append(element("span", "same", ...looped(whole.slice(0, split), 0, loop)), mark);
    }
    box.append(...looped(whole.slice(Math.max(split, 0)), Math.max(split, 0), loop));
    if (cut) box.append(element("em", "", " … " + cut + " more characters stand in the run folder."));
    if (!whole && !cut) box.append(element("em", "", "(empty)"));
    return box;
  };

  const reply = (said) => ((said ?? null) === null ? ""
    : element("details", "", element("summary", "", "its reasons"), prose(said)));
  const again = (each) => (each.repeat ? ", repeat " + (each.repeat + 1) : "");

  const verdicts = (row, judge) => {
    const place = (model) => [judge, model, row.question, row.sample, row.turn].join();
    const found = [];
    for (const model of [0, row.model]) {
      for (const each of ratings.get(place(model)) ?? []) {
        const words = each.score === null ? each.outcome : "rated " + each.score;
        found.push(element("li", "", data.models[model] + ": " + words + again(each), reply(each.reply)));
      }
    }
    for (const each of games.get(place(row.model)) ?? []) {
      const words = each.winner === null ? each.outcome : each.winner === "tie" ? "a tie" : "the " + each.winner + " wins";
      const why = each.reply === null && each.outcome === "scored" && !data.redacted ? " (equal answers, no call)" : "";
      found.push(element("li", "", "game, " + ORDERS[each.order] + again(each) + ": " + words + why,
        reply(each.reply)));
    }
    return found.length ? [element("h5", "", data.judges[judge]), element("ul", "verdicts", ...found)] : [];
  };

  const renderAnswer = (row) => {
    const question = questions[row.question];
    const sides = [0, row.model].map((model) => answers.get([model, row.question, row.sample].join()));
    const parts = [element("h3", "", question.id + " (" + question.category + "), turn " + row.turn + ": " + data.models[row.model])];
    const sample = row.sample ? "sample " + (row.sample + 1) + "; " : "";
    const change = row.change === null ? "not rated" : "rating_change " + signed(row.change, 2);
    parts.push(element("p", "", sample + change + (row.verdict ? "; games: " + row.verdict : "") +
      (row.kinds.length ? "; " + row.kinds.join(", ") : "")));
    for (let turn = 1; turn <= row.turn; turn += 1) {
      const [before, after] = sides.map((turns) => turns[turn - 1]);
      const split = data.redacted ? undefined : splitAt(part(before[0])[0], part(after[0])[0]);
      parts.push(element("h4", "", "Turn " + turn), prose(question.turns[turn - 1]),
        element("div", "pair",
          element("div", "", element("h5", "", data.models[0] + " (baseline), " + before[1]), prose(before[0], -1, before[2])),
          element("div", "", element("h5", "", data.models[row.model] + ", " + after[1] +
            (split === -1 ? ", the same words" : "")), prose(after[0], split, after[2]))));
      if (question.references[turn - 1] !== undefined) {
        parts.push(element("details", "", element("summary", "", "Reference for turn " + turn), prose(question.references[turn - 1])));
      }
    }
    parts.push(element("h4", "", "Verdicts on turn " + row.turn));
    const all = data.judges.flatMap((_, judge) => verdicts(row, judge));
    parts.push(...(all.length ? all : [element("p", "", "No judge has said anything here.")]));
    return parts;
  };

  const asked = (row) => row.question === null
    ? element("p", "absent", data.redacted ? "(text left out: redacted)" : "(the item's text is not in this run folder)")
    : prose(row.question);
  const titled = (row) =>
    element("h3", "", row.task + "/" + row.item + " (" + row.category + "): " + data.models[row.model]);

  const renderSolved = (row) => {
    const split = data.redacted ? undefined : splitAt(part(row.sides[0][2] ?? "")[0], part(row.sides[1][2] ?? "")[0]);
    const side = ([score, finish, text, taken], index) => element("div", "",
      element("h5", "", data.models[index ? row.model : 0] + (index ? "" : " (baseline)") + ": " + row.scoring + " " +
        score + (finish ? ", " + finish : "")),
      prose(text, index ? split : undefined),
      taken === null ? "" : element("p", "", "taken from it: " + (part(taken)[0] || "nothing")));
    return [
      titled(row),
      element("p", "", row.kind + (row.repeat ? "; repeat " + (row.repeat + 1) : "")),
      asked(row),
      row.targets.length ? element("p", "", "right: " + row.targets.map((each) => part(each)[0]).join(" or ")) : "",
      element("div", "pair", ...row.sides.map(side)),
    ].filter((each) => each !== "");
  };

  const renderItem = (row) => {
    const [before, after] = row.picks;
    const lines = row.before.map((value, index) => {
      const marks = [index === row.gold ? "right" : "", index === before ? "baseline's pick" : "",
        index === after ? "candidate's pick" : ""].filter(Boolean).join(", ");
      const option = row.options[index] === undefined ? "option " + (index + 1) : part(row.options[index])[0];
      return element("tr", index === row.gold ? "gold" : "", element("td", "", option), element("td", "", percent(value)),
        element("td", "", percent(row.after[index])), element("td", "", marks));
    });
    const head = ["option", data.models[0], data.models[row.model], ""].map((name) => {
      const cell = element("th", "", name);
      cell.scope = "col";
      return cell;
    });
    return [
      titled(row),
      element("p", "", row.kind + "; probabilities over the options"),
      asked(row),
      element("div", "wide", element("table", "", element("thead", "", element("tr", "", ...head)),
        element("tbody", "", ...lines))),
    ];
  };

  const render = (scroll) => {
    for (const link of list.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
    const row = shown[current];
    const link = list.children[current] && list.children[current].firstElementChild;
    if (link) {
      link.setAttribute("aria-current", "true");
      if (scroll) link.scrollIntoView({ block: "nearest" });
    }
    detail.replaceChildren(...(row === undefined ? [element("p", "", "Nothing matches these filters.")]
      : row.task === undefined ? renderAnswer(row) : row.scoring === undefined ? renderItem(row) : renderSolved(row)));
    detail.scrollTop = 0;
  };

  // The first row that has this key; any has an empty one.
  const show = (key, scroll) => {
    fill();
    shown = filtered();
    current = shown.findIndex((row) => matchesKey(row, key));
    renderList();
    render(scroll);
  };

  const follow = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (!location.hash.includes("=")) return false;
    const named = { q: "q", at: "turn", turn: "turn", candidate: "model", sample: "sample", item: "item", source: "source" };
    const key = new Map([...wanted].filter(([name]) => name in named).map(([name, value]) => [named[name], value]));
    if (key.has("item") && !wanted.has("show")) wanted.set("show", "items");
    for (const name of Object.keys(filters)) filters[name] = wanted.get(name) ?? USUAL[name];
    if (wanted.has("q") && !wanted.has("at")) filters.turn = "";
    show(key, true);
    $("answers").scrollIntoView();
    return true;
  };

  const move = (step) => {
    const next = Math.min(shown.length - 1, Math.max(0, current + step));
    if (next === current || !shown.length) return;
    current = next;
    history.replaceState(null, "", address(shown[current]));
    render(true);
  };

  for (const name of Object.keys(filters)) {
    $("filter-" + name).addEventListener("change", (event) => {
      const items = ITEM_KINDS.includes(filters.show);
      filters[name] = event.target.value;
      if (items !== ITEM_KINDS.includes(filters.show)) Object.assign(filters, { model: "", category: "", turn: "" });
      show(new Map(), false);
      history.replaceState(null, "", address(shown[current]));
    });
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (busy || !["j", "k"].includes(event.key)) return;
    event.preventDefault();
    move(event.key === "j" ? 1 : -1);
  });
  if (!follow()) show(new Map(), false);
})();
