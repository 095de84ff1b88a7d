"use strict";
// The page says all without this: it adds local times, its age, copying, sorting and filtering.  Nothing is fetched or kept.
(function () {
	var opened = Date.now();
	var said = document.getElementById("said");

	function all(selector, within) {
		return Array.prototype.slice.call((within || document).querySelectorAll(selector));
	}

	function make(tag, attributes, text) {
		var e = document.createElement(tag);
		for (var name in attributes)
			e.setAttribute(name, attributes[name]);
		if (text)
			e.textContent = text;
		return e;
	}

	function plural(n, word) {
		return n + " " + word + (n === 1 ? "" : "s");
	}

	function ago(seconds) {
		if (seconds < 60)
			return plural(Math.floor(seconds), "second");
		if (seconds < 3600)
			return plural(Math.floor(seconds / 60), "minute");
		if (seconds < 172800)
			return plural(Math.floor(seconds / 3600), "hour");
		return plural(Math.floor(seconds / 86400), "day");
	}

	// --- times ---

	var local = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
	all("time").forEach(function (time) {
		var at = new Date(time.dateTime);
		if (isNaN(at))
			return;
		time.title = time.textContent;
		time.textContent = local.format(at);
	});
	all(".noscript").forEach(function (e) {
		e.hidden = true;
	});

	var made = document.querySelector("#made time");
	var age = document.getElementById("age"), stale = document.getElementById("stale");

	function tell() {
		var open = (Date.now() - opened) / 1000;
		if (made)
			age.textContent = ", " + ago(Math.max(0, (Date.now() - new Date(made.dateTime)) / 1000)) + " ago";
		if (open < 120 || !stale)
			return;
		var text = "This page was opened " + ago(open) + " ago and does not change by itself: reload it (F5) to see how things are now.";
		if (stale.textContent !== text)
			stale.textContent = text;
		stale.hidden = false;
	}
	tell();
	setInterval(tell, 5000);
	document.addEventListener("visibilitychange", tell);

	// --- copying ---

	function copy_by_selection(code) {
		var range = document.createRange(), selection = getSelection();
		range.selectNodeContents(code);
		selection.removeAllRanges();
		selection.addRange(range);
		return document.execCommand("copy") ? Promise.resolve() : Promise.reject();
	}

	function copy(code) {
		if (!navigator.clipboard)
			return copy_by_selection(code);
		return navigator.clipboard.writeText(code.textContent).catch(function () {
			return copy_by_selection(code);
		});
	}

	all(".command code").forEach(function (code) {
		var button = make("button", {type: "button", "aria-label": "Copy " + code.textContent}, "Copy");
		button.addEventListener("click", function () {
			copy(code).then(function () {
				button.textContent = "Copied";
				said.textContent = "Copied";
			}, function () {
				button.textContent = "Press Ctrl+C";
				said.textContent = "Press Ctrl+C to copy";
			});
			setTimeout(function () {
				button.textContent = "Copy";
				said.textContent = "";
			}, 2000);
		});
		code.parentNode.appendChild(button);
	});

	// --- sorting ---

	var words = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});

	function by_key(a, b) {
		if (a.dataset.key !== undefined && b.dataset.key !== undefined)
			return a.dataset.key - b.dataset.key;
		return words.compare(a.textContent, b.textContent);
	}

	function sort_table(table, head, column) {
		var down = head.getAttribute("aria-sort") === "ascending";
		var body = table.tBodies[0];
		all("th[aria-sort]", table).forEach(function (th) {
			th.removeAttribute("aria-sort");
		});
		head.setAttribute("aria-sort", down ? "descending" : "ascending");
		Array.prototype.slice.call(body.rows).sort(function (a, b) {
			return by_key(a.cells[column], b.cells[column]) * (down ? -1 : 1);
		}).forEach(function (row) {
			body.appendChild(row);
		});
	}

	function make_sortable(table) {
		all("thead th", table).forEach(function (head, column) {
			var button = make("button", {type: "button"}, head.textContent);
			head.textContent = "";
			head.appendChild(button);
			button.addEventListener("click", function () {
				sort_table(table, head, column);
			});
		});
	}

	// --- filtering ---

	function add_tools(list, items, name) {
		var tools = make("div", {"class": "tools"}), label = make("label", {}, "Filter ");
		var input = make("input", {type: "search", autocomplete: "off", "aria-label": "Filter: " + name});
		var shown = make("span", {role: "status"});
		label.appendChild(input);
		tools.appendChild(label);
		tools.appendChild(shown);
		list.parentNode.insertBefore(tools, list);
		var texts = items.map(function (item) {
			return item.textContent.toLowerCase();
		});
		input.addEventListener("input", function () {
			var wanted = input.value.toLowerCase().split(/\s+/), n = 0;
			items.forEach(function (item, i) {
				item.hidden = !wanted.every(function (word) {
					return texts[i].indexOf(word) >= 0;
				});
				n += !item.hidden;
			});
			shown.textContent = input.value ? n + " of " + items.length : "";
		});
		return tools;
	}

	var orders = {
		"Most missing": function (a, b) {
			return b.dataset.count - a.dataset.count;
		},
		"Noticed last": function (a, b) {
			return b.dataset.since - a.dataset.since;
		},
		"Title": function (a, b) {
			return words.compare(a.querySelector(".title").textContent, b.querySelector(".title").textContent);
		}
	};

	function add_orders(tools, list, items) {
		var label = make("label", {}, "Sort "), select = make("select", {});
		Object.keys(orders).forEach(function (name) {
			select.appendChild(make("option", {}, name));
		});
		select.addEventListener("change", function () {
			items.slice().sort(orders[select.value]).forEach(function (item) {
				list.appendChild(item);
			});
		});
		label.appendChild(select);
		tools.appendChild(label);
	}

	all("table").forEach(function (table) {
		var rows = Array.prototype.slice.call(table.tBodies[0].rows);
		if (rows.length > 1)
			make_sortable(table);
		if (rows.length > 8)
			add_tools(table, rows, table.caption.textContent);
	});
	all("[data-list]").forEach(function (list) {
		var items = Array.prototype.slice.call(list.children);
		if (items.length < 5)
			return;
		var tools = add_tools(list, items, list.dataset.list);
		if (list.dataset.list === "series")
			add_orders(tools, list, items);
	});
}());
